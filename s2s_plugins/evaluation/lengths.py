"""Errors by the length of the source."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

from s2s_plugins.evaluation.intervals import Interval

MOST_LENGTHS = 12  # groups of source lengths


class LengthGroup(NamedTuple):
    """Sources of like length.

    Attributes:
        shortest: tokens of the shortest.
        longest: tokens of the longest.
        sources: their number.
        error_rate: percent of them whose prediction is wrong.
        error_interval: of that rate.
        symbol_error_rate: edits by 100 symbols of their closest references.
    """

    shortest: int
    longest: int
    sources: int
    error_rate: float
    error_interval: Interval
    symbol_error_rate: float


def length_groups(lengths: Sequence[int]) -> List[Tuple[int, int]]:
    """Ranges of source lengths, both ends included, for about ``MOST_LENGTHS`` groups of equal numbers of sentences.

    If there are few lengths, each is a group of its own, provided that 2 % of the sentences have it: the score of a
    single sentence says nothing.
    """
    ordered, distinct = sorted(lengths), sorted(set(lengths))
    if len(distinct) > MOST_LENGTHS:
        starts = sorted({ordered[len(ordered) * part // MOST_LENGTHS] for part in range(MOST_LENGTHS)})
        return [(start, after - 1) for start, after in zip(starts, [*starts[1:], ordered[-1] + 1])]
    groups: List[Tuple[int, int]] = []
    together: List[int] = []  # lengths that are not enough for a group yet
    for length in distinct:
        together.append(length)
        if 50 * sum(map(lengths.count, together)) >= len(lengths):
            groups.append((together[0], length))
            together = []
    if together:  # the longest are too few to stand alone
        groups[-1] = (groups[-1][0], together[-1])
    return groups
