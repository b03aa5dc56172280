"""Scores of forecasts, against figures that follow from their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.forecasts import forecast_evaluation_of, naive_scale, seasonal_naive

NAN = float("nan")


def column(*values: float) -> np.ndarray:
    """Values of one target, (R, 1)."""
    return np.array(values, dtype=float)[:, None]


def scores(truth, point, quantiles=None, naive=None, scale=2.0):
    """Of one origin and target."""
    truth, point = (np.array(values, dtype=float)[None, :, None] for values in (truth, point))
    levels = () if quantiles is None else (0.1, 0.5, 0.9)
    of_levels = np.empty((*point.shape, 0)) if quantiles is None else np.array(quantiles, dtype=float)[None, :, None]
    naive = point if naive is None else np.array(naive, dtype=float)[None, :, None]
    return forecast_evaluation_of(["y"], truth, point, of_levels, levels, naive, np.full((1, 1), scale), 1)


def test_errors_are_divided_by_the_scale_and_missing_values_left_out():
    found = scores([1, 2, NAN, 4], [3, 2, 9, 0], naive=[1, 2, 3, 5])
    assert found.mase == pytest.approx((2 + 0 + 4) / 3 / 2) and found.naive_mase == pytest.approx(1 / 3 / 2)
    assert found.by_step[:2] == (1, 0) and np.isnan(found.by_step[2]) and found.by_target == {"y": found.mase}
    assert found.smape == pytest.approx(200 * (2 / 4 + 0 + 4 / 4) / 3)
    assert found.coverage is None and "coverage" not in str(found.numbers())


def test_an_interval_is_scored_by_its_width_and_what_it_misses():
    found = scores([1, 5], [2, 2], [[0, 2, 4], [0, 2, 4]])
    assert found.coverage == 50 and found.nominal == 80
    assert found.interval_score == pytest.approx(((4 + 0) + (4 + 10 * 1)) / 2 / 2)


def test_the_naive_forecast_repeats_the_last_season():
    assert seasonal_naive(column(9, 1, 2, 3), 5, 3)[:, 0].tolist() == [1, 2, 3, 1, 2]
    assert seasonal_naive(column(1, 2), 3, 3)[:, 0].tolist() == [2, 2, 2]
    assert seasonal_naive(column(1, NAN, 3), 2, 1)[:, 0].tolist() == [3, 3]
    assert seasonal_naive(column(5, 1, NAN), 2, 2)[:, 0].tolist() == [1, 1]


def test_the_scale_is_the_naive_error_of_the_training_part():
    assert naive_scale(column(1, 2, 4, 3), 1).tolist() == pytest.approx([4 / 3])
    assert naive_scale(column(1, 2, 4, 3), 2).tolist() == [2]
    assert naive_scale(column(1, NAN, 4, 3), 2).tolist() == [3]


def test_forecasts_of_nothing_that_was_observed_are_refused():
    with pytest.raises(UsageError, match="nothing to evaluate"):
        scores([NAN], [1])
