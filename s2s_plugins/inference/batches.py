"""Batches of sequences of like length, which pad less."""

from __future__ import annotations

from typing import Iterator, List, Sequence

from s2s_plugins.errors import UsageError

BATCH_SIZE = 64
AHEAD = 16  # batches that are read at a time where so much input waits: sorted by length, they pad less


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
