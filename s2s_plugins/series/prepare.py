"""From files of series to a folder that a model is trained on."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description
from s2s_plugins.series.features import features
from s2s_plugins.series.files import Table, npz_keys, read_table
from s2s_plugins.series.prepare_arrays import prepare_arrays
from s2s_plugins.series.prepared import Prepared, mean_and_std, missing_notes
from s2s_plugins.series.reading import series_in
from s2s_plugins.series.roles import Choice, describe
from s2s_plugins.series.store import ARRAYS, ArrayWriter, Rows, write_index
from s2s_plugins.series.table import Series, checked, origin, show
from s2s_plugins.series.times import parse_times
from s2s_plugins.series.windows import SPLITS, split_windows

LEFT_OUT = "columns left out, which have no role"
Windows = Dict[str, NDArray[np.int64]]
Ends = Tuple[int, int]  # where the training part of a series ends, and where its validation part does, in rows


def prepare_series(sources: Sequence[str], choice: Choice, folder: Path) -> Prepared:
    """Write the series in ``sources``, or the arrays in the one file there, into the empty ``folder``.

    Raises:
        UsageError: a file cannot be read, a value or flag does not fit, or a split has no window.
        OSError: a file cannot be opened or written.
    """
    if _are_arrays(sources):
        return prepare_arrays(sources[0], choice, folder)
    return prepare_tables([table for source in sources for table in read_table(source)], choice, folder)


def prepare_tables(tables: Sequence[Table], choice: Choice, folder: Path, with_future: bool = False) -> Prepared:
    """As :func:`prepare_series`, of tables.

    Args:
        tables: of series.
        choice: how.
        folder: an empty one.
        with_future: rows behind the last one with a target, which hold what is known in the future, are left out.

    Raises:
        UsageError: as there.
    """
    choice.check_for_series()
    description, left = describe(tables, choice)
    series = [checked(one, description, with_future) for one in series_in(tables, description)]
    if with_future:
        series = [_cut(one, origin(one, description)) for one in series]
    ends = [_ends(one, choice) for one in series]
    description = with_scales(description, [_cut(one, end[0]) for one, end in zip(series, ends)])
    windows, notes = _windows(series, ends, description, choice)
    places, missing = _write_rows(series, description, folder)
    rows = sum(one.rows for one in series)
    write_index(folder, description, places, (rows, rows), windows)
    by_split = np.sum([np.diff([0, *end, one.rows]) for one, end in zip(series, ends)], axis=0)
    if left:
        notes.insert(0, f"{LEFT_OUT}: {', '.join(left)}")
    counts = {split: len(table) for split, table in windows.items()}
    rows_of = dict(zip(SPLITS, by_split.tolist()))
    return Prepared(description, counts, rows_of, len(series), [*notes, *missing_notes(missing)])


def _are_arrays(sources: Sequence[str]) -> bool:
    """Whether the sources are windows that are cut already.

    Raises:
        UsageError: they are, and there are several.
    """
    found = [source for source in sources if source.endswith(".npz") and {"source", "target"} & npz_keys(Path(source))]
    if found and len(sources) > 1:
        raise UsageError(
            f"--series {found[0]} holds windows that are cut already: give it alone, or as --valid or --test"
        )
    return bool(found)


def _ends(series: Series, choice: Choice) -> Ends:
    """Where the parts of a series end.

    Raises:
        UsageError: the training part is too short for a window, or the parts do not follow each other.
    """
    valid_from, test_from = (_row_of(series, choice, split) for split in SPLITS[1:])
    test = series.rows - round(series.rows * choice.fraction("test")) if test_from is None else test_from
    valid = test - round(series.rows * choice.fraction("valid")) if valid_from is None else valid_from
    if valid > test:
        begin = show(series.times[test]) if test < series.rows else "its end"
        raise UsageError(
            f"--valid-from {choice.valid_from} is behind the test part of series {series.name!r}, which begins at "
            f"{begin}: give an earlier time, or another --test-from or --test-fraction"
        )
    if valid < sum(choice.lengths):
        lengths = f"--input-length {choice.lengths[0]} and --output-length {choice.lengths[1]}"
        raise UsageError(
            f"series {series.name!r} has {series.rows} rows, {max(valid, 0)} of them to train on: a window needs "
            f"{sum(choice.lengths)} ({lengths}); use smaller ones, hold out less, or leave the series out"
        )
    return valid, test


def _row_of(series: Series, choice: Choice, split: str) -> Optional[int]:
    """The row at which the part begins that ``--valid-from`` or ``--test-from`` names.

    Raises:
        UsageError: it is not a time.
    """
    text: Optional[str] = getattr(choice, f"{split}_from")
    if text is None:
        return None
    integer = series.times.dtype.kind == "i"
    times, lost = parse_times([text], "1" if integer else "D")
    if lost[0]:
        form = "an integer, as the times are" if integer else "it as 2024-03-31 or 2024-03-31T18:00"
        raise UsageError(f"--{split}-from {text} is not a time: write {form}")
    return int(np.searchsorted(series.times, times[0]))


def _cut(series: Series, rows: int) -> Series:
    """The first rows of a series."""
    values = {name: column[:rows] for name, column in series.values.items()}
    return replace(series, times=series.times[:rows], values=values)


def with_scales(description: Description, series: Sequence[Series]) -> Description:
    """The description with means and deviations of the columns over the rows of ``series``, the training part.

    A static column counts once for each series. A column that is constant has the deviation 1.

    Raises:
        UsageError: a column has no value there.
    """
    means, stds = {}, {}
    for name in description.numeric:
        if name in description.static:
            values = np.array([one.static[name] for one in series], dtype=np.float64)
        else:
            values = np.concatenate([one.values[name] for one in series])
        means[name], stds[name] = mean_and_std(values, name)
    return replace(description, means=means, stds=stds)


def _windows(
    series: Sequence[Series], ends: Sequence[Ends], description: Description, choice: Choice
) -> Tuple[Windows, List[str]]:
    """The windows of each split, (W, 5), and a line about each kind of what has none.

    Windows of whose target nothing was observed teach nothing, and are left out.

    Raises:
        UsageError: a split that was asked for has no window.
    """
    found: Dict[str, List[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    short: Dict[str, List[str]] = {split: [] for split in SPLITS}
    begin, left = 0, 0
    for number, (one, end) in enumerate(zip(series, ends)):
        observed = np.zeros(one.rows + 1, dtype=np.int64)
        observed[1:] = np.cumsum(np.any([~np.isnan(one.values[name]) for name in description.targets], axis=0))
        for split, windows in split_windows(one.rows, end, choice.lengths, choice.strides).items():
            some = observed[windows[:, 3]] > observed[windows[:, 2]]
            left += int((~some).sum())
            numbers = np.full((int(some.sum()), 1), number)
            found[split].append(np.concatenate([numbers, windows[some] + begin], axis=1))
            if not len(windows):
                short[split].append(one.name)
        begin += one.rows
    notes = [f"{left} windows left out, since all their targets are missing"] if left else []
    whole = {split: np.concatenate(parts) for split, parts in found.items()}
    for split in SPLITS:
        if not len(whole[split]):
            _refuse_empty(split, ends, series, choice, bool(short[split]))
        elif short[split]:
            names = f"{len(short[split])} of {len(series)} series, the first is {short[split][0]!r}"
            notes.append(f"no {split} window, since their part is shorter than --output-length: {names}")
    return {split: table for split, table in whole.items() if len(table)}, notes


def _refuse_empty(split: str, ends: Sequence[Ends], series: Sequence[Series], choice: Choice, short: bool) -> None:
    """Check that nobody asked for a split that has no window.

    Raises:
        UsageError: somebody did.
    """
    since: Optional[str] = None if split == "train" else getattr(choice, f"{split}_from")
    if split != "train" and since is None and not choice.fraction(split):
        return
    if not short:
        raise UsageError(f"the {split} part has no window with a target that is observed: fill in more of the targets")
    bounds = [np.diff([0, *end, one.rows])[SPLITS.index(split)] for one, end in zip(series, ends)]
    remedy = "give an earlier time" if since is not None else f"use a larger --{split}-fraction, or 0 for none"
    raise UsageError(
        f"the {split} part has {max(bounds)} rows where it is longest, a window predicts {choice.lengths[1]} "
        f"(--output-length): {remedy}"
    )


def _write_rows(series: Sequence[Series], description: Description, folder: Path) -> Tuple[List[Rows], int]:
    """Write the features of all series; where each of them lies, and how many values are missing."""
    sizes = (description.source_size, description.covariate_size, description.target_size)
    rows, places, begin, missing = sum(one.rows for one in series), [], 0, 0
    with ExitStack() as stack:
        writers = [stack.enter_context(ArrayWriter(folder / f"{n}.npy", rows, s)) for n, s in zip(ARRAYS, sizes)]
        for one in series:
            found = features(one, description)
            missing += int(np.isnan(found.source).sum())
            for writer, part in zip(writers, found):
                writer.add(part)
            places.append(Rows(one.name, begin, begin + one.rows, show(one.times[0])))
            begin += one.rows
    return places, missing
