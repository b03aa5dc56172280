"""The same work on several shares of data, each in a process of its own."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection, wait
from typing import Any, Callable, Generic, Iterable, Iterator, List, NamedTuple, Sequence, TypeVar

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError, WorkError

T = TypeVar("T")
R = TypeVar("R")


class Share(NamedTuple):
    """Every ``shares``-th item from the one of this number on: alike in all shares, however the items are sorted.

    Attributes:
        number: of the share, from 0.
        shares: how many there are.
    """

    number: int = 0
    shares: int = 1

    def of(self, items: Iterable[T]) -> Iterator[T]:
        """Its items; all others are passed over."""
        return itertools.islice(items, self.number, None, self.shares)


def together(shares: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The array of which each share has its items."""
    if len(shares) == 1:
        return shares[0]
    whole = np.empty(sum(map(len, shares)), shares[0].dtype)
    for number, items in enumerate(shares):
        whole[number :: len(shares)] = items
    return whole


def in_shares(work: Callable[[Share], R], count: int) -> List[R]:
    """What ``work`` returns for each share: that of number 0 in this process, the others in processes of their own.

    As many as :func:`at_once` run at a time. They end with this one, however it ends.

    Args:
        work: may be sent to another process, as what it returns and raises.
        count: of shares.

    Raises:
        WorkError: a process was killed.
        Exception: what ``work`` raises.
    """
    waiting = [Share(number, count) for number in range(1, count)]
    running: List[_Process[R]] = []
    results: List[R] = []
    try:
        for share in waiting[: at_once(count) - 1]:
            running.append(_Process(work, share))
        results.append(work(Share(0, count)))
        for share in waiting[at_once(count) - 1 :]:
            results.append(running.pop(0).result())
            running.append(_Process(work, share))
        while running:
            results.append(running.pop(0).result())
        return results
    finally:
        for process in running:
            process.kill()


def check_name(flag: str, where: object, shards: int) -> None:
    """See that fairseq can tell the folders of shards apart.

    Raises:
        UsageError: what stands between them is in their name.
    """
    if shards > 1 and os.pathsep in str(where):
        raise UsageError(f"{flag} {where} has {os.pathsep!r} in it, by which fairseq tells shards apart: name another")


def at_once(count: int) -> int:
    """Of so many processes, those that run at a time: one for each core that this process may use, two or more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, max(2, cores))


class _Process(Generic[R]):
    """A process that does a share."""

    def __init__(self, work: Callable[[Share], R], share: Share) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would have this process' threads in unknown states
        self.end, other = context.Pipe(duplex=False)
        self.shares = share.shares
        self.process = context.Process(target=_run, args=(work, share, other), daemon=True)
        self.process.start()
        other.close()

    def result(self) -> R:
        """What it has found.

        Raises:
            WorkError: it was killed.
            Exception: what it has raised.
        """
        try:
            result = self.end.recv()
        except EOFError:
            raise WorkError(
                f"one of {self.shares} processes was killed, as where memory is short: give fewer --shards, or free "
                "memory"
            ) from None
        self.process.join()
        if isinstance(result, BaseException):
            raise result
        found: R = result
        return found

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()


def _run(work: Callable[[Share], R], share: Share, end: "Connection") -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too, and the first process ends it
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    try:
        end.send(work(share))
    except (UsageError, WorkError, OSError) as error:
        end.send(error)


def _end_with_the_first() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
