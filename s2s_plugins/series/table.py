"""A series: its times and values, and the checks that it has to pass before a model reads it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, Mapping, Optional, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description, are_integers
from s2s_plugins.series.times import Times, grid

MASK = "fill it in, or prepare with --missing mask"


@dataclass(frozen=True)
class Series:
    """Values of several columns at consecutive times.

    Args:
        name: for messages and for what is written.
        times: (R,), datetime64[ns] or int64.
        values: by column, (R,) float64, NaN where a value is missing.
        static: by column that is constant, its number or text.
        where: the file, for messages.
        unit: what is counted in ``lines``: ``"line"`` or ``"row"``.
        lines: the line of each row, (R,) int64, -1 for a row that no file has; None: the rows are counted from 0.

    Raises:
        UsageError: the times are not one-dimensional times or integers.
    """

    name: str
    times: Times
    values: Mapping[str, NDArray[np.float64]]
    static: Mapping[str, Union[float, str]] = field(default_factory=dict)
    where: str = ""
    unit: str = "row"
    lines: Optional[NDArray[np.int64]] = None

    def __post_init__(self) -> None:
        times = np.asarray(self.times)
        if times.ndim != 1 or times.dtype.kind not in "iuM":
            raise UsageError(
                f"series {self.name!r}: the times are {times.dtype} of shape {times.shape}: give (R,) times"
            )
        object.__setattr__(self, "times", times.astype("datetime64[ns]" if times.dtype.kind == "M" else np.int64))
        values = {name: np.asarray(column, dtype=np.float64) for name, column in self.values.items()}
        object.__setattr__(self, "values", values)

    @property
    def rows(self) -> int:
        """Number of rows, R."""
        return len(self.times)

    def place(self, row: int) -> str:
        """Where a row is from, for messages."""
        line = row if self.lines is None else self.lines[row]
        file = f"{self.where}, " if self.where else ""
        if line < 0:
            return f"{file}series {self.name!r}, inserted row of {show(self.times[row])}"
        return f"{file}{self.unit} {line} (series {self.name!r})"


def show(time: object) -> str:
    """A time as short as it can be written."""
    text = str(time)
    if "T" not in text:
        return text
    text = text.rstrip("0").removesuffix(".")
    text = text + "0" * (-len(text.rpartition(":")[2]) % 2) if ":" in text else text
    for end in (":00", "T00:00"):
        text = text.removesuffix(end)
    return text


def origin(series: Series, description: Description) -> int:
    """Number of rows up to the last one that holds a target: a forecast begins behind them."""
    observed = np.zeros(series.rows, dtype=bool)
    for name in description.targets if description.kind == "series" else description.past:
        observed |= ~np.isnan(series.values[name])
    return int(series.rows - np.argmax(observed[::-1])) if observed.any() else 0


def checked(series: Series, description: Description, future: bool = False) -> Series:
    """``series`` if a model can read it, with a row for each step: with ``description.missing`` gaps are filled.

    Args:
        series: as it was read.
        description: of what is read.
        future: rows behind the last one with a target may be there, with the covariates that are known.

    Raises:
        UsageError: times are unsorted, doubled or off the step; there is a gap; a value is missing or infinite.
    """
    _check_columns(series, description)
    if not series.rows:
        raise UsageError(f"series {series.name!r} has no row: give one for each time")
    _check_order(series)
    if description.time is not None:
        series = _on_the_grid(series, description)
    end = origin(series, description) if future else series.rows
    for name in (*description.observed, *description.known):
        values = series.values[name]
        if np.isinf(values).any():
            place = series.place(int(np.argmax(np.isinf(values))))
            raise UsageError(f"{place}: column {name!r} is infinite: give a number, or NaN if it is missing")
        known = name in description.known
        if description.missing and not known:
            continue
        empty = np.isnan(values if known else values[:end])
        if empty.any():
            remedy = "it has to be known in each row: fill it in, or name it with --past" if known else MASK
            raise UsageError(f"{series.place(int(np.argmax(empty)))}: column {name!r} is empty: {remedy}")
    return series


def _check_columns(series: Series, description: Description) -> None:
    """Check that the columns that are read are there, of one length.

    Raises:
        UsageError: they are not.
    """
    named = description.observed + description.known
    for names, columns in ((named, series.values), (description.static, series.static)):
        for name in names:
            if name not in columns:
                raise UsageError(f"series {series.name!r} has no column {name!r}: the data has {', '.join(names)}")
    for name, values in series.values.items():
        if np.shape(values) != np.shape(series.times) or np.ndim(values) != 1:
            shapes = f"{np.shape(values)}, the times {np.shape(series.times)}"
            raise UsageError(
                f"series {series.name!r}: column {name!r} has the shape {shapes}: give a value for each time"
            )


def _check_order(series: Series) -> None:
    """Check that each time is later than the one before.

    Raises:
        UsageError: one is not.
    """
    wrong = ~(series.times[1:] > series.times[:-1])
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        time = show(series.times[row])
        if series.times[row] == series.times[row - 1]:
            remedy = "leave one out; if the rows are of several series, name their column with --series-column"
            raise UsageError(f"{series.place(row)}: the time {time} is repeated: {remedy}")
        earlier = show(series.times[row - 1])
        raise UsageError(f"{series.place(row)}: the time {time} comes after {earlier}: sort the rows by time")


def _on_the_grid(series: Series, description: Description) -> Series:
    """The series with a row for each step; rows that it lacks are inserted if values may be missing.

    Raises:
        UsageError: a time is off the steps, or there is a gap.
    """
    step = description.step
    if are_integers(step) != (series.times.dtype.kind == "i"):
        kind = "integers" if are_integers(step) else "times as 2024-03-31"
        raise UsageError(f"{series.place(0)}: the times have to be {kind}, with a step of {step}")
    times = grid(series.times, step)
    places = np.searchsorted(times, series.times)
    off = (places == len(times)) | (times[np.minimum(places, len(times) - 1)] != series.times) if len(times) else None
    if off is None or off.any():
        row = 0 if off is None else int(np.argmax(off))
        remedy = "give another --step, or correct the time"
        raise UsageError(f"{series.place(row)}: the time {show(series.times[row])} is off the step {step}: {remedy}")
    if len(times) == series.rows:
        return series
    if not description.missing:
        raise UsageError(_gap(series, times) + "insert them, give another --step, or prepare with --missing mask")
    return _with_rows(series, times, places)


def _gap(series: Series, times: Times) -> str:
    """The beginning of the message about the first gap, with the number of all rows that are missing."""
    differs = times[: series.rows] != series.times[: len(times)]
    row = max(int(np.argmax(differs)), 1)
    missing = len(times) - series.rows
    between = f"between {show(series.times[row - 1])} and {show(series.times[row])}"
    return f"{series.place(row)}: rows are missing {between}, {missing} in all: "


def _with_rows(series: Series, times: Times, places: NDArray[np.int64]) -> Series:
    """The series with the rows of all ``times``; its own are at ``places``, the others are missing."""
    values: Dict[str, NDArray[np.float64]] = {}
    for name, found in series.values.items():
        values[name] = np.full(len(times), np.nan)
        values[name][places] = found
    lines = np.full(len(times), -1, dtype=np.int64)
    lines[places] = np.arange(series.rows) if series.lines is None else series.lines
    return replace(series, times=times, values=values, lines=lines)
