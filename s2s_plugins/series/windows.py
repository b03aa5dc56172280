"""Windows: what a model reads and predicts around one origin, and which windows each split has."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description
from s2s_plugins.series.features import features
from s2s_plugins.series.table import Series, checked, origin, show
from s2s_plugins.series.times import Times, steps_from

LEAST_SCALE = 0.01  # of a window; its columns are standardised already
SPLITS = ("train", "valid", "test")
Float = NDArray[np.float32]


class Window(NamedTuple):
    """What a model reads and predicts around one origin, float32.

    Attributes:
        source: what the encoder reads, (S, D), 0 where a value is missing.
        covariates: what the decoder reads beside its previous outputs, (T, F).
        target: what is predicted, (T, K), NaN where a value is missing.
        first: what the decoder reads in place of an output before its first, (K,).
        location: standardised target = target * scale + location, (K,).
        scale: see location, (K,).
    """

    source: Float
    covariates: Float
    target: Float
    first: Float
    location: Float
    scale: Float


def make_window(source: Float, covariates: Float, target: Float, description: Description) -> Window:
    """A window of rows of :class:`~s2s_plugins.series.features.Features`.

    Args:
        source: the rows up to the origin, (S, D), NaN where a value is missing.
        covariates: the rows behind it, (T, F).
        target: likewise, (T, K).
        description: of the data.
    """
    count = description.target_size
    source, target = np.array(source, dtype=np.float32), np.array(target, dtype=np.float32)
    location, scale = np.zeros(count, dtype=np.float32), np.ones(count, dtype=np.float32)
    if description.per_window:
        location, scale = _level(source[:, :count])
        source[:, :count] = (source[:, :count] - location) / scale
        target = (target - location) / scale
    first = _last_observed(source[:, :count]) if description.kind == "series" else np.zeros(count, dtype=np.float32)
    source[np.isnan(source)] = 0
    return Window(source, np.array(covariates, dtype=np.float32), target, first, location, scale)


def _level(values: Float) -> Tuple[Float, Float]:
    """Mean and standard deviation of the observed values, (K,) each; 0 and 1 where there are none."""
    observed = ~np.isnan(values)
    counts = observed.sum(axis=0)
    wide = np.where(observed, values, 0).astype(np.float64)
    mean = wide.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(observed, wide - mean, 0) ** 2
    std = np.sqrt(squares.sum(axis=0) / np.maximum(counts, 1))
    scale = np.where(counts > 0, np.maximum(std, LEAST_SCALE), 1)
    return mean.astype(np.float32), scale.astype(np.float32)


def _last_observed(values: Float) -> Float:
    """The last value of each column that is not missing, (K,); 0 where all are."""
    observed = ~np.isnan(values)
    row = len(values) - 1 - np.argmax(observed[::-1], axis=0)
    last = np.take_along_axis(values, row[None], axis=0)[0]
    return np.where(observed.any(axis=0), last, np.float32(0))


class Origin(NamedTuple):
    """Where a forecast begins.

    Attributes:
        window: whose origin is behind the last row with a target.
        times: of what is predicted, (T,).
        history: what an encoder that goes on from window to window has read before, (S, D) each, oldest first.
    """

    window: Window
    times: Times
    history: Tuple[Float, ...] = ()


def forecast_window(series: Series, description: Description, length: int, with_history: bool = False) -> Origin:
    """The window behind which a series is predicted.

    Args:
        series: as :func:`~s2s_plugins.series.reading.read_series` gives it, or made in Python.
        description: of the training data.
        length: number of steps to predict, T.
        with_history: also what stands before it, cut into windows that follow each other.

    Raises:
        UsageError: the series is not as it has to be (:func:`~s2s_plugins.series.table.checked`), is shorter than a
            window's source, or lacks a covariate that is known.
    """
    series = checked(series, description, future=description.kind == "series")
    end = origin(series, description)
    if description.kind == "arrays":
        found = features(series, description)
        target = np.full((length, description.target_size), np.nan, dtype=np.float32)
        empty = np.empty((length, 0), dtype=np.float32)
        return Origin(make_window(found.source, empty, target, description), np.arange(length, dtype=np.int64))
    if end < description.input_length:
        rows = f"{end} rows with {', '.join(description.targets)}"
        raise UsageError(f"series {series.name!r} has {rows}: the model reads {description.input_length}; give more")
    whole = extended(series, description, end + length)
    found = features(whole, description)
    step = description.input_length
    begin = end - step
    target = np.full((length, description.target_size), np.nan, dtype=np.float32)

    def window(first: int) -> Window:
        return make_window(found.source[first : first + step], found.covariates[end:], target, description)

    earlier = range(begin % step, begin, step) if with_history else ()
    return Origin(window(begin), whole.times[end:], tuple(window(first).source for first in earlier))


def extended(series: Series, description: Description, rows: int) -> Series:
    """The first ``rows`` rows of a series; those that it lacks are added, with their times and without values.

    Raises:
        UsageError: a covariate that is known has no value there.
    """
    if rows <= series.rows:
        values = {name: column[:rows] for name, column in series.values.items()}
        lines = None if series.lines is None else series.lines[:rows]
        return replace(series, times=series.times[:rows], values=values, lines=lines)
    more = rows - series.rows
    times = np.concatenate([series.times, steps_from(series.times[-1], more + 1, description.step)[1:]])
    if description.known:
        name = description.known[0]
        raise UsageError(
            f"series {series.name!r}: column {name!r} has to be known up to {show(times[-1])} and ends at "
            f"{show(series.times[-1])}: add the {more} rows, with the targets left empty"
        )
    values = {name: np.append(column, np.full(more, np.nan)) for name, column in series.values.items()}
    lines = np.arange(series.rows) if series.lines is None else series.lines
    return replace(series, times=times, values=values, lines=np.append(lines, np.full(more, -1)))


def split_windows(
    rows: int, ends: Tuple[int, int], lengths: Tuple[int, int], strides: Tuple[int, int]
) -> Dict[str, NDArray[np.int64]]:
    """The windows of a series, by split.

    A window is of the split in which all its target rows lie. Those of ``train`` have their source there too; those of
    ``valid`` and ``test`` read what came before.

    Args:
        rows: of the series, R.
        ends: where the training part ends, and where the validation part does.
        lengths: of source and target, S and T.
        strides: between two windows of ``train``, and of the other splits.

    Returns:
        By split (W, 4): begin and end of the source, begin and end of the target.
    """
    found = {}
    for split, begin, end in zip(SPLITS, (0, *ends), (*ends, rows)):
        stride = strides[0] if split == "train" else strides[1]
        first = max(begin, lengths[0])
        origins = np.arange(first, end - lengths[1] + 1, stride, dtype=np.int64)
        columns = [origins - lengths[0], origins, origins, origins + lengths[1]]
        found[split] = np.stack(columns, axis=1)
    return found
