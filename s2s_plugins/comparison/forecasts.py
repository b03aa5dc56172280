"""Predictions of windows of series: written to a file, read again, and scored against what was observed.

Shape letters: N windows, T steps of the horizon, K targets, Q quantile levels. Where windows have fewer steps than T,
or a value is missing, it is NaN.
"""

from __future__ import annotations

import time
import zipfile
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.comparison.data import Json
from s2s_plugins.files import replacing
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.series.features import in_units
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.windows import Window, make_window
from s2s_plugins.steps import StepError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """What a model predicts of a split, in the units of the data.

    Attributes:
        point: (N, T, K).
        quantiles: (N, T, K, Q), rising in Q.
        levels: (Q,).
        speed: windows per second.
    """

    point: Values
    quantiles: Values
    levels: Values
    speed: Values


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write an .npz that appears whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **vars(predictions))


def read_predictions(path: Path, shape: Sequence[int]) -> Predictions:
    """What :func:`write_predictions` wrote.

    Args:
        path: of the file.
        shape: of the points.

    Raises:
        StepError: the file is missing, damaged, or of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = Predictions(**{one.name: archive[one.name].astype(np.float64) for one in fields(Predictions)})
        if found.point.shape != tuple(shape) or found.quantiles.shape != (*shape, len(found.levels)):
            raise ValueError
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError, TypeError):
        state = path.parent.parent / "state" / f"predict-{path.stem}.json"
        raise StepError(f"{path} is missing or damaged: remove {state}, and run the command again") from None
    return found


class Observed:
    """What a split's windows have observed, in the units of the data.

    Args:
        folder: the prepared data.
        split: its name.

    Attributes:
        rows: the windows, (N, 5).
        windows: likewise, as a model reads them.
        target: (N, T, K).
        last: what was observed last before each window, (N, K); of arrays, zeros.
        stds: of each target, over the training part, (K,).
    """

    def __init__(self, folder: SeriesFolder, split: str) -> None:
        self.description = folder.description
        self.rows = folder.windows(split)
        self.windows = [folder.window(row) for row in self.rows]
        steps = max((len(window.target) for window in self.windows), default=0)
        self.target = np.full((len(self.windows), steps, self.description.target_size), np.nan)
        for place, window in enumerate(self.windows):
            self.target[place, : len(window.target)] = self._in_units(window.target, window)
        last = [self._in_units(window.first, window) for window in self.windows]
        self.last = np.stack(last) if last else np.empty((0, self.description.target_size))
        self.stds = np.array([self.description.stds[name] for name in self.description.targets])
        self._folder = folder

    def _in_units(self, values: NDArray[np.float32], window: Window) -> Values:
        return in_units(values.astype(np.float64) * window.scale + window.location, self.description)

    @cached_property
    def scale(self) -> Values:
        """By which :func:`scores` divides for the MASE, (N, 1, K); NaN where there is none."""
        by_series = naive_errors(self._folder)
        numbers = self.rows[:, 0]
        if by_series is None:
            return np.full((len(numbers), 1, len(self.stds)), np.nan)
        return by_series[numbers][:, None] * self.stds

    def history(self, number: int) -> List[NDArray[np.float32]]:
        """What an encoder that goes on from window to window has read before a window, (S, D) each, oldest first."""
        if self.description.kind == "arrays":
            return []
        series, end, _, _, _ = self.rows[number].tolist()
        step, begin = self.description.input_length, self._folder.series[series].begin
        nothing = (self._folder.covariates[:0], self._folder.target[:0])
        return [
            make_window(self._folder.source[first : first + step], *nothing, self.description).source
            for first in range(begin + (end - begin) % step, end, step)
        ]

    @property
    def naive(self) -> Predictions:
        """The last observed value, as the prediction of each step."""
        point = np.where(np.isnan(self.target), np.nan, self.last[:, None])
        return Predictions(point, np.empty((*point.shape, 0)), np.empty(0), np.array(np.nan))


def predict(forecaster: Forecaster, observed: Observed) -> Predictions:
    """The predictions of a split, whose targets are not read."""
    windows = observed.windows
    lengths = np.array([len(window.target) for window in windows])
    point = np.full(observed.target.shape, np.nan)
    quantiles = np.full((*point.shape, len(forecaster.levels)), np.nan)
    began = time.perf_counter()
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for begin in range(0, len(alike), BATCH_SIZE):
            rows = alike[begin : begin + BATCH_SIZE]
            histories = [observed.history(row) for row in rows] if forecaster.stateful else ()
            found = forecaster.predict_windows([windows[row] for row in rows], forecaster.levels, histories)
            point[rows, :length], quantiles[rows, :length] = found
    speed = len(windows) / max(time.perf_counter() - began, 1e-9)
    return Predictions(point, quantiles, np.array(forecaster.levels, dtype=np.float64), np.array(speed))


def naive_errors(folder: SeriesFolder) -> Optional[Values]:
    """The mean absolute difference of a value and the one before it, of each series and target, (series, K), in
    standard deviations: over the rows before the first that a held-out window predicts.

    NaN where these are constant or missing; None: all of arrays, which have no order.
    """
    if folder.description.kind == "arrays":
        return None
    begins = np.array([one.end for one in folder.series], dtype=np.int64)
    for split in folder.splits:
        if split != "train":
            rows = folder.windows(split)
            np.minimum.at(begins, rows[:, 0], rows[:, 3])
    found = np.full((len(folder.series), folder.description.target_size), np.nan)
    for number, one in enumerate(folder.series):
        steps = np.abs(np.diff(folder.target[one.begin : begins[number]].astype(np.float64), axis=0))
        counts = (~np.isnan(steps)).sum(axis=0)
        found[number] = np.where(counts > 0, np.nansum(steps, axis=0) / np.maximum(counts, 1), np.nan)
    found[found == 0] = np.nan
    return found


def scores(predictions: Predictions, observed: Observed) -> Json:
    """The errors of predictions, as means over all observed values.

    Returns:
        ``mae`` and ``rmse`` in the units of the data (None if there are several targets, which do not share one);
        ``mae_std`` and ``rmse_std`` in standard deviations of the training part; ``mase``, the absolute error in
        relation to the in-sample error of the naive forecast (Hyndman and Koehler 2006, "Another look at measures of
        forecast accuracy", section 3); ``coverage``, the percentage of values between the outermost quantiles, which
        ``coverage_nominal`` states; None where there is none.
    """
    error = predictions.point - observed.target
    standardised = error / observed.stds
    single = error.shape[-1] == 1
    levels = predictions.levels
    interval = len(levels) > 1
    return {
        "mae": mean(np.abs(error)) if single else None,
        "rmse": root_mean(error) if single else None,
        "mae_std": mean(np.abs(standardised)),
        "rmse_std": root_mean(standardised),
        "mase": mean(np.abs(error) / observed.scale),
        "coverage": mean(inside(predictions, observed)) if interval else None,
        "coverage_nominal": round(100 * float(levels[-1] - levels[0]), 6) if interval else None,
    }


def inside(predictions: Predictions, observed: Observed) -> Values:
    """100 where a value is between the outermost quantiles, 0 where it is not, (N, T, K)."""
    low, high, target = predictions.quantiles[..., 0], predictions.quantiles[..., -1], observed.target
    return np.where(np.isnan(target), np.nan, 100.0 * ((low <= target) & (target <= high)))


def by_step(predictions: Predictions, observed: Observed) -> List[Optional[float]]:
    """The mean absolute error of each step of the horizon, (T,): in the unit of the target, or if there are several, in
    standard deviations."""
    error = np.abs(predictions.point - observed.target)
    error = error if error.shape[-1] == 1 else error / observed.stds
    return [mean(error[:, step]) for step in range(error.shape[1])]


def by_target(predictions: Predictions, observed: Observed) -> Dict[str, Json]:
    """``mae`` and ``rmse`` of each target, in its unit."""
    error = predictions.point - observed.target
    return {
        name: {"mae": mean(np.abs(error[..., place])), "rmse": root_mean(error[..., place])}
        for place, name in enumerate(observed.description.targets)
    }


def mean(values: Values) -> Optional[float]:
    """The mean of what is not NaN; None if all is."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else None


def root_mean(error: Values) -> Optional[float]:
    """The root of the mean square of what is not NaN; None if all is."""
    square = mean(error**2)
    return None if square is None else float(np.sqrt(square))
