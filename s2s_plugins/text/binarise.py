"""From documents to fairseq's binarised data: a dictionary by one pass over them, the data by a second one.

Nothing keeps a document: memory grows with the vocabulary and with a few bytes a document, not with the text.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from fairseq.data import Dictionary, indexed_dataset

from s2s_plugins.errors import UsageError
from s2s_plugins.text.documents import Document
from s2s_plugins.text.tokens import Tokenizer

MASK = (
    "<mask>"  # fairseq's sentence_prediction adds it to a dictionary that lacks it, and then no pretrained model fits
)
SAMPLE_SENTENCES = 500_000  # that sentencepiece trains on, at most
SAMPLE_WORDS = 100  # in each


class Counts(NamedTuple):
    """What became of the documents of one split.

    Attributes:
        documents: how many.
        tokens: how many that are kept, ends of sentence not counted.
        empty: documents with no token.
        dropped: tokens that the dictionary lacks.
    """

    documents: int = 0
    tokens: int = 0
    empty: int = 0
    dropped: int = 0


def train_sentencepiece(texts: Iterable[str], vocab_size: int) -> bytes:
    """A unigram model (Kudo 2018, arXiv:1804.10959) of a sample of ``texts``.

    Raises:
        UsageError: there is too little text for so many pieces.
    """
    import sentencepiece

    def pieces() -> Iterator[str]:
        for text in texts:
            words = text.split()
            for start in range(0, len(words), SAMPLE_WORDS):
                yield " ".join(words[start : start + SAMPLE_WORDS])

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=pieces(),
            model_writer=model,
            vocab_size=vocab_size,
            input_sentence_size=SAMPLE_SENTENCES,
            shuffle_input_sentence=True,
            num_threads=1,  # more threads, other rounding
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UsageError(
            f"--vocab-size {vocab_size} does not fit this text: {str(error).split('] ')[-1].strip()}: use fewer"
        ) from None
    return model.getvalue()


def count_tokens(texts: Iterable[str], tokenizer: Tokenizer) -> Counter:
    """How often each token occurs."""
    counts: Counter = Counter()
    for text in texts:
        counts.update(tokenizer.tokenize(text))
    return counts


def build_dictionary(counts: Counter, min_count: int, max_words: Optional[int]) -> Dictionary:
    """The most frequent tokens, most frequent first; of equals, the one that came first.

    Args:
        counts: of all tokens.
        min_count: tokens that are rarer are left out.
        max_words: how many at most.

    Raises:
        UsageError: none is left.
    """
    dictionary = Dictionary()
    special = set(dictionary.symbols) | {MASK}
    kept = [(token, n) for token, n in counts.most_common() if n >= min_count and token not in special]
    if not kept:
        raise UsageError(f"no token occurs {min_count} times: use --min-count 1, or more text")
    for token, n in kept[:max_words]:
        dictionary.add_symbol(token, n)
    dictionary.add_symbol(MASK, 1)
    return dictionary


def write_documents(
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    dictionary: Dictionary,
    prefix: Path,
    also: Sequence["DataWriter"] = (),
    each: Optional[Callable[[Document], None]] = None,
) -> Counts:
    """Binarise ``documents`` into ``prefix.bin`` and ``prefix.idx``.

    Args:
        also: further writers that get the same documents.
        each: called with every document.
    """
    documents_, tokens_, empty, dropped = 0, 0, 0, 0
    with DataWriter(prefix, len(dictionary)) as writer:
        for document in documents:
            tokens = tokenizer.tokenize(document.text)
            numbers = tokenizer.encode(tokens, dictionary)
            for one in (writer, *also):
                one.add(numbers)
            if each is not None:
                each(document)
            documents_ += 1
            tokens_ += len(numbers) - 1
            empty += len(numbers) == 1
            dropped += len(tokens) + 1 - len(numbers)
    return Counts(documents_, tokens_, empty, dropped)


class DataWriter:
    """Writes ``prefix.bin`` and ``prefix.idx``, to be used in a ``with`` statement.

    Args:
        prefix: path without ending.
        vocabulary: size of the dictionary.
    """

    def __init__(self, prefix: Path, vocabulary: int) -> None:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        self.index = f"{prefix}.idx"
        self.builder = indexed_dataset.make_builder(f"{prefix}.bin", "mmap", vocabulary)

    def add(self, numbers: torch.Tensor) -> None:
        self.builder.add_item(numbers)

    def __enter__(self) -> "DataWriter":
        return self

    def __exit__(self, *error) -> None:
        self.builder.finalize(self.index)


class Labels:
    """The classes, sorted by name, and how many documents of each a split has.

    Args:
        names: of all classes.

    Raises:
        UsageError: a name that fairseq's dictionary cannot hold.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.dictionary = Dictionary()
        special = set(self.dictionary.symbols)
        for name in sorted(names):
            if len(name.splitlines()) > 1:
                raise UsageError(f"label {name!r} has more than one line: make it one")
            if name in special or name.startswith("madeupword"):
                raise UsageError(f"label {name!r} is a symbol of fairseq's own: call the class something else")
            self.dictionary.add_symbol(name)
        self.names: List[str] = self.dictionary.symbols[self.dictionary.nspecial :]

    def encode(self, document: Document) -> torch.Tensor:
        """The label's number and the end of sentence, (2,).

        Raises:
            UsageError: it is not among the classes.
        """
        if document.label not in self.dictionary.indices:
            known = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            raise UsageError(
                f"{document.where}: label {document.label!r} does not occur in the training data, which has {known}: "
                "correct it, or add documents of this class to --train"
            )
        return torch.tensor([self.dictionary.indices[document.label], self.dictionary.eos()])


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def table(rows: List[Tuple[str, Counts]]) -> str:
    """The counts of splits as text."""
    lines = [f"{'':<22}{'documents':>10}{'tokens':>12}{'empty':>8}{'dropped':>18}"]
    for name, counts in rows:
        dropped = f"{counts.dropped} ({percent(counts.dropped, counts.dropped + counts.tokens)})"
        lines.append(f"{name:<22}{counts.documents:>10}{counts.tokens:>12}{counts.empty:>8}{dropped:>18}")
    return "\n".join(lines)
