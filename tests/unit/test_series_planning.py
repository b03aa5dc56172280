"""How series are cut into windows, by what their times and lengths show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from s2s_plugins.errors import UsageError
from s2s_plugins.series.files import frame_table
from s2s_plugins.series.planning import Asked, plan_series


def table(rows: int, step: str, **columns):
    """A table of a step, with a column ``y``."""
    times = pd.date_range("2020-01-01", periods=rows, freq=step)
    return frame_table(pd.DataFrame({"t": times, "y": np.arange(rows, dtype=float), **columns}), "the frame", "series")


@pytest.mark.parametrize(
    "step, rows, horizon, window, season, calendar",
    [
        ("MS", 400, 12, 24, 12, ("month",)),
        ("D", 400, 7, 14, 7, ("weekday", "dayofyear")),
        ("h", 2000, 24, 48, 24, ("hour", "weekday", "dayofyear")),
        ("W-MON", 800, 52, 104, 52, ("dayofyear",)),
        ("QS-JAN", 200, 4, 8, 4, ()),
        ("YS-JAN", 100, 12, 24, 1, ()),
        ("15min", 2000, 96, 168, 96, ("hour", "weekday", "dayofyear")),
    ],
)
def test_lengths_and_calendar_follow_from_the_step(step, rows, horizon, window, season, calendar):
    choice, found, said = plan_series([table(rows, step)], Asked("t"))
    assert (choice.output_length, choice.input_length, found, choice.calendar) == (horizon, window, season, calendar)
    assert choice.target == ("y",) and choice.per_window and choice.missing == "error"
    assert any(f"the model reads {window} steps and forecasts {horizon}" in line for line in said)


def test_missing_values_and_missing_rows_are_masked():
    whole = table(100, "D").columns
    empty = whole["y"].copy()
    empty[50] = np.nan
    assert plan_series([table(100, "D")._replace(columns={**whole, "y": empty})], Asked("t")).choice.missing == "mask"
    left = {name: np.delete(column, 40) for name, column in whole.items()}
    assert plan_series([table(100, "D")._replace(columns=left)], Asked("t")).choice.missing == "mask"


def test_rows_without_a_value_at_the_end_are_the_future_and_not_missing():
    found = table(100, "D", price=np.ones(100))
    found.columns["y"] = np.append(np.arange(90.0), np.full(10, np.nan))
    choice = plan_series([found], Asked("t", ("y",), known=("price",))).choice
    assert choice.missing == "error" and choice.known == ("price",)


def test_a_short_series_gets_a_short_window_and_one_too_short_for_a_test_has_none():
    choice = plan_series([table(40, "D")], Asked("t", horizon=7)).choice
    assert choice.input_length + 7 <= 40 * (1 - choice.fraction("valid") - choice.fraction("test"))
    assert choice.fraction("valid") * 40 >= 7 and choice.fraction("test") * 40 >= 7
    _, _, said = plan_series([table(20, "D")], Asked("t", horizon=7))
    assert any("too short to hold rows out for a test" in line for line in said)


def test_rows_and_times_to_hold_out_are_taken():
    choice = plan_series([table(200, "D")], Asked("t", valid=20, test="2020-06-01")).choice
    assert choice.valid_fraction == 0.1 and choice.test_from == "2020-06-01" and choice.test_fraction is None
    assert plan_series([table(200, "D")], Asked("t", valid=0, test=0)).choice.fraction("test") == 0


def test_series_without_times_are_counted():
    choice, season, _ = plan_series([table(100, "D")], Asked(value=("y",)))
    assert choice.time is None and season == 1 and choice.calendar == () and choice.output_length == 12


@pytest.mark.parametrize(
    "rows, asked, message",
    [
        (8, Asked("t", horizon=7), "series 'series' has 8 rows with a value, too few to learn from and to forecast 7"),
        (100, Asked("t", test=100), "--test 100 leaves nothing to train on, of 100 rows"),
        (100, Asked("day"), "day"),
        (100, Asked("t", value=("z",)), "'z'"),
    ],
)
def test_what_cannot_be_cut_is_named(rows, asked, message):
    with pytest.raises(UsageError, match="^[^\n]*$") as raised:
        plan_series([table(rows, "D")], asked)
    assert message in str(raised.value)
