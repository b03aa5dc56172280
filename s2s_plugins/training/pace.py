"""How far a training has come, by updates and by the clock: what the learning rate decays by."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

UNTIMED = 10  # updates at the start that say nothing about the speed: memory is allocated, kernels are chosen


class Pace:
    """The share of a training that is done, from 0 to 1.

    Each update advances the share by one part of the updates that are left: those up to ``updates``, or fewer if the
    time ends before. A machine that becomes slower meanwhile shortens the rest of the schedule, it does not cut it off;
    where the time suffices the share is ``done / updates``, whatever the clock says.

    Args:
        updates: most updates; None: as many as the time allows.
        seconds: for all of the training, validation included; None: no limit.
        clock: seconds that never go back.

    Attributes:
        share: of the training that is done.
        done: number of updates.
        reserve: seconds that are needed behind the last update.

    Raises:
        ValueError: there is neither a number of updates nor a time.
    """

    def __init__(
        self, updates: Optional[int], seconds: Optional[float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        if updates is None and seconds is None:
            raise ValueError("a training needs an end: updates, or seconds")
        self.updates, self.seconds, self.clock = updates, seconds, clock
        self.share, self.done, self.reserve = 0.0, 0, 0.0
        self._before, self._started = 0.0, clock()
        self._marks: List[Tuple[int, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self._before + self.clock() - self._started

    @property
    def finished(self) -> bool:
        """Whether the training is at its end."""
        return self.share >= 1

    def advance(self) -> None:
        """Count an update."""
        self.done += 1
        if self.done >= UNTIMED and (not self._marks or self.done >= 1.2 * self._marks[-1][0]):
            self._marks.append((self.done, self.elapsed))
        left = self.left()
        self.share = 1.0 if left < 1 else 1 - (1 - self.share) * left / (left + 1)

    def left(self) -> float:
        """The updates that are left."""
        by_number = float("inf") if self.updates is None else float(self.updates - self.done)
        return max(0.0, min(by_number, self._left_by_time()))

    def seconds_left(self) -> Optional[float]:
        """An estimate of the rest; None before the speed is known."""
        speed = self._speed()
        return None if speed is None else self.left() / speed

    def _left_by_time(self) -> float:
        if self.seconds is None:
            return float("inf")
        time_left, speed = self.seconds - self.reserve - self.elapsed, self._speed()
        if time_left <= 0:
            return 0.0
        # before the speed is known the plan is a long one: the first updates hardly advance it
        return 1e6 if speed is None else time_left * speed

    def _speed(self) -> Optional[float]:
        """Updates a second over the last half of the training."""
        if not self._marks or self.done == self._marks[0][0]:
            return None
        middle = next((mark for mark in reversed(self._marks) if 2 * mark[0] <= self.done), self._marks[0])
        return (self.done - middle[0]) / max(self.elapsed - middle[1], 1e-9)

    def state(self) -> Dict[str, Any]:
        """What :meth:`restore` takes, as JSON has it."""
        return {"share": self.share, "done": self.done, "elapsed": self.elapsed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue a training that was interrupted."""
        self.share, self.done = float(state["share"]), int(state["done"])
        self._before, self._started, self._marks = float(state["elapsed"]), self.clock(), []


def learning_rate(peak: float, done: int, share: float, warmup: int) -> float:
    """The learning rate of the next update: up to ``peak`` in a straight line, then down to 0 at the end.

    Args:
        peak: the highest.
        done: number of updates before it.
        share: of the training that is done.
        warmup: number of updates up to the peak.
    """
    return peak * min((done + 1) / max(1, warmup), 1.0) * (1 - share)
