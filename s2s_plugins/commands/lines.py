"""Lines of standard input, as many at a time as wait there."""

from __future__ import annotations

import os
import select
from typing import IO, Iterator, List

from s2s_plugins.errors import UsageError

AHEAD = 16  # batches that are read at a time where so much input waits
PATIENCE = 0.01  # seconds: a program that writes without rest has more within them
BLOCK = 1 << 20


def read_batches(stream: IO[bytes], size: int, ahead: int = AHEAD) -> Iterator[List[str]]:
    """The lines of ``stream`` without their ends, at least ``size`` at a time but for the last.

    Of a file, or a pipe that is filled faster than it is read, up to ``ahead`` times as many: what sorts them by
    length pads less. Where no more input waits, ``size`` lines are given out at once.

    Args:
        stream: of a file descriptor, from which nothing was read before.
        size: lines of a batch.
        ahead: batches.

    Raises:
        UsageError: a line is not UTF-8; what comes before it is given out first.
    """
    descriptor = stream.fileno()
    batch: List[str] = []
    parts: List[bytes] = []  # of a line whose end was not read yet
    number, open_ended = 0, True
    while open_ended:
        block = os.read(descriptor, BLOCK)
        open_ended = bool(block)
        *whole, rest = block.split(b"\n")
        if whole:
            whole[0] = b"".join([*parts, whole[0]])
            parts = []
        parts.append(rest)
        if not open_ended and any(parts):
            whole.append(b"".join(parts))
        for line in whole:
            number += 1
            try:
                batch.append(line.decode("utf-8").rstrip("\r"))
            except UnicodeDecodeError:
                if batch:
                    yield batch
                raise UsageError(f"line {number} is not UTF-8 text: convert it, as with iconv -t utf-8") from None
            if len(batch) == size * ahead:
                yield batch
                batch = []
        if len(batch) >= size and open_ended and not _more_waits(descriptor):
            yield batch
            batch = []
    if batch:
        yield batch


def _more_waits(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], PATIENCE)[0])
