"""A user's own CSV file as a set: what its flags say, and what follows from its times."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import pandas as pd

from forecast.evaluation import times
from forecast.recipe import OWN_PARTS, Set
from s2s_plugins.errors import UsageError
from s2s_plugins.series.planning import CALENDARS, HORIZON, season_of, window_for


def set_of(args: argparse.Namespace) -> Set:
    """The set that ``--csv`` and the flags beside it describe.

    Raises:
        UsageError: the file cannot be read, has no such column, or too few rows.
    """
    table = _read(args.csv, args.time)
    targets, past = _names(args.target), _names(args.past)
    for flag, columns in (("--target", targets), ("--past", past)):
        for name in columns:
            if name not in table.columns:
                raise UsageError(f"{flag} {name}: {args.csv} has the columns {', '.join(table.columns)}")
    step = args.step or pd.infer_freq(table.index)
    if step is None:
        raise UsageError(
            f"{args.csv}: the times in {args.time!r} have no one step between them: give --step, as MS, D or h"
        )
    season = args.season or season_of(step)
    horizon = args.horizon or (season if season > 1 else HORIZON)
    window = args.window or window_for(season, horizon)
    valid, test = (_time(table, part) for part in (sum(OWN_PARTS), OWN_PARTS[1]))
    return Set(
        title=args.csv.stem,
        unit="",
        why="the user's own",
        source=str(args.csv),
        package=None,
        file=str(args.csv),
        time=args.time,
        step=step,
        targets=targets,
        past=past,
        calendar=_names(args.calendar) if args.calendar is not None else CALENDARS.get(step, ()),
        season=season,
        valid_from=valid,
        test_from=test,
        input_length=window,
        output_length=horizon,
        origin_stride=max(1, horizon // 4),
        missing=bool(table[[*targets, *past]].isna().any().any() or len(table.asfreq(step)) > len(table)),
    )


def _read(path: Path, time: str) -> pd.DataFrame:
    """The file with its times as index.

    Raises:
        UsageError: it cannot be read, or has no such column.
    """
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise UsageError(f"--csv {path} cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeError) as error:  # pandas' own errors are of these
        raise UsageError(f"--csv {path} is no table: {str(error).splitlines()[0]}") from None
    if time not in table.columns:
        raise UsageError(f"--time {time}: {path} has the columns {', '.join(map(str, table.columns))}")
    try:
        index = times(table[time])
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: column {time!r} has a cell that is no time: {str(error).splitlines()[0]}") from None
    if len(index) < 3 or not index.is_monotonic_increasing or index.has_duplicates:
        raise UsageError(
            f"{path}: the times in {time!r} must be three or more, each later than the one before: sort them"
        )
    return table.set_index(index)


def _time(table: pd.DataFrame, part: float) -> str:
    """The time from which the last ``part`` of the rows begin."""
    return str(table.index[int(len(table) * (1 - part))]).replace(" ", "T")


def _names(text: str | None) -> Tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def demo(one: Set) -> Set:
    """The same set with few rows in a window: a quick check."""
    return replace(one, input_length=min(one.input_length, 12), output_length=min(one.output_length, 6))
