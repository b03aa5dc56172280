"""Times: read from text, on the grid of a step, and as phases of the calendar."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import library
from s2s_plugins.series.description import are_integers

Times = NDArray[Any]  # datetime64[ns], or int64
ALIASES = "an alias of pandas as h, D, W-SUN, MS or 15min"
MOST_GAPS = 1000  # rows that a step makes for each row that is there
STRETCHES = 50  # places at which a step is looked for where the times have gaps


def needs_pandas() -> ModuleType:
    """pandas.

    Raises:
        MissingExtra: it is not installed.
    """
    return library("pandas", "a table of series")


def check_step(step: str) -> None:
    """Check that ``step`` is a number, or known to pandas.

    Raises:
        UsageError: it is not.
    """
    if step.isdecimal():
        if not 1 <= int(step) < 2**31:
            raise UsageError(f"--step {step} is not a distance of times: use 1 or more")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            offset = needs_pandas().tseries.frequencies.to_offset(step)
        if offset is None or offset.n < 1:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise UsageError(f"--step {step} is not a step: use {ALIASES}, or a number if the times are integers") from None


def steps_from(first: object, count: int, step: Optional[str]) -> Times:
    """``count`` times beginning with ``first``, each a step behind the one before.

    Raises:
        UsageError: they end outside of what 64 bits of nanoseconds hold, in the year 2262.
    """
    if are_integers(step):
        distance = int(step or 1)
        if abs(int(first)) + distance * count >= 2**62:  # type: ignore[call-overload]
            raise UsageError(f"{count} times from {first} on leave what 64 bits hold: use smaller times")
        return int(first) + distance * np.arange(count, dtype=np.int64)  # type: ignore[call-overload]
    check_step(str(step))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = needs_pandas().date_range(first, periods=count, freq=step, unit="ns")
            return found.to_numpy().astype("datetime64[ns]")
    except (ValueError, OverflowError):  # OutOfBoundsDatetime is a ValueError
        raise UsageError(f"{count} steps of {step} from {first} on leave the years 1678 to 2261") from None


def grid(times: Times, step: Optional[str]) -> Times:
    """All times of the step from the first to the last of ``times``; empty if none lies there.

    Raises:
        UsageError: there are far more of them than of ``times``.
    """
    first, last = times[0], times[-1]
    if are_integers(step):
        count = (int(last) - int(first)) // int(step or 1) + 1
    else:
        second = steps_from(first, 3, step)  # the first may lie off the step, the next two do not
        count = int((last - first) // (second[2] - second[1])) + 1
    if count > MOST_GAPS * (len(times) + 1000):
        raise UsageError(f"a step of {step} makes {count} rows of {len(times)}: give a larger --step")
    if are_integers(step):
        return np.arange(first, last + 1, int(step or 1), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = needs_pandas().date_range(first, last, freq=step, unit="ns")
    return found.to_numpy().astype("datetime64[ns]")


def infer_step(times: Times) -> Optional[str]:
    """The step on whose grid all the times lie, and which most of them show; None: there is none."""
    if times.dtype.kind == "i":
        distances = np.diff(times)
        return str(int(distances.min())) if len(distances) and distances.min() > 0 else None
    for candidate in _candidates(times):
        if np.isin(times, grid(times, candidate)).all():
            return candidate
    return None


def _candidates(times: Times) -> Iterator[str]:
    """Steps that the whole or a stretch of the times shows."""
    pandas = needs_pandas()
    index = pandas.DatetimeIndex(times)
    stretches = [index, *(index[begin : begin + 8] for begin in range(0, len(index) - 3, 1 + len(index) // STRETCHES))]
    for stretch in stretches:
        if len(stretch) < 3:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas is about to return an object instead of its name
            found = pandas.infer_freq(stretch)
        if found is not None:
            yield str(getattr(found, "freqstr", found))


def phase(times: Times, unit: str) -> NDArray[np.float64]:
    """How far each time is in its hour, day, week, month or year, from 0 to 1.

    Args:
        times: datetime64, (R,).
        unit: one of :data:`~s2s_plugins.series.description.CALENDAR`.
    """
    whole, part, size = CYCLES[unit]
    begin = times.astype(f"datetime64[{whole}]")
    if unit == "weekday":
        return (times.astype("datetime64[D]").astype(np.int64) + 3) % 7 / 7  # 1970-01-01 was a Thursday
    if unit == "quarter":
        return times.astype("datetime64[M]").astype(np.int64) % 12 // 3 / 4
    passed = (times.astype(f"datetime64[{part}]") - begin.astype(f"datetime64[{part}]")).astype(np.int64)
    if size:
        return passed / size
    length = ((begin + 1).astype("datetime64[D]") - begin.astype("datetime64[D]")).astype(np.int64)
    return passed / length


# the unit that a phase begins with, the unit that is counted in it, and how many there are; 0: so many days as it has
CYCLES: Dict[str, Tuple[str, str, int]] = {
    "minute": ("h", "m", 60),
    "hour": ("D", "h", 24),
    "weekday": ("W", "D", 7),
    "day": ("M", "D", 0),
    "dayofyear": ("Y", "D", 0),
    "month": ("Y", "M", 12),
    "quarter": ("Y", "M", 4),
}


def parse_times(cells: Sequence[str], step: Optional[str] = None) -> Tuple[Times, NDArray[np.bool_]]:
    """Times from text: those of ``step``; without one, integers if all are, otherwise ISO 8601.

    Times with an offset from UTC become times of UTC.

    Returns:
        The times, (R,) int64 or datetime64[ns], and which cells hold none.
    """
    pandas = needs_pandas()
    text = pandas.Series(cells, dtype="str").str.strip()
    integer = text.str.fullmatch(r"[+-]?\d{1,15}").to_numpy(dtype=bool, na_value=False)
    if step is None and integer.all() or step is not None and step.isdecimal():
        text = text.where(integer, "0")
        return text.astype(np.int64).to_numpy(), ~integer
    found = pandas.to_datetime(text, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    lost = found.isna().to_numpy() | (found < MIN_TIME).to_numpy() | (found > MAX_TIME).to_numpy()
    return found.to_numpy().astype("datetime64[ns]"), lost


MIN_TIME, MAX_TIME = "1678-01-01", "2261-12-31"  # of what 64 bits of nanoseconds hold
