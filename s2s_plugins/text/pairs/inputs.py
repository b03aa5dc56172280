"""Data that was surveyed, and the part that each of its pairs belongs to."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.pair import Left, Pair, Pairs
from s2s_plugins.text.pairs.splitting import OUT, TRAIN, distinct
from s2s_plugins.text.pairs.survey import (
    BROKEN,
    DOUBLE,
    KEPT,
    LONG_SOURCE,
    LONG_TARGET,
    REASONS,
    TABS,
    Survey,
    progress,
)
from s2s_plugins.text.shares import Share

CORRECT = "correct the file: each line is SOURCE<TAB>TARGET"
REMEDIES = {BROKEN: "convert the file to UTF-8, as with iconv"}
REMEDIES.update({code: "raise --longest, or choose another level" for code in (LONG_SOURCE, LONG_TARGET)})


class Chosen(NamedTuple):
    """A pair that is used.

    Attributes:
        number: of the pair in its data, from 0.
        part: the parts that it belongs to, as bits.
        pair: itself.
    """

    number: int
    part: int
    pair: Pair


class Parted(NamedTuple):
    """Pairs, and the part that each of them belongs to.

    Attributes:
        name: ``"train"``, ``"valid"`` or ``"test"``.
        pairs: the data.
        parts: of each pair, as bits.
        quiet: whether no progress is shown.
    """

    name: str
    pairs: Pairs
    parts: NDArray[np.uint8]
    quiet: bool = False

    def of(self, wanted: int, what: str = "") -> Iterator[Chosen]:
        """All pairs that belong to one of the ``wanted`` parts.

        Args:
            wanted: parts, as bits.
            what: is shown with the progress; empty: no progress is shown.

        Raises:
            UsageError: the data is not what it was in the first pass.
        """
        number = -1
        parts = self.parts.tobytes()
        for number, pair in enumerate(self.pairs if self.quiet or not what else progress(self.pairs, what)):
            if number >= len(parts):
                break
            if parts[number] & wanted:
                yield Chosen(number, parts[number], pair)
        if number + 1 != len(parts):
            raise UsageError(f"{self.pairs.name} changed while it was read: run the command again")

    def share(self, share: Share) -> Parted:
        """The same, of which one process does its share: pairs to train on; the first one, all that is held out."""
        parts = np.zeros_like(self.parts) if share.number else self.parts & ~np.uint8(TRAIN)
        own = np.flatnonzero(self.parts & TRAIN)[share.number :: share.shares]
        parts[own] |= TRAIN
        return self._replace(parts=parts, quiet=share.number > 0)


class Input:
    """The pairs of one file.

    Args:
        name: ``"train"``, ``"valid"`` or ``"test"``.
        pairs: the data.
        seed: of the hashes that sources are drawn by.
        processes: that share the first pass.

    Attributes:
        survey: what the first pass found.
        parts: the parts that each pair belongs to, as bits; to be set.
        left: what is left out, by reason; set by :meth:`leave_out`.
    """

    def __init__(self, name: str, pairs: Pairs, seed: int, processes: int = 1) -> None:
        self.name, self.pairs = name, pairs
        self.survey = Survey(pairs, seed, f"read {name}", processes)
        self.parts: NDArray[np.uint8] = np.zeros(len(self.survey), np.uint8)
        self.left = Left()

    def leave_out(self, levels: List[str], longest: Dict[str, int]) -> None:
        """Leave out what is too long, and count it with all else that is left out.

        Args:
            levels: of source and target.
            longest: tokens, or characters of sentences, at most, by level.

        Raises:
            UsageError: more than half would be left out.
        """
        for number, level in enumerate(levels):
            self.survey.leave_out(number, level, longest[level])
        codes = self.survey.codes
        if (codes != KEPT).any():
            reasons = {**REASONS, **_too_long(levels, longest)}
            for number, pair in enumerate(self.pairs):
                if number < len(codes) and codes[number] != KEPT:
                    self.left.add(reasons[int(codes[number])], pair.where)
        self._check_enough()

    def _check_enough(self) -> None:
        counts = np.bincount(self.survey.codes, minlength=TABS + 1)
        other = self.pairs.left.bad()
        total = len(self.survey) - int(counts[DOUBLE]) + other
        bad = total - int(counts[KEPT])
        if not total:
            raise UsageError(f"{self.pairs.name}: there is no pair in it: give some")
        if 2 * bad <= total:
            return
        counts[[KEPT, DOUBLE]] = 0
        remedy = REMEDIES.get(int(counts.argmax()), CORRECT) if counts.max() >= other else CORRECT
        reasons = "; ".join(self.lines())
        raise UsageError(f"{self.pairs.name}: {bad:,} of {total:,} pairs cannot be used ({reasons}): {remedy}")

    def lines(self) -> List[str]:
        """What was left out, a line for each reason."""
        return self.pairs.left.lines() + self.left.lines()

    @property
    def parted(self) -> Parted:
        """The pairs and their parts."""
        return Parted(self.name, self.pairs, self.parts)

    def of(self, wanted: int, what: str = "") -> Iterator[Chosen]:
        """:meth:`Parted.of`."""
        return self.parted.of(wanted, what)

    def number_of_sources(self, part: int) -> int:
        """The number of distinct sources in a part."""
        return len(distinct(self.survey.sources[(self.parts & part) != OUT]))

    def number_of_pairs(self, part: int) -> int:
        """The number of pairs in a part."""
        return int(((self.parts & part) != OUT).sum())


def _too_long(levels: List[str], longest: Dict[str, int]) -> Dict[int, str]:
    """The limits in words."""
    units = {"token": "tokens", "char": "characters", "sentencepiece": "characters"}
    source, target = (f"of more than {longest[level]:,} {units[level]}" for level in levels)
    return {LONG_SOURCE: f"sources {source}", LONG_TARGET: f"targets {target}"}
