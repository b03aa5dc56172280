"""Forecasts of the rows that were held out, from each origin in them, and what of them a report shows."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.evaluation.forecasts import (
    ForecastEvaluation,
    forecast_evaluation_of,
    naive_scale,
    seasonal_naive,
)
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.reports.training.forecasts import Panel, Stretch
from s2s_plugins.series.description import are_integers
from s2s_plugins.series.features import in_units
from s2s_plugins.series.forecasts import Forecast
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.table import Series, show
from s2s_plugins.series.times import steps_from

Values = NDArray[np.float64]
PANELS = 4  # series that are drawn
STRETCHES, BEFORE = 4, 2  # forecasts one behind the other that are drawn, and horizons before them
HISTORY = 4  # horizons before what comes next
ROWS = 24  # that are drawn at least, where the horizon is short


class HeldOut(NamedTuple):
    """Forecasts of a part. Shape letters: N origins, T steps, K targets, Q quantile levels.

    Attributes:
        data: the windows, and all values.
        windows: those of the part, (N, 5), as :meth:`~s2s_plugins.series.store.SeriesFolder.windows` has them.
        values: of all rows of the data, (R, K), in its units.
        point: (N, T, K).
        quantiles: (N, T, K, Q).
        levels: of the quantiles.
        naive: forecasts of the seasonal naive method, (N, T, K).
        season: of that method.
    """

    data: SeriesFolder
    windows: NDArray[np.int64]
    values: Values
    point: Values
    quantiles: Values
    levels: Sequence[float]
    naive: Values
    season: int

    @property
    def targets(self) -> Sequence[str]:
        """Names of the K columns."""
        return self.data.description.targets


def forecast_part(forecaster: Forecaster, data: SeriesFolder, part: str, season: int) -> HeldOut:
    """Forecast from each origin in a part.

    Args:
        forecaster: the model.
        data: the windows.
        part: ``"valid"`` or ``"test"``.
        season: of the naive method that is scored too.
    """
    windows = data.windows(part)
    values = in_units(np.asarray(data.target, dtype=np.float64), data.description)
    levels = forecaster.check_levels(None)
    point: List[Values] = []
    quantiles: List[Values] = []
    for begin in range(0, len(windows), BATCH_SIZE):
        found = forecaster.predict_windows([data.window(row) for row in windows[begin : begin + BATCH_SIZE]], levels)
        point.append(found[0])
        quantiles.append(found[1])
    naive = [
        seasonal_naive(values[data.series[number].begin : origin], end - origin, season)
        for number, _, _, origin, end in windows.tolist()
    ]
    joined = np.concatenate(point), np.concatenate(quantiles)
    return HeldOut(data, windows, values, *joined, levels, np.stack(naive), season)


def evaluate(held_out: HeldOut) -> ForecastEvaluation:
    """The scores of these forecasts."""
    data, windows, values = held_out.data, held_out.windows, held_out.values
    ends = _training_ends(data)
    scales = {n: naive_scale(values[data.series[n].begin : ends[n]], held_out.season) for n in np.unique(windows[:, 0])}
    return forecast_evaluation_of(
        held_out.targets,
        np.stack([values[begin:end] for begin, end in windows[:, 3:].tolist()]),
        held_out.point,
        held_out.quantiles,
        held_out.levels,
        held_out.naive,
        np.stack([scales[number] for number in windows[:, 0].tolist()]),
        held_out.season,
    )


def _training_ends(data: SeriesFolder) -> Dict[int, int]:
    """The row at which the training part of each series ends."""
    windows = data.windows("train")
    found = {number: int(windows[windows[:, 0] == number, 4].max()) for number in np.unique(windows[:, 0]).tolist()}
    return {number: found.get(number, one.end) for number, one in enumerate(data.series)}


def times_of(data: SeriesFolder, number: int) -> NDArray[Any]:
    """The times of the rows of a series, (R,), datetime64[ns] or int64."""
    rows, step = data.series[number], data.description.step
    return steps_from(int(rows.first) if are_integers(step) else rows.first, rows.end - rows.begin, step)


def table(held_out: HeldOut) -> Tuple[List[str], List[List[str]]]:
    """All forecasts: names of the columns, and a row for each origin, step and target."""
    data = held_out.data
    quantiles = [f"q{level:g}" for level in held_out.levels]
    columns = ["series", "target", "from", "time", "observed", "forecast", *quantiles, "seasonal naive"]
    rows = []
    times = {number: times_of(data, number) for number in np.unique(held_out.windows[:, 0]).tolist()}
    for place, (number, _, _, begin, end) in enumerate(held_out.windows.tolist()):
        first = data.series[number].begin
        for column, target in enumerate(held_out.targets):
            for step, row in enumerate(range(begin, end)):
                forecast = (held_out.point[place, step, column], *held_out.quantiles[place, step, column])
                numbers = (held_out.values[row, column], *forecast, held_out.naive[place, step, column])
                when = [show(times[number][one - first]) for one in (begin, row)]
                rows.append([data.series[number].name, target, *when, *map(_cell, numbers)])
    return columns, rows


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.7g}"


def drawn(held_out: HeldOut) -> List[Panel]:
    """Some series: the last forecasts of each that do not overlap, beside what came."""
    numbers = np.unique(held_out.windows[:, 0]).tolist()
    places = [(number, column) for number in numbers for column in range(len(held_out.targets))]
    return [_drawn(held_out, number, column) for number, column in spread(places)]


def _drawn(held_out: HeldOut, number: int, column: int) -> Panel:
    rows, times = held_out.data.series[number], times_of(held_out.data, number)
    chosen: List[int] = []
    begin, horizon = rows.end + 1, held_out.point.shape[1]
    for place in np.flatnonzero(held_out.windows[:, 0] == number)[::-1].tolist():  # the last ones first
        if held_out.windows[place, 4] <= begin and len(chosen) < max(STRETCHES, ROWS // horizon):
            chosen.insert(0, place)
            begin = int(held_out.windows[place, 3])
    first, last = max(rows.begin, begin - max(BEFORE * horizon, ROWS // 2)), int(held_out.windows[chosen[-1], 4])
    stretches = []
    for place in chosen:
        at = slice(held_out.windows[place, 3] - rows.begin, held_out.windows[place, 4] - rows.begin)
        ends = _ends(held_out.quantiles[place, :, column])
        stretches.append(
            Stretch(times[at], held_out.point[place, :, column], *ends, naive=held_out.naive[place, :, column])
        )
    observed = held_out.values[first:last, column]
    return Panel(
        _name(rows.name, held_out.targets[column], len(held_out.data.series) > 1),
        times[first - rows.begin : last - rows.begin],
        observed,
        stretches,
    )


def _ends(quantiles: Values) -> "tuple[Any, Any]":
    """The lowest and the highest of the quantiles (T, Q); None, None of fewer than two."""
    return (quantiles[:, 0], quantiles[:, -1]) if quantiles.shape[-1] > 1 else (None, None)


def _name(series: str, target: str, several: bool) -> str:
    return f"{series}: {target}" if several else target


def ahead(series: Sequence[Series], forecasts: Sequence[Forecast], several: bool) -> List[Panel]:
    """Some series with what comes next.

    Args:
        series: what was observed.
        forecasts: of each.
        several: whether a column tells the series apart.
    """
    places = [(place, column) for place, one in enumerate(forecasts) for column in range(len(one.columns))]
    found = []
    for place, column in spread(places):
        one, forecast = series[place], forecasts[place]
        name, steps = forecast.columns[column], len(forecast.times)
        known = one.values[name]
        observed = np.flatnonzero(~np.isnan(known))
        end = int(observed[-1]) + 1 if len(observed) else 0
        rows = slice(max(0, end - max(HISTORY * steps, ROWS)), end)
        stretch = Stretch(forecast.times, forecast.point[:, column], *_ends(forecast.quantiles[:, column]))
        found.append(Panel(_name(one.name, name, several), one.times[rows], known[rows], [stretch]))
    return found


def spread(items: Sequence[Any], count: int = PANELS) -> List[Any]:
    """``count`` of the items, evenly spread."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]
