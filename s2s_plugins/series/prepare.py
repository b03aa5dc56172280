"""From files of series, or of arrays, to a folder that a model is trained on."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.arrays import Samples, check_samples, load_samples, sample_series
from s2s_plugins.series.description import Description
from s2s_plugins.series.features import features, standardised
from s2s_plugins.series.files import read_npz, read_table
from s2s_plugins.series.reading import series_in
from s2s_plugins.series.roles import Choice, describe
from s2s_plugins.series.store import ARRAYS, ArrayWriter, Rows, rows_of, write_index
from s2s_plugins.series.table import Series, checked
from s2s_plugins.series.times import parse_times
from s2s_plugins.series.windows import SPLITS, split_windows

Windows = Dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare_series` wrote; as text, a table.

    Args:
        description: of the data.
        windows: number of windows, by split.
        rows: number of rows, by split: those of the targets.
        series: number of series.
        notes: what was left out or is missing, a line each.
    """

    description: Description
    windows: Dict[str, int]
    rows: Dict[str, int]
    series: int
    notes: List[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = self.description
        lines = [f"{'split':<8}{'rows':>10}{'windows':>10}"]
        lines += [f"{split:<8}{self.rows[split]:>10}{count:>10}" for split, count in self.windows.items()]
        what = f"{self.series} series" if found.kind == "series" else f"{self.series} pairs of arrays"
        lengths = f"{found.input_length} steps in, {found.output_length} out"
        sizes = f"{found.source_size} values read, {found.target_size} predicted at each"
        lines += ["", f"{what}, {lengths}, {sizes}"]
        roles = ("targets", "past", "known", "calendar", "static")
        if found.kind == "series":
            lines += [f"{role}: {', '.join(getattr(found, role))}" for role in roles if getattr(found, role)]
            lines += [f"step: {found.step}"] if found.step else []
        return "\n".join(lines)


def prepare_series(sources: Sequence[str], choice: Choice, folder: Path) -> Prepared:
    """Write the series in ``sources`` into the empty ``folder``.

    Raises:
        UsageError: a file cannot be read, a value or flag does not fit, or no window is left.
        OSError: a file cannot be opened or written.
    """
    if _are_arrays(sources):
        return _prepare_arrays(sources, choice, folder)
    choice.check_for_series()
    tables = [table for source in sources for table in read_table(source)]
    description, left = describe(tables, choice)
    series = [checked(one, description) for one in series_in(tables, description)]
    ends = [_ends(one, choice) for one in series]
    description = with_scales(description, [_cut(one, end[0]) for one, end in zip(series, ends)])
    windows, empty = _windows(series, ends, description, choice)
    rows = [sum(one.rows for one in series)] * 2
    places, written = _write_rows(series, description, rows[0], folder)
    write_index(folder, description, places, (rows[0], rows[1]), windows)
    by_split = np.sum([np.diff([0, *end, one.rows]) for one, end in zip(series, ends)], axis=0)
    notes = [f"columns left out: {', '.join(left)}"] if left else []
    notes += _notes(written, empty)
    counts = {split: len(table) for split, table in windows.items()}
    return Prepared(description, counts, dict(zip(SPLITS, by_split.tolist())), len(series), notes)


def _notes(missing: int, empty: int) -> List[str]:
    """What is missing."""
    notes = [f"{missing} values are missing, and masked"] if missing else []
    return notes + ([f"{empty} windows left out, whose targets are all missing"] if empty else [])


def _are_arrays(sources: Sequence[str]) -> bool:
    """Whether the sources are windows that are cut already.

    Raises:
        UsageError: some are.
    """
    found = []
    for source in sources:
        if source.endswith(".npz"):
            keys = set(read_npz(Path(source)))
            found.append(bool({"source", "target"} & keys))
        else:
            found.append(False)
    if any(found) and len(sources) > 1:
        raise UsageError(f"--series {sources[found.index(True)]} holds windows: give one such file, without others")
    return any(found)


def _ends(series: Series, choice: Choice) -> Tuple[int, int]:
    """Where the training part of a series ends, and where its validation part does, in rows.

    Raises:
        UsageError: a part is too short for a window, or the times do not follow each other.
    """
    valid_from, test_from = (_row_of(series, choice, name) for name in ("valid_from", "test_from"))
    test = series.rows - round(series.rows * choice.fraction("test")) if test_from is None else test_from
    valid = test - round(series.rows * choice.fraction("valid")) if valid_from is None else valid_from
    if valid > test:
        raise UsageError(f"--valid-from {choice.valid_from} is behind the test part: give an earlier one")
    shortest = sum(choice.lengths)
    if valid < shortest:
        raise UsageError(
            f"series {series.name!r} has {series.rows} rows, {valid} of them to train on: a window needs {shortest} "
            f"(--input-length {choice.lengths[0]}, --output-length {choice.lengths[1]}); shorten them, or leave "
            "the series out"
        )
    return valid, test


def _row_of(series: Series, choice: Choice, name: str) -> Optional[int]:
    """The row at which the part begins that ``--valid-from`` or ``--test-from`` names.

    Raises:
        UsageError: it is no time.
    """
    text = getattr(choice, name)
    if text is None:
        return None
    flag = f"--{name.replace('_', '-')} {text}"
    integer = series.times.dtype.kind == "i"
    times, lost = parse_times([text], "1" if integer else "D")
    if lost[0]:
        form = "the times are integers" if integer else "write it as 2024-03-31 or 2024-03-31T18:00"
        raise UsageError(f"{flag} is no time: {form}")
    return int(np.searchsorted(series.times, times[0]))


def _cut(series: Series, rows: int) -> Series:
    """The first rows of a series."""
    return replace(series, times=series.times[:rows], values={name: v[:rows] for name, v in series.values.items()})


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
        means[name], stds[name] = _mean_and_std(values[~np.isnan(values)], name)
    return replace(description, means=means, stds=stds)


def _mean_and_std(values: NDArray[np.float64], name: str) -> Tuple[float, float]:
    if not len(values):
        raise UsageError(f"column {name!r} has no value in the training part: leave it out, or train on more rows")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(values.mean()), float(values.std())
    if not np.isfinite(std) or not np.isfinite(mean):
        raise UsageError(f"column {name!r} has values up to {np.abs(values).max():g}, too large to average: rescale it")
    return mean, std if std > 1e-12 * abs(mean) and std > 1e-150 else 1.0


def _windows(
    series: Sequence[Series], ends: Sequence[Tuple[int, int]], description: Description, choice: Choice
) -> Tuple[Windows, int]:
    """The windows of each split, (W, 5), and how many were left out since nothing of their target was observed.

    Raises:
        UsageError: a split that has rows has no window.
    """
    found: Dict[str, List[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    begin, left = 0, 0
    for number, (one, end) in enumerate(zip(series, ends)):
        observed = np.zeros(one.rows + 1, dtype=np.int64)
        observed[1:] = np.cumsum(np.any([~np.isnan(one.values[name]) for name in description.targets], axis=0))
        for split, windows in split_windows(one.rows, end, choice.lengths, choice.strides).items():
            some = observed[windows[:, 3]] > observed[windows[:, 2]]
            left += int((~some).sum())
            numbers = np.full((int(some.sum()), 1), number)
            found[split].append(np.concatenate([numbers, windows[some] + begin], axis=1))
        begin += one.rows
    whole = {split: np.concatenate(parts) for split, parts in found.items()}
    for split, rows in zip(SPLITS[1:], np.sum([[b - a, one.rows - b] for one, (a, b) in zip(series, ends)], axis=0)):
        if rows and not len(whole[split]):
            raise UsageError(
                f"the {split} part has no window: its series have {rows} rows in all, a window predicts "
                f"{choice.lengths[1]}; use a larger --{split}-fraction, or 0 for none"
            )
    if not len(whole["train"]):
        raise UsageError("the training part has no window with a target that is observed: fill in more of the targets")
    return {split: table for split, table in whole.items() if len(table)}, left


def _write_rows(series: Sequence[Series], description: Description, rows: int, folder: Path) -> Tuple[List[Rows], int]:
    """Write the features of all series; where each of them lies, and how many values are missing."""
    sizes = (description.source_size, description.covariate_size, description.target_size)
    places, begin, missing = [], 0, 0
    with ExitStack() as stack:
        writers = [stack.enter_context(ArrayWriter(folder / f"{n}.npy", rows, s)) for n, s in zip(ARRAYS, sizes)]
        for one in series:
            found = features(one, description)
            missing += int(np.isnan(found.source).sum())
            for writer, part in zip(writers, found):
                writer.add(part)
            places.append(rows_of(one.name, begin, begin + one.rows, one.times[0]))
            begin += one.rows
    return places, missing


def _prepare_arrays(sources: Sequence[str], choice: Choice, folder: Path) -> Prepared:
    """:func:`prepare_series` for pairs of arrays."""
    choice.check_for_arrays()
    parts = {"train": load_samples(Path(sources[0]))}
    for split in SPLITS[1:]:
        path = getattr(choice, split)
        if path is not None:
            parts[split] = load_samples(Path(path))
    for samples in parts.values():
        check_samples(samples, choice.missing == "mask", parts["train"])
    parts = _with_held_out(parts, choice)
    description = _describe_arrays(parts, choice)
    rows = [sum(int(getattr(s, f"{n}_lengths").sum()) for s in parts.values()) for n in ("source", "target")]
    missing, left, windows = 0, 0, {}
    sizes = (description.source_size, 0, description.target_size)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(ArrayWriter(folder / f"{name}.npy", count, size))
            for name, count, size in zip(ARRAYS, (rows[0], rows[1], rows[1]), sizes)
        ]
        at = (0, 0)
        for split, samples in parts.items():
            windows[split], at, lost = _write_samples(samples, description, writers, at)
            missing += lost
    write_index(folder, description, [], (rows[0], rows[1]), windows)
    counts = {split: len(table) for split, table in windows.items()}
    targets = {split: int(samples.target_lengths.sum()) for split, samples in parts.items()}
    return Prepared(description, counts, targets, sum(counts.values()), _notes(missing, left))


def _with_held_out(parts: Dict[str, Samples], choice: Choice) -> Dict[str, Samples]:
    """The parts with the last samples of ``train`` held out for those that were not given.

    Raises:
        UsageError: none is left to train on.
    """
    train = parts["train"]
    counts = {split: round(len(train) * choice.fraction(split)) for split in SPLITS[1:]}
    if choice.fraction("valid"):
        counts["valid"] = max(counts["valid"], 1)
    valid, test = len(train) - counts["valid"] - counts["test"], len(train) - counts["test"]
    if valid < 1:
        raise UsageError(
            f"{train.where} has {len(train)} samples, none is left to train on: give more, or --valid FILE"
        )
    found = {**parts, "train": _samples(train, 0, valid)}
    for split, begin, end in (("valid", valid, test), ("test", test, len(train))):
        if end > begin:
            found[split] = _samples(train, begin, end)
    return {split: found[split] for split in SPLITS if split in found}


def _samples(samples: Samples, begin: int, end: int) -> Samples:
    """Some of the samples."""
    source, target, source_lengths, target_lengths = (part[begin:end] for part in samples[:4])
    return Samples(source, target, source_lengths, target_lengths, samples.where)


def _describe_arrays(parts: Dict[str, Samples], choice: Choice) -> Description:
    """The description of arrays, standardised by the samples of ``train``."""
    train = parts["train"]
    names = {name: [f"{name}{n}" for n in range(getattr(train, name).shape[2])] for name in ("source", "target")}
    means, stds = {}, {}
    for part, columns in names.items():
        inside = np.arange(getattr(train, part).shape[1]) < getattr(train, f"{part}_lengths")[:, None]
        for number, name in enumerate(columns):
            values = getattr(train, part)[:, :, number][inside].astype(np.float64)
            means[name], stds[name] = _mean_and_std(values[~np.isnan(values)], name)
    return Description(
        "arrays",
        targets=tuple(names["target"]),
        past=tuple(names["source"]),
        input_length=max(int(samples.source_lengths.max()) for samples in parts.values()),
        output_length=max(int(samples.target_lengths.max()) for samples in parts.values()),
        means=means,
        stds=stds,
        missing=choice.missing == "mask",
    )


def _write_samples(
    samples: Samples, description: Description, writers: Sequence[ArrayWriter], at: Tuple[int, int]
) -> Tuple[NDArray[np.int64], Tuple[int, int], int]:
    """Write samples behind the rows ``at``: their windows, the rows behind them, and how many values are missing."""
    windows, missing = np.empty((len(samples), 5), dtype=np.int64), 0
    for number in range(len(samples)):
        source = features(sample_series(samples.of("source", number), description, str(number)), description).source
        values = samples.of("target", number)
        target = standardised(list(values.T), description.targets, description)
        parts: List[NDArray[np.floating]] = [source, np.empty((len(target), 0)), target]
        for writer, part in zip(writers, parts):
            writer.add(part)
        behind = (at[0] + len(source), at[1] + len(target))
        windows[number] = (number, at[0], behind[0], at[1], behind[1])
        missing += int(np.isnan(source).sum() + np.isnan(target).sum())
        at = behind
    return windows, at, missing
