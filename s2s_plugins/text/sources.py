"""The splits of a data set, read from the files that a user names."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Iterator, Optional, Sequence, Set

from s2s_plugins.errors import UsageError
from s2s_plugins.text.documents import Document, Left, read_labelled, read_unlabelled


@dataclass(frozen=True)
class Sources:
    """Where documents come from.

    Args:
        train: file or folder of labelled documents to train on.
        valid: the same to validate on; None: some of ``train`` are held out.
        test: the same to test on.
        unlabelled: files or folders of further text for pretraining.
        text_column: column or key of the text.
        label_column: column or key of the label.
        valid_fraction: share of ``train`` that is held out, between 0 and 1.
        seed: of the choice of documents to hold out.
        skip_bad_rows: leave out rows with too few or too many columns; else they are errors.
        train_text: pretrain on the text of ``train`` too.

    Raises:
        UsageError: a value that makes no sense.
    """

    train: str
    valid: Optional[str] = None
    test: Optional[str] = None
    unlabelled: Sequence[str] = ()
    text_column: str = "text"
    label_column: str = "label"
    valid_fraction: float = 0.15
    seed: int = 1
    skip_bad_rows: bool = False
    train_text: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.valid_fraction < 1:
            raise UsageError(
                f"--valid-fraction {self.valid_fraction} is not a fraction: use more than 0, and less than 1"
            )
        if not self.train_text and not self.unlabelled:
            raise UsageError("--no-train-text leaves nothing to pretrain on: give --unlabelled")


class Splits:
    """The documents of each split, read again at each call.

    Args:
        sources: the files.

    Attributes:
        left: what was left out.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.left: Left = Left(sources.skip_bad_rows)

    def _labelled(self, path: str) -> Iterator[Document]:
        return read_labelled(path, self.sources.text_column, self.sources.label_column, self.left)

    def _drawn(self, held_out: bool) -> Iterator[Document]:
        draw = random.Random(self.sources.seed)
        known: Set[str] = set()
        for document in self._labelled(self.sources.train):
            drawn = draw.random() < self.sources.valid_fraction
            # the first document of a class stays: a class of one document would have none left to train on
            if (drawn and document.label in known) == held_out:
                yield document
            known.add(document.label)

    def train(self) -> Iterator[Document]:
        """The labelled documents to train on."""
        return self._labelled(self.sources.train) if self.sources.valid else self._drawn(held_out=False)

    def valid(self) -> Iterator[Document]:
        """The labelled documents to validate on."""
        return self._labelled(self.sources.valid) if self.sources.valid else self._drawn(held_out=True)

    def test(self) -> Iterator[Document]:
        """The labelled documents to test on, if there are any."""
        return self._labelled(self.sources.test) if self.sources.test else iter(())

    def unlabelled(self) -> Iterator[Document]:
        """The further documents for pretraining."""
        for path in self.sources.unlabelled:
            yield from read_unlabelled(path, self.sources.text_column, self.left)

    def texts(self) -> Iterator[str]:
        """The texts that the dictionary is made of."""
        for document in self.unlabelled():
            yield document.text
        for document in self.train():
            yield document.text
