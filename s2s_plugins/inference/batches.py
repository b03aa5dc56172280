"""Batches of sequences of like length, which pad less."""

from __future__ import annotations

import itertools
from typing import Iterable, Iterator, List, Sequence, TypeVar

from s2s_plugins.errors import UsageError

T = TypeVar("T")

BATCH_SIZE = 64  # more at a time differ more in length, and are slower a text
AHEAD = 16  # batches that are read at a time where so much input waits: sorted by length, they pad less


def each(texts: object) -> Iterator[str]:
    """An iterator over texts, over one as well.

    Raises:
        UsageError: there are none to go through.
    """
    if isinstance(texts, str):
        return iter([texts])
    if not isinstance(texts, Iterable):
        raise UsageError(f"a {type(texts).__name__} is neither a text nor texts: give one, or a list of them")
    return iter(texts)


def growing(items: Iterator[T], size: int) -> Iterator[List[T]]:
    """The items in lists: at first of ``size``, so that an answer comes soon, then twice as many, up to :data:`AHEAD`
    times as many."""
    most = size * AHEAD
    while part := list(itertools.islice(items, size)):
        yield part
        size = min(2 * size, most)


def batches(sequences: Sequence[Sequence[int]], size: int) -> Iterator[List[int]]:
    """The places of sequences of like length, ``size`` at a time, the longest first.

    Raises:
        UsageError: ``size`` is below 1.
    """
    if size < 1:
        raise UsageError(f"--batch-size {size} is too small: use 1 or more")
    order = sorted(range(len(sequences)), key=lambda place: -len(sequences[place]))
    for start in range(0, len(order), size):
        yield order[start : start + size]
