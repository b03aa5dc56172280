"""Lines of standard input, as many at a time as wait there, and how far a command is with them."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
from typing import IO, Any, Iterator, List, Optional, Protocol

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import AHEAD

PATIENCE = 0.01  # seconds: a program that writes without rest has more within them
BLOCK = 1 << 20


def read_batches(stream: IO[bytes], size: int, ahead: int = AHEAD) -> Iterator[List[str]]:
    """The lines of ``stream`` without their ends, up to ``size * ahead`` at a time: sorted by length, they pad less.

    Where no more input comes for ``PATIENCE`` seconds, the lines read so far are given out.

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
        if batch and open_ended and not _more_waits(descriptor):
            yield batch
            batch = []
    if batch:
        yield batch


def _more_waits(descriptor: int) -> bool:
    if sys.platform == "win32":  # where select takes sockets alone: what a block had is answered before the next one
        return False
    return bool(select.select([descriptor], [], [], PATIENCE)[0])


class Bar(Protocol):
    """What a command tells of its progress."""

    def update(self, n: float) -> Optional[bool]:
        """``n`` more lines are answered."""


class _NoBar:
    """Where there is nobody to see it."""

    def update(self, n: float) -> Optional[bool]:
        return None


@contextlib.contextmanager
def progress(stream: IO[bytes]) -> Iterator[Bar]:
    """A bar of the lines of ``stream`` that are answered, to be updated by their number; it goes when they all are.

    It is shown where stderr is a terminal and stdout a file, unless the lines are typed. Into a terminal the answers
    themselves are seen, and what reads a pipe may write to the same terminal.
    """
    if sys.stderr is None or not sys.stderr.isatty() or stream.isatty() or not _is_file(sys.stdout):
        yield _NoBar()
        return
    from tqdm import tqdm  # with its asyncio 8 MB and a tenth of the time that a command takes to start
    from tqdm.contrib.logging import logging_redirect_tqdm

    bar = tqdm(total=_lines_of(stream), unit=" lines", leave=False, miniters=1, mininterval=0)
    with logging_redirect_tqdm(), bar:
        yield bar


def _is_file(stream: IO[Any]) -> bool:
    return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


def _lines_of(stream: IO[bytes]) -> Optional[int]:
    """How many lines a file still has; None of a pipe. ``stream`` stays where it is."""
    if not _is_file(stream):
        return None
    descriptor, lines, last = stream.fileno(), 0, b"\n"
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        while block := os.read(descriptor, BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)
    return lines + (last != b"\n")
