"""A pair of source and target, what was left out, and what every form of input offers."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from typing import Dict, Iterator, List, NamedTuple, Optional

LETTERS = 40  # of a text that a message shows
NAMED = 3  # of what is left out, so many are named
EMPTY_LINES = "empty lines"


class Pair(NamedTuple):
    """A source, a target, and where they come from.

    Attributes:
        source: as it is in the file; with features, ``TEXT<TAB>FEATURES``. What is not UTF-8 stands in it as lone
            surrogates.
        target: likewise.
        where: file and line, for messages.
    """

    source: str
    target: str
    where: str


class Columns(NamedTuple):
    """Which columns hold the source, the target and features.

    Attributes:
        source: name of a column or key, or its number from 1; None: the first.
        target: likewise; None: the second.
        features: likewise; None: one of three, if it looks like features, or none.
        separator: between two features; None: recognised.
    """

    source: Optional[str] = None
    target: Optional[str] = None
    features: Optional[str] = None
    separator: Optional[str] = None

    def __bool__(self) -> bool:
        return self.source is not None or self.target is not None


class Left:
    """What was left out: the number by reason, and the first places."""

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self.places: Dict[str, List[str]] = {}

    def add(self, reason: str, place: str) -> None:
        """Count one more."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        places = self.places.setdefault(reason, [])
        if len(places) < NAMED:
            places.append(place)

    def bad(self) -> int:
        """The number of all that was left out but empty lines."""
        return sum(count for reason, count in self.counts.items() if reason != EMPTY_LINES)

    def lines(self) -> List[str]:
        """A line for each reason, with the first places."""
        return [
            f"{reason} ({count:,}): {named(_short(self.places[reason]), count)}"
            for reason, count in self.counts.items()
        ]


def named(examples: List[str], count: int) -> str:
    """``a, b, c and 4 more``."""
    more = count - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if more else "")


def shown(text: str) -> str:
    """A symbol or the beginning of a text in quotes; an accent that stands alone has a circle to stand on."""
    text = text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."
    return repr(f"\u25cc{text}" if unicodedata.combining(text[:1] or " ") else text)


def counted(count: int, what: str) -> str:
    """``1 text``, ``1,200 texts``."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _short(places: List[str]) -> List[str]:
    """``a.tsv, line 3`` and ``a.tsv, line 7`` -> ``line 3`` and ``7``: what names the file stands before them."""
    words = [place.rpartition(", ")[2].split() for place in places]
    return [" ".join(words[0]), *(each[-1] if each[:-1] == words[0][:-1] else " ".join(each) for each in words[1:])]


class Pairs(ABC):
    """Pairs that can be read several times, one at a time.

    Attributes:
        name: what messages call them.
        notes: what was recognised about their form.
        left: what the last complete iteration left out.
        features: what separates the features behind the tab of each source; None: sources have none.
    """

    name: str
    features: Optional[str] = None

    def __init__(self) -> None:
        self.notes: List[str] = []
        self.left = Left()

    @abstractmethod
    def __iter__(self) -> Iterator[Pair]:
        """The pairs, from the first.

        Raises:
            UsageError: they cannot be read.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A checksum of the content: it changes when a pair does."""

    @property
    def names(self) -> Optional[Columns]:
        """The names of the columns, where they have any."""
        return None
