"""How far a training is, by updates and by the clock."""

from __future__ import annotations

from typing import List

import pytest

from s2s_plugins.training.pace import Pace, learning_rate


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run(pace: Pace, clock: Clock, seconds: float, most: int = 10**6) -> List[float]:
    """Advance to the end, each update taking so long; the shares."""
    shares = []
    while not pace.finished and len(shares) < most:
        clock.now += seconds
        pace.advance()
        shares.append(pace.share)
    return shares


def test_without_a_time_the_share_is_that_of_the_updates():
    clock = Clock()
    shares = run(Pace(50, None, clock), clock, 1.0)
    assert shares == pytest.approx([number / 50 for number in range(1, 51)])


def test_ample_time_changes_nothing():
    clock = Clock()
    assert run(Pace(50, 1e5, clock), clock, 1.0) == run(Pace(50, None, Clock()), Clock(), 1.0)


def test_a_training_ends_when_its_time_does():
    clock = Clock()
    run(Pace(None, 600.0, clock), clock, 0.5)
    assert 590 <= clock.now - 100 <= 601


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_machine_that_changes_its_speed_changes_the_rest_of_the_schedule_without_a_jump(factor):
    clock = Clock()
    pace = Pace(None, 600.0, clock)
    shares = run(pace, clock, 0.5, most=600)
    assert 0.3 < pace.share < 0.7
    shares += run(pace, clock, 0.5 * factor)
    assert 570 <= clock.now - 100 <= 603
    steps = [after - before for before, after in zip(shares, shares[1:])]
    assert all(step >= 0 for step in steps)
    # 300 seconds are left: the last update may be larger than others, but no part of the schedule is skipped
    assert max(steps) < 0.05


def test_a_resumed_training_has_the_share_and_the_time_that_it_had():
    clock = Clock()
    pace = Pace(None, 600.0, clock)
    run(pace, clock, 0.5, most=500)
    later = Clock()
    later.now = 9999.0
    resumed = Pace(None, 600.0, later)
    resumed.restore(pace.state())
    assert (resumed.share, resumed.done, resumed.elapsed) == (pace.share, pace.done, pace.elapsed)
    run(resumed, later, 0.5)
    assert later.now - 9999 == pytest.approx(600 - 250, abs=15)


def test_resuming_by_updates_ends_at_the_same_update():
    clock = Clock()
    pace = Pace(200, 1e6, clock)
    run(pace, clock, 0.1, most=77)
    resumed = Pace(200, 1e6, clock)
    resumed.restore(pace.state())
    run(resumed, clock, 0.1)
    assert resumed.done == 200


def test_no_end_is_refused():
    with pytest.raises(ValueError, match="end"):
        Pace(None, None)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [learning_rate(0.01, done, done / 100, warmup=10) for done in range(101)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == rates[9] == pytest.approx(0.01 * 0.91)
    assert rates[-1] == 0
    assert all(after < before for before, after in zip(rates[9:], rates[10:]))
