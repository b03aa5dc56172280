"""Requests share batches: which, how many, in what order, and what happens to those that nobody waits for."""

import asyncio
import threading

import pytest

from s2s_plugins.server.batcher import Batcher
from s2s_plugins.server.problems import Problem


class Model:
    """Doubles numbers, a batch at a time, as soon as it may; fails on 13."""

    def __init__(self, open=True):
        self.batches, self.gate = [], threading.Event()
        if open:
            self.gate.set()

    def run(self, items, key):
        self.batches.append((key, list(items)))
        assert self.gate.wait(20)
        if 13 in items:
            raise RuntimeError("thirteen")
        return [2 * item for item in items]


async def held(model, batcher, *jobs):
    """Jobs that were submitted while a first one ran; the model has gone on."""
    first = batcher.submit([0], None)
    while not model.batches:
        await asyncio.sleep(0.001)
    submitted = [batcher.submit(items, key) for items, key in jobs]
    return [first, *submitted]


def test_a_lone_request_is_run_at_once():
    async def main():
        model = Model()
        batcher = Batcher(model.run, 4, 10)
        assert await batcher.submit([1, 2], "k").done == [2, 4]
        assert model.batches == [("k", [1, 2])] and batcher.waiting == 0

    asyncio.run(main())


def test_what_waits_shares_a_batch_with_those_of_its_key():
    async def main():
        model = Model(open=False)
        batcher = Batcher(model.run, 8, 100)
        jobs = await held(model, batcher, ([1], "a"), ([2, 3], "b"), ([4], "a"), ([5], "b"))
        assert batcher.waiting == 5
        model.gate.set()
        assert await asyncio.gather(*(job.done for job in jobs)) == [[0], [2], [4, 6], [8], [10]]
        assert model.batches[1:] == [("a", [1, 4]), ("b", [2, 3, 5])]

    asyncio.run(main())


def test_a_request_of_many_does_not_keep_one_of_few_waiting():
    async def main():
        model = Model(open=False)
        batcher = Batcher(model.run, 4, 100)
        many = list(range(20, 40))
        _, large, small, other = await held(model, batcher, (many, "a"), ([1], "a"), ([2, 3], "b"))
        model.gate.set()
        assert await large.done == [2 * item for item in many]
        assert small.done.result() == [2] and other.done.result() == [4, 6]
        assert model.batches[1] == ("a", [20, 21, 22, 1]) and model.batches[2] == ("b", [2, 3])
        assert all(len(items) <= 4 for _, items in model.batches)

    asyncio.run(main())


def test_what_is_dropped_is_not_run():
    async def main():
        model = Model(open=False)
        batcher = Batcher(model.run, 2, 100)
        first, dropped, half, kept = await held(model, batcher, ([1], None), ([2, 3, 4], None), ([5], None))
        batcher.drop(dropped)
        assert batcher.waiting == 4
        model.gate.set()
        assert await kept.done == [10] and await half.done == [4, 6, 8]
        batcher.drop(first)  # that it was answered makes no difference
        assert batcher.waiting == 0 and 1 not in sum((items for _, items in model.batches), [])
        ran = len(model.batches)
        assert await batcher.submit([6], None).done == [12]
        assert len(model.batches) == ran + 1 and all(items for _, items in model.batches)

    asyncio.run(main())


def test_a_failure_is_that_of_the_request_that_causes_it():
    async def main():
        model = Model(open=False)
        batcher = Batcher(model.run, 4, 100)
        _, good, bad, fine = await held(model, batcher, ([1], None), ([13, 2, 3, 4, 5, 6], None), ([7], None))
        model.gate.set()
        assert await good.done == [2] and await fine.done == [14]
        with pytest.raises(RuntimeError, match="thirteen"):
            await bad.done
        assert batcher.waiting == 0
        assert await batcher.submit([8], None).done == [16]

    asyncio.run(main())


def test_more_than_may_wait_is_refused_and_counts_what_is_left():
    async def main():
        model = Model(open=False)
        batcher = Batcher(model.run, 4, 3)
        jobs = await held(model, batcher, ([1, 2], None))
        with pytest.raises(Problem, match="2 texts wait, and at most 3 may") as refused:
            batcher.submit([3, 4], None)
        assert refused.value.code == "queue_full" and refused.value.headers == {"Retry-After": "1"}
        jobs.append(batcher.submit([5], None))
        model.gate.set()
        assert await asyncio.gather(*(job.done for job in jobs)) == [[0], [2, 4], [10]]

    asyncio.run(main())
