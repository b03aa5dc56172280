"""Parts of a lexicon: each is judged by a model that was trained on the others."""

from __future__ import annotations

from typing import Iterator, Optional

from s2s_plugins.text.pairs.pair import Columns, Pair, Pairs
from s2s_plugins.text.pairs.survey import hash_of, key_of


def fold_of(source: str, folds: int, seed: int) -> int:
    """The part of a source, from 0: the same for all of its entries, wherever they stand."""
    try:
        return hash_of(key_of(source), seed) % folds
    except UnicodeEncodeError:  # not UTF-8: it is in no model's data
        return 0


class Complement(Pairs):
    """All pairs but those of one part.

    Args:
        pairs: all of them.
        fold: the part that is left out, from 0.
        folds: number of parts.
        seed: of their choice.
    """

    def __init__(self, pairs: Pairs, fold: int, folds: int, seed: int) -> None:
        super().__init__()
        self.pairs, self.fold, self.folds, self.seed = pairs, fold, folds, seed
        self.name, self.notes, self.features = pairs.name, pairs.notes, pairs.features

    @property
    def names(self) -> Optional[Columns]:
        return self.pairs.names

    def __iter__(self) -> Iterator[Pair]:
        for pair in self.pairs:
            if fold_of(pair.source, self.folds, self.seed) != self.fold:
                yield pair
        self.left = self.pairs.left

    def fingerprint(self) -> str:
        return f"{self.pairs.fingerprint()} but for part {self.fold + 1} of {self.folds}, seed {self.seed}"
