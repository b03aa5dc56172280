"""Requests that arrive together share a batch.

A model has one thread. While it runs, what arrives waits; then it takes what waits, at once: a lone request is never
held back for company, and the more arrives, the larger the batches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Deque, Hashable, Iterator, List, NamedTuple, Optional, Sequence, Union

from s2s_plugins.server.problems import Problem

Run = Callable[[Sequence[Any], Any], Sequence[Any]]


class Job:
    """A request that waits for its answers.

    Args:
        items: what is asked, one or several.
        key: what they share with others that may be in their batch.
        done: becomes the answers.

    Attributes:
        taken: number of items that are in a batch, or were.
        answers: of those that were.
    """

    def __init__(self, items: Sequence[Any], key: Hashable, done: "asyncio.Future[List[Any]]") -> None:
        self.items, self.key, self.done = items, key, done
        self.taken = 0
        self.answers: List[Any] = []

    @property
    def left(self) -> int:
        """Number of items that wait."""
        return len(self.items) - self.taken


class Part(NamedTuple):
    """The items of a job that are in a batch."""

    job: Job
    items: Sequence[Any]


class Batcher:
    """The queue of one model. Everything but ``run`` happens on the event loop's thread.

    Args:
        run: answers items that have one key, in order; it is called in a thread.
        size: most items of a batch.
        most: most items that wait.

    Attributes:
        waiting: number of items that wait.
        started: is called with the number of items of each batch.
    """

    def __init__(self, run: Run, size: int, most: int) -> None:
        self._run, self._size, self._most = run, size, most
        self._jobs: Deque[Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._worker: Optional["asyncio.Task[None]"] = None
        self.waiting = 0
        self.started: Callable[[int], object] = lambda items: None

    def submit(self, items: Sequence[Any], key: Hashable) -> Job:
        """Put ``items`` into the queue; ``done`` of the job becomes their answers, in order, or the error that ``run``
        raised on them. Whoever does not wait for it drops it: :meth:`drop`.

        Raises:
            Problem: too much waits.
        """
        if self.waiting + len(items) > self._most:
            raise Problem(
                "queue_full", f"{self.waiting} texts wait, and at most {self._most} may: try again, or send fewer"
            )
        job = Job(items, key, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self.waiting += len(items)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        return job

    def drop(self, job: Job) -> None:
        """Forget a job: what waits of it is not run, and nobody waits for the answers."""
        job.done.cancel()
        self._forget(job)

    def _forget(self, job: Job) -> None:
        if job.left:
            self.waiting -= job.left
            job.taken = len(job.items)
            self._jobs.remove(job)

    def count(self) -> int:
        """The number of items that wait."""
        return self.waiting

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._jobs:
            key, parts = self._jobs[0].key, list(self._take())
            self.started(sum(len(part.items) for part in parts))
            results = await loop.run_in_executor(self._thread, self._results, parts, key)
            for part, result in zip(parts, results):
                self._give(part.job, result)

    def _take(self) -> Iterator[Part]:
        """The next batch: of all jobs with the key of the one that waits longest, in turn the same number of items, so
        that one of many does not keep one of few waiting. What is left of a job goes to the end of the queue."""
        key, room = self._jobs[0].key, self._size
        alike = [job for job in self._jobs if job.key == key]
        counts = {id(job): 0 for job in alike}
        while room and alike:
            share = max(1, room // len(alike))
            for job in alike[:room]:
                more = min(share, job.left - counts[id(job)])
                counts[id(job)] += more
                room -= more
            alike = [job for job in alike if counts[id(job)] < job.left]
        kept: List[Job] = []
        later: List[Job] = []
        for job in self._jobs:
            count = counts.get(id(job), 0)
            if not count:
                kept.append(job)
                continue
            yield Part(job, job.items[job.taken : job.taken + count])
            job.taken += count
            self.waiting -= count
            if job.left:
                later.append(job)
        self._jobs = deque([*kept, *later])

    def _results(self, parts: Sequence[Part], key: Any) -> List[Union[List[Any], Exception]]:
        """The answers to each part; in the place of those to one that the model fails on, the error."""
        try:
            found = list(self._run([item for part in parts for item in part.items], key))
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer to the request says so
            if len(parts) == 1:
                return [error]
            return [self._results([part], key)[0] for part in parts]  # those beside it are answered all the same
        results: List[Union[List[Any], Exception]] = []
        for part in parts:
            results.append(found[: len(part.items)])
            del found[: len(part.items)]
        return results

    def _give(self, job: Job, result: Union[List[Any], Exception]) -> None:
        if job.done.done():  # it has failed, or its client left
            return
        if isinstance(result, Exception):
            job.done.set_exception(result)
            self._forget(job)
            return
        job.answers += result
        if len(job.answers) == len(job.items):
            job.done.set_result(job.answers)
