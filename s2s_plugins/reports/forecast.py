"""Forecasts drawn behind the series that they go on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import library
from s2s_plugins.files import replacing
from s2s_plugins.series.forecasts import Forecast
from s2s_plugins.series.table import Series

MOST = 12  # panels in a picture
HISTORY = 4  # horizons of the past that are shown
ENDINGS = (".png", ".svg", ".pdf")


def draw(series: Sequence[Series], forecasts: Sequence[Forecast], path: Path) -> None:
    """A panel for each target of each series, the first :data:`MOST` of them.

    Args:
        series: what was observed.
        forecasts: of each.
        path: the picture; its ending says the format.

    Raises:
        UsageError: an unknown ending, no series, or matplotlib is not installed.
    """
    if path.suffix not in ENDINGS:
        raise UsageError(f"--plot {path} ends in no format of a picture: use {', '.join(ENDINGS)}")
    panels = [
        (one, forecast, place) for one, forecast in zip(series, forecasts) for place in range(len(forecast.columns))
    ]
    if not panels:
        raise UsageError("there is nothing to draw: the input has no series")
    Figure = library("matplotlib.figure").Figure
    count, panels = len(panels), panels[:MOST]
    figure = Figure(figsize=(9, 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (one, forecast, place) in zip(axes, panels):
        _panel(axis, one, forecast, place)
    if len(panels) < count:
        figure.supxlabel(f"{len(panels)} of {count} are shown", fontsize=8)
    with replacing(path) as partial:
        figure.savefig(partial, format=path.suffix[1:], dpi=120)


def _panel(axis: Any, series: Series, forecast: Forecast, place: int) -> None:
    name, steps = forecast.columns[place], len(forecast.times)
    known = series.values.get(name)
    if known is not None:
        observed = np.flatnonzero(~np.isnan(known))[-HISTORY * steps :]
        axis.plot(series.times[observed], known[observed], color="black", linewidth=1.2, label="observed")
        # joined, so that the eye follows
        last: Tuple[Any, Any] = (series.times[observed[-1:]], known[observed[-1:]])
    else:
        last = (forecast.times[:0], forecast.point[:0, place])
    times = np.concatenate([last[0], forecast.times])
    if len(forecast.levels) > 1:
        low, high = forecast.quantiles[:, place, 0], forecast.quantiles[:, place, -1]
        share = f"{100 * (forecast.levels[-1] - forecast.levels[0]):.0f} % interval"
        shaded: Dict[str, Any] = {"color": "tab:blue", "alpha": 0.2, "linewidth": 0, "label": share}
        axis.fill_between(times, np.concatenate([last[1], low]), np.concatenate([last[1], high]), **shaded)
    axis.plot(times, np.concatenate([last[1], forecast.point[:, place]]), color="tab:blue", label="forecast")
    axis.set_title(f"{forecast.name}: {name}" if forecast.name else name, loc="left", fontsize=10)
    if forecast.times.dtype.kind == "M":
        dates = library("matplotlib.dates")
        axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(axis.xaxis.get_major_locator()))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="upper left")
