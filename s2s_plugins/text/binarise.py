"""From documents to fairseq's binarised data: a first pass makes the dictionary, a second one the data.

No document is kept: memory grows with the vocabulary and by a few bytes for each document, not with the text.
"""

from __future__ import annotations

import io
from array import array
from collections import Counter
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.documents import Document
from s2s_plugins.text.indexed import IndexedWriter
from s2s_plugins.text.symbols import EOS, FILLER, SPECIAL, SymbolTable
from s2s_plugins.text.tokens import Tokenizer

# fairseq's sentence_prediction adds this symbol where it is missing, and then no pretrained model fits
MASK = "<mask>"
SAMPLE_SENTENCES = 500_000  # sentencepiece trains on at most so many
SAMPLE_WORDS = 100  # in a sentence


class Counts(NamedTuple):
    """The documents and tokens of one split.

    Attributes:
        documents: number of documents.
        tokens: number of tokens that were kept, without the ends of sentences.
        empty: number of documents without a token.
        dropped: number of tokens that are not in the dictionary.
    """

    documents: int = 0
    tokens: int = 0
    empty: int = 0
    dropped: int = 0


def train_sentencepiece(texts: Iterable[str], vocab_size: int) -> bytes:
    """Train a unigram model (Kudo 2018, arXiv:1804.10959) on a sample of ``texts``.

    Args:
        texts: normalized.
        vocab_size: number of pieces.

    Returns:
        The model, as bytes.

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
            num_threads=1,  # the rounding depends on the number of threads
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UsageError(
            f"--vocab-size {vocab_size} does not fit this text: {str(error).split('] ')[-1].strip()}: use fewer"
        ) from None
    return model.getvalue()


class TokenCounts(NamedTuple):
    """The tokens of some texts, in the order of their first occurrence.

    Attributes:
        counts: how often each occurs.
        first: the number of the text in which each occurs first.
    """

    counts: Counter[str]
    first: "array[int]"


def count_tokens(texts: Iterable[str], tokenizer: Tokenizer) -> TokenCounts:
    """Count the tokens of texts, which are numbered from 0."""
    found = TokenCounts(Counter(), array("q"))
    for number, text in enumerate(texts):
        before = len(found.counts)
        found.counts.update(tokenizer.tokenize(text))
        found.first.extend([number] * (len(found.counts) - before))
    return found


def counted_together(shares: Sequence[TokenCounts]) -> Counter[str]:
    """How often each token occurs in all shares of texts, in the order of the first occurrence in all of them."""
    rows = [
        (number * len(shares) + share, place, token, count)
        for share, (counts, first) in enumerate(shares)
        for place, (number, (token, count)) in enumerate(zip(first, counts.items()))
    ]
    together: Counter[str] = Counter()
    for _, _, token, count in sorted(rows):
        together[token] += count
    return together


def build_dictionary(counts: Counter[str], min_count: int, max_words: Optional[int]) -> SymbolTable:
    """The most frequent tokens, the most frequent first; tokens of equal counts in the order of their first occurrence.

    Args:
        counts: of all tokens.
        min_count: rarer tokens are left out.
        max_words: number of tokens at most; None: no limit.

    Raises:
        UsageError: no token is left.
    """
    special = {*SPECIAL, MASK}
    kept = [(token, n) for token, n in counts.most_common() if n >= min_count and token not in special]
    if not kept:
        raise UsageError(f"no token occurs {min_count} times: use --min-count 1, or more text")
    dictionary = SymbolTable()
    for token, n in kept[:max_words]:
        dictionary.add(token, n)
    dictionary.add(MASK)
    return dictionary


def write_documents(
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    dictionary: SymbolTable,
    writers: Sequence[IndexedWriter],
    each: Optional[Callable[[Document], None]] = None,
) -> Counts:
    """Binarise ``documents``.

    Args:
        documents: are read once.
        tokenizer: splits a document into tokens.
        dictionary: numbers the tokens.
        writers: each of them gets all documents.
        each: called with every document.

    Returns:
        What was written.
    """
    count, kept, empty, dropped = 0, 0, 0, 0
    for document in documents:
        tokens = tokenizer.tokenize(document.text)
        numbers = tokenizer.encode(tokens, dictionary.indices)
        for writer in writers:
            writer.add(numbers)
        if each is not None:
            each(document)
        count += 1
        kept += len(numbers) - 1
        empty += len(numbers) == 1
        dropped += len(tokens) + 1 - len(numbers)
    return Counts(count, kept, empty, dropped)


class Labels:
    """The classes, sorted by name.

    Args:
        names: of all classes.

    Attributes:
        names: sorted.
        symbols: the names as symbols of a ``dict.txt``.

    Raises:
        UsageError: a name that fairseq's dictionary cannot hold.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names: List[str] = sorted(names)
        self.symbols = SymbolTable()
        for name in self.names:
            if len(name.splitlines()) > 1:
                raise UsageError(f"label {name!r} has more than one line: make it one")
            if name in SPECIAL or name.startswith(FILLER):
                raise UsageError(f"label {name!r} is a symbol of fairseq's own: call the class something else")
            self.symbols.add(name)

    def encode(self, document: Document) -> List[int]:
        """The number of the label, and that of the end of sentence.

        Raises:
            UsageError: it is not among the classes.
        """
        number = self.symbols.indices.get(document.label)
        if number is None:
            known = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            raise UsageError(
                f"{document.where}: label {document.label!r} does not occur in the training data, which has {known}: "
                "correct it, or add documents of this class to --train"
            )
        return [number, EOS]


def percent(part: int, whole: int) -> str:
    """``1`` of ``8`` -> ``12.5 %``; of nothing, ``0 %``."""
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def table(rows: List[Tuple[str, Counts]]) -> str:
    """The counts as a table, a row for each named split."""
    lines = [f"{'':<22}{'documents':>10}{'tokens':>12}{'empty':>8}{'dropped':>18}"]
    for name, counts in rows:
        dropped = f"{counts.dropped} ({percent(counts.dropped, counts.dropped + counts.tokens)})"
        lines.append(f"{name:<22}{counts.documents:>10}{counts.tokens:>12}{counts.empty:>8}{dropped:>18}")
    return "\n".join(lines)
