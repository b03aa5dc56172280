"""Which column of a table holds features, and what separates them: recognised by its values."""

from __future__ import annotations

from collections import Counter
from typing import List, NamedTuple, Optional, Sequence

from s2s_plugins.text.features import MARK, SEPARATORS, split_features

INVENTORY = 1000  # distinct features at most
MANY = 30  # features of a text at most
LONGEST = 20  # characters of a feature at most, in the mean
SEVERAL = 0.1  # share of the texts that have more than one
AGAIN = 0.01  # share of the texts in which a feature stands twice: symbols of a pronunciation do
UNSEEN = 0.05  # of features: the share of those that occur once, by which that of new ones is estimated
TELLING = 200  # occurrences that tell it
CLEAR = ";|+"  # separators that few texts have; with others there have to be enough


class Features(NamedTuple):
    """A column of features.

    Attributes:
        column: its number from 0, or its key.
        separator: between two features.
    """

    column: "int | str"
    separator: str


def separator_of(cells: Sequence[str]) -> str:
    """What separates the features in a column that holds some: what most of its cells have."""
    counts = {mark: sum(mark in cell.strip() for cell in cells) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: counts[mark])


def recognised(cells: Sequence[str]) -> Optional[str]:
    """The separator, if these values are short lists over a small inventory; None: they are something else.

    Args:
        cells: a sample of a column.
    """
    filled = [cell for cell in cells if cell.strip()]
    return next((mark for mark in SEPARATORS if filled and _are_features(filled, mark)), None)


def _are_features(cells: Sequence[str], separator: str) -> bool:
    lists = [split_features(cell, separator) for cell in cells]
    counts = Counter(name for names in lists for name in names)
    occurrences = sum(counts.values())
    if not occurrences or max(map(len, lists)) > MANY or len(counts) > INVENTORY:
        return False
    if sum(len(names) > 1 for names in lists) < SEVERAL * len(lists):
        return False
    if sum(len(set(names)) < len(names) for names in lists) > AGAIN * len(lists):
        return False
    if sum(map(len, counts)) > LONGEST * len(counts) or any(" " in name for name in counts):
        return False
    if occurrences < TELLING:
        return separator in CLEAR
    return sum(count == 1 for count in counts.values()) <= UNSEEN * occurrences


def column_of(rows: Sequence[Sequence[str]]) -> Optional[Features]:
    """The third column of three, or the second one, if it holds features; else None.

    Args:
        rows: a sample, without a header.
    """
    for place in (2, 1):
        separator = recognised([row[place] for row in rows if len(row) == 3])
        if separator is not None:
            return Features(place, separator)
    return None


def separator_in(sources: Sequence[str]) -> Optional[str]:
    """What separates the features that stand behind a tab in every one of these texts; None: not every one has any."""
    parts = [text.split(MARK) for text in sources]
    if not parts or any(len(part) != 2 or not part[0].strip() for part in parts):
        return None
    return separator_of([part[1] for part in parts])


def without(names: Sequence[str], left_out: Optional[str]) -> List[str]:
    """The names of columns but one."""
    return [name for name in names if name != left_out]
