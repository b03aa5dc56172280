"""From pairs of arrays to a folder that a model is trained on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.arrays import Samples, check_samples, load_samples, sample_series
from s2s_plugins.series.description import Description
from s2s_plugins.series.features import features, standardised
from s2s_plugins.series.prepared import Prepared, mean_and_std, missing_notes
from s2s_plugins.series.roles import Choice
from s2s_plugins.series.store import ARRAYS, ArrayWriter, write_index
from s2s_plugins.series.windows import SPLITS


def prepare_arrays(source: str, choice: Choice, folder: Path) -> Prepared:
    """Write the pairs of arrays in ``source`` into the empty ``folder``.

    Raises:
        UsageError: a file cannot be read, a value or flag does not fit, or no sample is left to train on.
        OSError: a file cannot be opened or written.
    """
    choice.check_for_arrays()
    parts = {"train": load_samples(Path(source))}
    for split in SPLITS[1:]:
        path = getattr(choice, split)
        if path is not None:
            parts[split] = load_samples(Path(path))
    for samples in parts.values():
        check_samples(samples, choice.missing == "mask", parts["train"])
    parts = _with_held_out(parts, choice)
    description = _describe_arrays(parts, choice)
    rows = [sum(int(getattr(s, f"{n}_lengths").sum()) for s in parts.values()) for n in ("source", "target")]
    missing, windows = 0, {}
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
    return Prepared(description, counts, targets, sum(counts.values()), missing_notes(missing))


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
            means[name], stds[name] = mean_and_std(values, name)
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
