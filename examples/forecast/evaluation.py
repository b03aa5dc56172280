"""Rolling-origin evaluation: the same origins for every system, each of which sees the rows before an origin alone.

A system is fitted once, on the rows before the test part. Then, for each origin in the test part, it gets the rows
before that origin and forecasts the next ones (Tashman 2000, "Out-of-sample tests of forecasting accuracy", section 3:
a rolling origin with updating and without recalibration).
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Protocol, Sequence

import numpy as np
import pandas as pd

from forecast.recipe import Set
from s2s_plugins.errors import UsageError
from s2s_plugins.files import replacing
from s2s_plugins.training.recipes_series import LEVELS

MEDIAN = LEVELS.index(0.5)


class Cut(NamedTuple):
    """The parts of a table by time, as rows where they begin; the test part ends with the table."""

    valid: int
    test: int
    rows: int


class Forecasts(NamedTuple):
    """What a system says.

    Attributes:
        origins: first rows that are forecast, (O,).
        quantiles: at the recipe's levels, (O, T, K, Q), in the units of the data.
    """

    origins: np.ndarray
    quantiles: np.ndarray


class System(Protocol):
    """What is evaluated."""

    def fit(self, table: pd.DataFrame, valid: int) -> None:
        """Learn from the rows before ``valid``; what is to be chosen is chosen on those behind it."""

    def forecast(self, histories: Sequence[pd.DataFrame]) -> np.ndarray:
        """Quantiles of the rows that follow each history, (O, T, K, Q)."""


def read(path: Path, one: Set) -> pd.DataFrame:
    """A set's table, with its times as index and a row for each."""
    table = pd.read_csv(path)
    return table.set_index(times(table.pop(one.time))).asfreq(one.step)


def times(column: pd.Series) -> pd.DatetimeIndex:
    """Times as they are written; with an offset, in UTC, as the library takes them. Numbers are years.

    Raises:
        UsageError: they are other numbers.
    """
    if pd.api.types.is_numeric_dtype(column):
        if not column.between(1678, 2261).all():
            raise UsageError(f"the times in {column.name!r} are numbers: write dates, as 2024-03-01")
        column = column.astype(int).astype(str)
    return pd.DatetimeIndex(pd.to_datetime(column, utc=True)).tz_localize(None)


def cut(one: Set, table: pd.DataFrame) -> Cut:
    """Where the parts of a set's table begin."""
    valid, test = table.index.searchsorted(pd.to_datetime([one.valid_from, one.test_from]))
    return Cut(int(valid), int(test), len(table))


def origins(one: Set, table: pd.DataFrame, begin: int, end: int, stride: int) -> np.ndarray:
    """Rows from which forecasts begin whose rows all lie in ``begin`` to ``end``.

    An origin with a missing target just before it is left out: a forecast begins behind the last observed value.

    Raises:
        UsageError: the part is shorter than one forecast.
    """
    observed = table[list(one.targets)].notna().all(axis=1).to_numpy()
    begin = max(begin, one.input_length)
    found = [row for row in range(begin, end - one.output_length + 1, stride) if observed[row - 1]]
    if not found:
        raise UsageError(
            f"{one.title}: rows {begin} to {end} are too few for a forecast of {one.output_length} rows behind "
            f"{one.input_length} others: use a longer table, or a shorter horizon or window"
        )
    return np.array(found)


def roll(system: System, table: pd.DataFrame, rows: np.ndarray, batch: int = 512) -> Forecasts:
    """The forecasts of a fitted system from each origin."""
    parts = [
        system.forecast([table.iloc[:row] for row in rows[start : start + batch]])
        for start in range(0, len(rows), batch)
    ]
    return Forecasts(rows, np.concatenate(parts).astype(np.float32))


def actual(one: Set, table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """What was observed behind each origin, (O, T, K)."""
    values = table[list(one.targets)].to_numpy(float)
    return np.stack([values[row : row + one.output_length] for row in rows])


def scale(one: Set, training: pd.DataFrame) -> np.ndarray:
    """MASE's denominator, (K,): the mean absolute error of the seasonal naive forecast in the training part.

    After Hyndman, Koehler 2006, "Another look at measures of forecast accuracy", section 3.
    """
    values = training[list(one.targets)].to_numpy(float)
    return np.nanmean(np.abs(values[one.season :] - values[: -one.season]), axis=0)


def scores(one: Set, table: pd.DataFrame, valid: int, found: Forecasts) -> Dict[str, object]:
    """MASE of the median, in all and by step; how often the interval holds the value, and its score.

    ``interval_score`` is the scaled one of Gneiting, Raftery 2007, section 6.2: width, and 2 / 0.2 of each miss. The
    mean is over what was observed, then over targets.
    """
    truth, unit = actual(one, table, found.origins), scale(one, table.iloc[:valid])
    low, middle, high = (found.quantiles[..., place] for place in (0, MEDIAN, -1))
    error = np.abs(truth - middle) / unit
    inside = np.where(np.isnan(truth), np.nan, (truth >= low) & (truth <= high))
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    interval = (high - low + 2 / (1 - (LEVELS[-1] - LEVELS[0])) * missed) / unit
    return {
        "mase": float(np.nanmean(error, axis=(0, 1)).mean()),
        "coverage": float(100 * np.nanmean(inside, axis=(0, 1)).mean()),
        "interval_score": float(np.nanmean(interval, axis=(0, 1)).mean()),
        "by_step": [float(step) for step in np.nanmean(error, axis=0).mean(axis=1)],
        "by_target": dict(zip(one.targets, (float(value) for value in np.nanmean(error, axis=(0, 1))))),
        "origins": len(found.origins),
    }


def save(path: Path, found: Forecasts) -> None:
    """Write forecasts as ``.npz``."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, origins=found.origins, quantiles=found.quantiles)


def load(path: Path) -> Forecasts:
    """What :func:`save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Forecasts(file["origins"], file["quantiles"])


def names(levels: Sequence[float] = LEVELS) -> List[str]:
    """``0.1`` -> ``10 %``."""
    return [f"{100 * level:g} %" for level in levels]
