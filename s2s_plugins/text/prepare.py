"""Labelled and unlabelled text to binarised data, for pretraining and for classification."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Tuple

from fairseq.data import Dictionary

from s2s_plugins.errors import UsageError
from s2s_plugins.text import binarise
from s2s_plugins.text.documents import Left, read_labelled, read_unlabelled
from s2s_plugins.text.tokens import Tokenizer, load_settings


class Splits:
    """The documents of each split, read again each time.

    Args:
        args: the flags.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.left = args, Left(args.skip_bad_rows)

    def _labelled(self, path: str) -> Iterator:
        return read_labelled(path, self.args.text_column, self.args.label_column, self.left)

    def _drawn(self, held_out: bool) -> Iterator:
        draw, known = random.Random(self.args.seed), set()
        for document in self._labelled(self.args.train):
            drawn = draw.random() < self.args.valid_fraction
            # a class's first document stays, or a class of one could be left without any
            if (drawn and document.label in known) == held_out:
                yield document
            known.add(document.label)

    def train(self) -> Iterator:
        return self._labelled(self.args.train) if self.args.valid else self._drawn(held_out=False)

    def valid(self) -> Iterator:
        return self._labelled(self.args.valid) if self.args.valid else self._drawn(held_out=True)

    def test(self) -> Iterator:
        return self._labelled(self.args.test)

    def unlabelled(self) -> Iterator:
        for path in self.args.unlabelled:
            yield from read_unlabelled(path, self.args.text_column, self.left)

    def texts(self) -> Iterator[str]:
        """All that the dictionary is made of."""
        for document in self.unlabelled():
            yield document.text
        for document in self.train():
            yield document.text


def progress(documents: Iterable, what: str) -> Iterator:
    """``documents``, and on stderr how many there have been."""
    from tqdm import tqdm

    return iter(tqdm(documents, desc=what, unit=" documents", delay=1, mininterval=1 if sys.stderr.isatty() else 10))


def prepare(args: argparse.Namespace, folder: Path) -> None:
    """Write the data into the empty ``folder``, and print what there is.

    Raises:
        UsageError: a file, label or setting that cannot be.
    """
    splits = Splits(args)
    seen: Counter = Counter(document.label for document in progress(splits.train(), "labels"))
    labels = binarise.Labels(seen)
    tokenizer, dictionary = _tokens(args, splits)
    rows: List[Tuple[str, binarise.Counts]] = []
    counted: List[Tuple[str, Counter]] = []

    def write(name: str, documents: Callable[[], Iterator], *also) -> None:
        of_label: Counter = Counter()
        with binarise.DataWriter(folder / "classify" / "label" / name, len(labels.dictionary)) as writer:

            def add_label(document) -> None:
                writer.add(labels.encode(document))
                of_label[document.label] += 1

            prefix = folder / "classify" / "input0" / name
            counts = binarise.write_documents(
                progress(documents(), name), tokenizer, dictionary, prefix, also, add_label
            )
        if not counts.documents:
            raise UsageError(f"no document is left for {name}: give more, or another --valid-fraction")
        rows.append((f"classify/{name}", counts))
        counted.append((name, of_label))

    with binarise.DataWriter(folder / "pretrain" / "valid", len(dictionary)) as valid:
        write("valid", splits.valid, valid)
    prefix = folder / "pretrain" / "train"
    with binarise.DataWriter(prefix, len(dictionary)) as pretrain:
        total = binarise.write_documents(
            progress(splits.unlabelled(), "unlabelled"), tokenizer, dictionary, folder / "unlabelled", [pretrain]
        )
        for file in folder.glob("unlabelled.*"):
            file.unlink()
        write("train", splits.train, *([] if args.no_train_text else [pretrain]))
    if not args.no_train_text:
        total = binarise.Counts(*(sum(parts) for parts in zip(total, rows[-1][1])))
    if args.test:
        write("test", splits.test)
    for path in ("pretrain", "classify/input0"):
        dictionary.save(str(folder / path / "dict.txt"))
    labels.dictionary.save(str(folder / "classify" / "label" / "dict.txt"))
    for path in ("pretrain", "classify"):
        tokenizer.save(folder / path)
    rows[:2], counted[:2] = rows[1::-1], counted[1::-1]  # as one expects them: train, valid, test
    print(binarise.table([("pretrain/train", total), *rows]))
    print(f"dictionary: {len(dictionary)} symbols\n")
    _print_classes(labels.names, counted)
    for line in splits.left.lines():
        print(f"warning: {line}", file=sys.stderr)


def _tokens(args: argparse.Namespace, splits: Splits):
    """Tokenizer and dictionary: another folder's, or of this text."""
    from s2s_plugins.text import binarise

    if args.tokens_from:
        other = Path(args.tokens_from) / "classify"
        settings = load_settings(other)
        if settings is None:
            raise UsageError(
                f"--tokens-from {args.tokens_from} has no classify/tokens.json: name what s2s prepare wrote"
            )
        return Tokenizer.from_settings(settings), Dictionary.load(str(other / "input0" / "dict.txt"))
    rare, lowercase, model = args.rare or "drop", not args.keep_case, None
    if args.level == "sentencepiece":
        plain = Tokenizer("char", lowercase)
        texts = (plain.normalize(text) for text in progress(splits.texts(), "sentencepiece"))
        model = _train_sentencepiece(texts, args.vocab_size or 8000)
    tokenizer = Tokenizer(args.level, lowercase, rare, model)
    counts = binarise.count_tokens(progress(splits.texts(), "dictionary"), tokenizer)
    min_count = args.min_count or (2 if args.level == "word" else 1)
    return tokenizer, binarise.build_dictionary(counts, min_count, args.max_words)


def _train_sentencepiece(texts: Iterable[str], vocab_size: int) -> bytes:
    """:func:`~s2s_plugins.text.binarise.train_sentencepiece`; what ``texts`` raises comes out as it is.

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
        # sentencepiece makes a RuntimeError of what its iterator raises, a file's error would be lost in it
        if raised and not isinstance(raised[0], GeneratorExit):
            raise raised[0] from None
        raise


def _print_classes(names: List[str], counted: List[Tuple[str, Counter]]) -> None:
    width = max(5, *map(len, names))
    print(f"{'class':<{width}}" + "".join(f"{split:>10}" for split, _ in counted))
    for name in names:
        print(f"{name:<{width}}" + "".join(f"{counts[name]:>10}" for _, counts in counted))
    for name in names:
        if dict(counted)["train"][name] == 1:
            print(f"warning: class {name!r} has one document to train on", file=sys.stderr)
