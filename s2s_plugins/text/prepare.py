"""Labelled and unlabelled text to binarised data, for pretraining and for classification."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Protocol, Sequence, Tuple, TypeVar

from s2s_plugins.errors import UsageError
from s2s_plugins.text import binarise
from s2s_plugins.text.documents import Document, Left
from s2s_plugins.text.indexed import IndexedWriter
from s2s_plugins.text.shares import Share, at_once, in_shares
from s2s_plugins.text.sources import Sources, Splits
from s2s_plugins.text.symbols import SymbolTable
from s2s_plugins.text.tokens import Tokenizer, load_settings

MOST_TOKENS = 100_000_000
MOST_SHARDS = 1000
PIECES = 8000  # of a sentencepiece model, where no number is given
SPLITS = ("train", "valid", "test")
T = TypeVar("T")


@dataclass(frozen=True)
class TokenChoice:
    """What the tokens of a data set are: those of another folder, or chosen by these values.

    Args:
        level: ``"word"``, ``"char"`` or ``"sentencepiece"``.
        vocab_size: number of sentencepiece's pieces; None: 8000.
        min_count: rarer tokens are left out; None: 2 for words, else 1.
        max_words: number of tokens at most; None: no limit.
        rare: ``"drop"`` or ``"unk"``, as :class:`~s2s_plugins.text.tokens.Tokenizer` takes it; None: ``"drop"``.
        keep_case: keep upper case.
        tokens_from: a folder of :func:`prepare`, whose tokenizer and dictionary are taken; excludes the others.

    Raises:
        UsageError: values that make no sense, or not together.
    """

    level: Optional[str] = None
    vocab_size: Optional[int] = None
    min_count: Optional[int] = None
    max_words: Optional[int] = None
    rare: Optional[str] = None
    keep_case: bool = False
    tokens_from: Optional[str] = None

    def __post_init__(self) -> None:
        if self.tokens_from:
            settled = ("level", "vocab_size", "min_count", "max_words", "rare", "keep_case")
            given = [name for name in settled if getattr(self, name)]
            if given:
                raise UsageError(f"--tokens-from settles --{given[0].replace('_', '-')}: leave one of them out")
        elif not self.level:
            raise UsageError(
                "--level is missing: word, char or sentencepiece; or --tokens-from another prepared folder"
            )
        elif self.vocab_size is not None and self.level != "sentencepiece":
            raise UsageError(f"--vocab-size is for --level sentencepiece, not {self.level}: use --max-words")
        for name in ("vocab_size", "min_count", "max_words"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST_TOKENS:
                flag = f"--{name.replace('_', '-')} {value}"
                raise UsageError(f"{flag} is not a number of tokens: use 1 or more, and at most {MOST_TOKENS}")


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare` wrote.

    Args:
        rows: the counts of each part, by its name.
        symbols: size of the dictionary.
        labels: names of the classes.
        of_label: the number of documents of each class, by split.
        left: what was left out, a line for each file and reason.
        pretrain: folders with the data for pretraining; ``valid`` is in the first.
    """

    rows: List[Tuple[str, binarise.Counts]]
    symbols: int
    labels: List[str]
    of_label: Dict[str, Counter[str]]
    left: List[str]
    pretrain: List[str] = field(default_factory=lambda: ["pretrain"])

    def __str__(self) -> str:
        width = max(5, *map(len, self.labels))
        lines = [binarise.table(self.rows), f"dictionary: {self.symbols} symbols", ""]
        lines.append(f"{'class':<{width}}" + "".join(f"{split:>10}" for split in self.of_label))
        for name in self.labels:
            lines.append(f"{name:<{width}}" + "".join(f"{counts[name]:>10}" for counts in self.of_label.values()))
        return "\n".join(lines)

    def warnings(self) -> List[str]:
        """Classes with a single document to train on, and what was left out."""
        trained = self.of_label["train"]
        single = [f"class {name!r} has one document to train on" for name in self.labels if trained[name] == 1]
        return [*single, *self.left]


class Documents(Protocol):
    """The documents of each split, read again at each call; their labels are those of the training split."""

    @property
    def left(self) -> Left: ...

    def train(self) -> Iterator[Document]: ...

    def valid(self) -> Iterator[Document]: ...

    def test(self) -> Iterator[Document]: ...

    def unlabelled(self) -> Iterator[Document]: ...

    def texts(self) -> Iterator[str]: ...


def progress(documents: Iterable[T], what: str) -> Iterator[T]:
    """``documents``; their number so far is shown on stderr."""
    from tqdm import tqdm

    return iter(tqdm(documents, desc=what, unit=" documents", delay=1, mininterval=1 if sys.stderr.isatty() else 10))


def prepare(sources: Sources, choice: TokenChoice, folder: Path, shards: int = 1) -> Prepared:
    """Write the data into the empty ``folder``.

    Args:
        sources: the files.
        choice: what the tokens are.
        folder: an empty one.
        shards: folders that the documents to pretrain on are dealt to, by several processes.

    Raises:
        UsageError: a file cannot be read, a label does not fit, or no document or token is left.
    """
    if not 1 <= shards <= MOST_SHARDS:
        raise UsageError(f"--shards {shards} is not a number of folders: use 1 to {MOST_SHARDS}")
    return prepare_splits(Splits(sources), choice, folder, bool(sources.test), sources.train_text, shards)


def prepare_splits(
    splits: Documents,
    choice: TokenChoice,
    folder: Path,
    has_test: bool = False,
    train_text: bool = True,
    shards: int = 1,
) -> Prepared:
    """As :func:`prepare`, of documents from anywhere.

    Args:
        splits: the documents of each split.
        choice: what the tokens are.
        folder: an empty one.
        has_test: whether there is a split ``test``.
        train_text: whether the text of ``train`` is for pretraining too.
        shards: as there; with several, ``splits`` can be sent to another process.

    Raises:
        UsageError: as there.
    """
    labels = binarise.Labels(Counter(document.label for document in progress(splits.train(), "labels")))
    tokenizer, dictionary = _tokens(choice, splits, shards)
    writer = _Writer(folder, labels, tokenizer, dictionary)
    pretraining = [f"pretrain/{number}" for number in range(1, shards + 1)] if shards > 1 else ["pretrain"]
    with IndexedWriter(folder / pretraining[0] / "valid", len(dictionary)) as valid:
        valid_row = writer.write("valid", splits.valid, valid)
    if shards > 1:
        work = partial(_write_share, splits, tokenizer, dictionary, [folder / name for name in pretraining], train_text)
        total = _sum(in_shares(work, shards))
        train_row = writer.write("train", splits.train)
    else:
        with IndexedWriter(folder / "pretrain" / "train", len(dictionary)) as pretrain:
            total = writer.write_unlabelled(splits.unlabelled, pretrain)
            train_row = writer.write("train", splits.train, *([pretrain] if train_text else []))
        total = _sum([total, train_row[1]]) if train_text else total
    if shards > max(1, total.documents):
        raise UsageError(f"--shards {shards} is more than there are documents to pretrain on: use fewer")
    rows = [("pretrain/train", total), train_row, valid_row]
    if has_test:
        rows.append(writer.write("test", splits.test))
    for path in (*pretraining, "classify/input0"):
        dictionary.save(folder / path / "dict.txt")
    labels.symbols.save(folder / "classify" / "label" / "dict.txt")
    for path in ("pretrain", "classify"):
        tokenizer.save(folder / path)
    of_label: Dict[str, Counter[str]] = {name: writer.of_label[name] for name in SPLITS if name in writer.of_label}
    return Prepared(rows, len(dictionary), labels.names, of_label, splits.left.lines(), pretraining)


def _sum(counts: Sequence[binarise.Counts]) -> binarise.Counts:
    return binarise.Counts(*map(sum, zip(*counts)))


def _write_share(
    splits: Documents,
    tokenizer: Tokenizer,
    dictionary: SymbolTable,
    folders: Sequence[Path],
    train_text: bool,
    share: Share,
) -> binarise.Counts:
    """Write a share of the documents to pretrain on, into the folder of its number."""
    documents = itertools.chain(splits.unlabelled(), splits.train() if train_text else ())
    shown = documents if share.number else progress(documents, "pretrain")
    with IndexedWriter(folders[share.number] / "train", len(dictionary)) as writer:
        return binarise.write_documents(share.of(shown), tokenizer, dictionary, [writer])


class _Writer:
    """Writes the parts of a data set, and counts the documents of each class by split."""

    def __init__(self, folder: Path, labels: binarise.Labels, tokenizer: Tokenizer, dictionary: SymbolTable) -> None:
        self.folder, self.labels, self.tokenizer, self.dictionary = folder, labels, tokenizer, dictionary
        self.of_label: Dict[str, Counter[str]] = {}

    def write(
        self, name: str, documents: Callable[[], Iterator[Document]], *also: IndexedWriter
    ) -> Tuple[str, binarise.Counts]:
        """Write a split for classification; its documents go to the writers ``also`` too.

        Raises:
            UsageError: there is no document.
        """
        of_label = self.of_label[name] = Counter()
        classify = self.folder / "classify"
        with (
            IndexedWriter(classify / "label" / name, len(self.labels.symbols)) as label_writer,
            IndexedWriter(classify / "input0" / name, len(self.dictionary)) as writer,
        ):

            def add_label(document: Document) -> None:
                label_writer.add(self.labels.encode(document))
                of_label[document.label] += 1

            shown = progress(documents(), name)
            counts = binarise.write_documents(shown, self.tokenizer, self.dictionary, [writer, *also], add_label)
        if not counts.documents:
            raise UsageError(f"no document is left for {name}: give more, or another --valid-fraction")
        return f"classify/{name}", counts

    def write_unlabelled(self, documents: Callable[[], Iterator[Document]], pretrain: IndexedWriter) -> binarise.Counts:
        """Write documents for pretraining alone."""
        shown = progress(documents(), "unlabelled")
        return binarise.write_documents(shown, self.tokenizer, self.dictionary, [pretrain])


def _count_share(splits: Documents, tokenizer: Tokenizer, share: Share) -> binarise.TokenCounts:
    """Count the tokens of a share of the texts."""
    texts = splits.texts() if share.number else progress(splits.texts(), "dictionary")
    return binarise.count_tokens(share.of(texts), tokenizer)


def _tokens(choice: TokenChoice, splits: Documents, shards: int) -> Tuple[Tokenizer, SymbolTable]:
    """Tokenizer and dictionary, of another folder or of this text."""
    if choice.tokens_from:
        other = Path(choice.tokens_from) / "classify"
        settings = load_settings(other)
        if settings is None:
            raise UsageError(
                f"--tokens-from {choice.tokens_from} has no classify/tokens.json: name what s2s prepare wrote"
            )
        return Tokenizer.from_settings(settings), SymbolTable.load(other / "input0" / "dict.txt")
    level, lowercase, model = str(choice.level), not choice.keep_case, None
    if level == "sentencepiece":
        plain = Tokenizer("char", lowercase)
        texts = (plain.normalize(text) for text in progress(splits.texts(), "sentencepiece"))
        model = _train_sentencepiece(texts, choice.vocab_size or PIECES)
    tokenizer = Tokenizer(level, lowercase, choice.rare or "drop", model)
    counts = binarise.counted_together(in_shares(partial(_count_share, splits, tokenizer), at_once(shards)))
    min_count = choice.min_count or (2 if level == "word" else 1)
    return tokenizer, binarise.build_dictionary(counts, min_count, choice.max_words)


def _train_sentencepiece(texts: Iterable[str], vocab_size: int) -> bytes:
    """:func:`~s2s_plugins.text.binarise.train_sentencepiece`; an error of ``texts`` is raised as it is.

    Raises:
        UsageError: there is too little text, or something is wrong with a file.
    """
    raised: List[BaseException] = []

    def watched() -> Iterator[str]:
        try:
            yield from texts
        except BaseException as error:
            raised.append(error)
            raise

    try:
        return binarise.train_sentencepiece(watched(), vocab_size)
    except Exception:
        # sentencepiece turns what its iterator raises into a RuntimeError, which would hide the error of a file
        if raised and not isinstance(raised[0], GeneratorExit):
            raise raised[0] from None
        raise
