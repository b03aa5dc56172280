"""How series are cut into windows, by what their times and lengths show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description, are_integers
from s2s_plugins.series.files import Table
from s2s_plugins.series.reading import series_in
from s2s_plugins.series.roles import Choice, describe
from s2s_plugins.series.table import Series, origin
from s2s_plugins.series.times import grid

# rows after which a series resembles itself, by the step between rows; others have no season
SEASONS = {"MS": 12, "ME": 12, "QS": 4, "QE": 4, "W": 52, "D": 7, "B": 5, "h": 24, "30min": 48, "15min": 96}
_OF_DAYS = ("hour", "weekday", "dayofyear")
# covariates that are made from the time, by the step
CALENDARS: Dict[str, Tuple[str, ...]] = {
    "MS": ("month",),
    "ME": ("month",),
    "W": ("dayofyear",),
    "D": ("weekday", "dayofyear"),
    "h": _OF_DAYS,
    "30min": _OF_DAYS,
    "15min": _OF_DAYS,
}
HORIZON = 12  # steps, of a series without a season
LONGEST_WINDOW = 168  # steps that a model reads
PARTS = {"valid": 0.1, "test": 0.2}  # shares of the rows, the test part behind the validation part
Part = Union[int, str, None]


@dataclass(frozen=True)
class Asked:
    """What a user says about series.

    Args:
        time: column of the times; None: rows are counted.
        value: columns that are forecast; none: all that have no other role.
        horizon: number of steps to forecast; None: a season.
        series: column that tells the series of a table apart.
        past: columns that are known up to the origin of a forecast.
        known: columns that are known in the future too.
        static: columns that are constant in a series.
        step: distance of the times, an alias of pandas; None: what they show.
        valid: rows of the longest series to validate on, or the time from which on; None: a tenth; 0: none.
        test: likewise to test on; None: a fifth.
    """

    time: Optional[str] = None
    value: Tuple[str, ...] = ()
    horizon: Optional[int] = None
    series: Optional[str] = None
    past: Tuple[str, ...] = ()
    known: Tuple[str, ...] = ()
    static: Tuple[str, ...] = ()
    step: Optional[str] = None
    valid: Part = None
    test: Part = None


class Planned(NamedTuple):
    """How series are prepared.

    Attributes:
        choice: as ``s2s prepare --series`` has it.
        season: rows after which the series resemble themselves; 1: none.
        said: what to say to the user, a line each.
    """

    choice: Choice
    season: int
    said: List[str]


def season_of(step: Optional[str]) -> int:
    """The season of series with this step; 1 if there is none."""
    return SEASONS.get((step or "").split("-")[0], 1)


def window_for(season: int, horizon: int) -> int:
    """The number of steps that a model reads."""
    return min(max(2 * season, 2 * horizon), LONGEST_WINDOW)


def plan_series(tables: Sequence[Table], asked: Asked) -> Planned:
    """Choose lengths, parts and covariates.

    Raises:
        UsageError: a column is missing or not as its role needs it, or a series is too short.
    """
    plain = Choice(
        input_length=1,
        output_length=1,
        time=asked.time,
        step=asked.step,
        series_column=asked.series,
        target=asked.value,
        past=asked.past,
        known=asked.known,
        static=asked.static,
    )
    plain.check_for_series()
    description, left = describe(tables, plain)
    series = list(series_in(tables, description))
    rows = [origin(one, description) for one in series]
    season = season_of(description.step)
    horizon = asked.horizon or (season if season > 1 else HORIZON)
    parts, window = _fitting(series, rows, horizon, window_for(season, horizon), asked)
    missing = any(_has_gaps(one, count, description) for one, count in zip(series, rows))
    step = (description.step or "").split("-")[0]
    choice = replace(
        plain,
        input_length=window,
        output_length=horizon,
        step=description.step,
        target=description.targets,
        calendar=() if are_integers(description.step) else CALENDARS.get(step, ()),
        eval_stride=max(1, horizon // 4),
        missing="mask" if missing else "error",
        per_window=True,  # each window on a scale of its own: docs/results/forecast.md
        **parts,
    )
    return Planned(choice, season, _said(choice, season, len(series), max(rows), missing, left))


def _fitting(
    series: Sequence[Series], rows: Sequence[int], horizon: int, window: int, asked: Asked
) -> Tuple[Dict[str, Any], int]:
    """What is held out, and the number of steps that a model reads, so that the shortest series has a window.

    Raises:
        UsageError: it has none.
    """
    shortest = min(rows)
    found: Dict[str, Any] = {}
    for part in PARTS:
        given: Part = getattr(asked, part)
        if isinstance(given, str):
            found[f"{part}_from"] = given
        elif given is not None:
            found[f"{part}_fraction"] = _share(part, given, max(rows))
        else:  # long enough for one forecast in each series, and none of series that are too short for that
            share = max(PARTS[part], (horizon + 0.5) / shortest)
            found[f"{part}_fraction"] = share if 5 * horizon <= shortest else 0.0
    held_out = sum(share for share in found.values() if isinstance(share, float))
    left = int(shortest * (1 - held_out)) - horizon - 1
    if left < 1:
        name = series[int(np.argmin(rows))].name
        raise UsageError(
            f"series {name!r} has {shortest} rows with a value, too few to learn from and to forecast {horizon}: give "
            "more rows, a smaller --horizon, or a smaller --test; or leave the series out"
        )
    return found, min(window, max(1, left))


def _share(part: str, rows: int, longest: int) -> float:
    """The share of the rows that is held out.

    Raises:
        UsageError: it is too large.
    """
    if not 0 <= rows < longest:
        raise UsageError(f"--{part} {rows} leaves nothing to train on, of {longest} rows: hold out fewer")
    return rows / longest


def _has_gaps(series: Series, rows: int, description: Description) -> bool:
    """Whether a value or a row is missing."""
    observed = (*description.targets, *description.past)
    if any(np.isnan(series.values[name][:rows]).any() for name in observed):
        return True
    is_sorted = bool((series.times[1:] > series.times[:-1]).all())  # what is not is an error of the preparation
    return description.time is not None and is_sorted and len(grid(series.times, description.step)) > series.rows


def _said(choice: Choice, season: int, series: int, longest: int, missing: bool, left: Sequence[str]) -> List[str]:
    several = f"{series:,} series, the longest of {longest:,} rows" if series > 1 else f"one series of {longest:,} rows"
    step = f", a row each {choice.step}" if choice.time is not None else ""
    lines = [f"{several}{step}; forecast: {', '.join(choice.target)}"]
    resembles = f"; a season of {season}" if season > 1 else "; no season is known of such steps"
    lines.append(f"the model reads {choice.input_length} steps and forecasts {choice.output_length}{resembles}")
    if choice.calendar:
        lines.append(f"made from the time: {', '.join(choice.calendar)}")
    if missing:
        lines.append("values or rows are missing: the model sees which ones")
    if left:
        lines.append(f"not used: {', '.join(left)} (--past, --known and --static give columns a role)")
    if choice.fraction("test") == 0 and choice.test_from is None:
        lines.append("the series are too short to hold rows out for a test: there are no scores")
    return lines
