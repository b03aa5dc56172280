"""Windows that are cut already: pairs of arrays, source (N, S, D) and target (N, T, K)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description
from s2s_plugins.series.files import load_array, read_npz
from s2s_plugins.series.table import Series, checked

KEYS = ("source", "target", "source_lengths", "target_lengths")


class Samples(NamedTuple):
    """Pairs of arrays; what is behind a length is padding and not read.

    Attributes:
        source: (N, S, D).
        target: (N, T, K).
        source_lengths: (N,) int64.
        target_lengths: (N,) int64.
        where: the file, for messages.
    """

    source: NDArray[Any]
    target: NDArray[Any]
    source_lengths: NDArray[np.int64]
    target_lengths: NDArray[np.int64]
    where: str

    def __len__(self) -> int:
        return len(self.source)

    def of(self, name: str, sample: int) -> NDArray[np.float64]:
        """``"source"`` or ``"target"`` of one sample, (S or T, columns), without its padding."""
        values, lengths = getattr(self, name), getattr(self, f"{name}_lengths")
        return values[sample, : lengths[sample]].astype(np.float64)


def load_samples(path: Path) -> Samples:
    """The pairs of an .npz file.

    Raises:
        UsageError: a key is missing or unknown, shapes do not fit, or a length is outside of its array.
        OSError: the file cannot be opened.
    """
    found = read_npz(path)
    for name in found:
        if name not in KEYS:
            raise UsageError(f"{path}: key {name!r} is unknown: {', '.join(KEYS)} are read")
    source, target = (_values(found, name, path) for name in ("source", "target"))
    if len(source) != len(target) or not len(source):
        raise UsageError(
            f"{path}: source has {len(source)} samples, target {len(target)}: as many of each, at least one"
        )
    source_lengths = _lengths(found, "source", source, path)
    return Samples(source, target, source_lengths, _lengths(found, "target", target, path), str(path))


def _values(found: Dict[str, NDArray[Any]], name: str, path: Path) -> NDArray[Any]:
    """An array of samples, (N, length, columns)."""
    array = found.get(name)
    if array is None:
        raise UsageError(f"{path} has no key {name!r}: numpy.savez(FILE, source=.., target=..) writes both")
    if array.dtype.kind not in "fiub" or array.ndim != 3 or not all(array.shape[1:]):
        shape = "(samples, length, columns)"
        raise UsageError(f"{path}: {name} is {array.dtype} of shape {array.shape}: numbers of shape {shape} are needed")
    return array


def _lengths(found: Dict[str, NDArray[Any]], name: str, array: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """The length of each sample; without the key, that of the array."""
    key = f"{name}_lengths"
    lengths = found.get(key)
    if lengths is None:
        return np.full(len(array), array.shape[1], dtype=np.int64)
    if lengths.dtype.kind not in "iu" or lengths.shape != (len(array),):
        raise UsageError(f"{path}: {key} is {lengths.dtype} of shape {lengths.shape}: {len(array)} integers are needed")
    wrong = (lengths < 1) | (lengths > array.shape[1])
    if wrong.any():
        place = int(np.argmax(wrong))
        raise UsageError(f"{path}: {key}[{place}] is {lengths[place]}: 1 to {array.shape[1]} are there")
    return lengths.astype(np.int64)


def check_samples(samples: Samples, missing: bool, like: Optional[Samples] = None) -> None:
    """Check the values of samples, and that they have the columns of others.

    Raises:
        UsageError: a value is infinite, or NaN without ``missing``, or the columns differ.
    """
    for name in ("source", "target"):
        columns = getattr(samples, name).shape[2]
        if like is not None and columns != getattr(like, name).shape[2]:
            has = getattr(like, name).shape[2]
            raise UsageError(f"{samples.where}: {name} has {columns} columns, {like.where} has {has}: give as many")
        for sample in range(len(samples)):
            values = samples.of(name, sample)
            wrong = np.isinf(values) if missing else ~np.isfinite(values)
            if wrong.any():
                step, column = np.argwhere(wrong)[0]
                value = values[step, column]
                remedy = "use --missing mask, or fill it in" if np.isnan(value) else "use finite numbers"
                raise UsageError(f"{samples.where}: {name}[{sample}, {step}, {column}] is {value}: {remedy}")
            if np.isnan(values).all():
                raise UsageError(f"{samples.where}: {name}[{sample}] has no value: leave the sample out")


def read_samples(path: Path, description: Description) -> List[Series]:
    """The sources in a file, for a model trained on arrays: series with the columns ``source0`` and on.

    Args:
        path: an .npz with the keys source and, if need be, source_lengths; or an .npy (N, S, D) or (S, D).
        description: of the training data.

    Raises:
        UsageError: it is none of these, has other columns than the training data, or a value that is no number.
        OSError: it cannot be opened.
    """
    found: Dict[str, NDArray[Any]] = {}
    if path.suffix == ".npz":
        found = read_npz(path)
    elif path.suffix == ".npy":
        array = load_array(path)
        found = {"source": array[None] if getattr(array, "ndim", 0) == 2 else array}
    else:
        raise UsageError(f"{path}: the model reads arrays: name a .npy or .npz file")
    source = _values(found, "source", path)
    columns = len(description.past)
    if source.shape[2] != columns:
        raise UsageError(f"{path}: source has {source.shape[2]} columns, the model was trained with {columns}")
    lengths = _lengths(found, "source", source, path)
    return [
        checked(sample_series(values[:length], description, f"sample {number}", str(path)), description)
        for number, (values, length) in enumerate(zip(source, lengths))
    ]


def sample_series(values: NDArray[Any], description: Description, name: str, where: str = "") -> Series:
    """A source (S, D) as a series, whose rows are counted."""
    columns = {column: values[:, place].astype(np.float64) for place, column in enumerate(description.observed)}
    return Series(name, np.arange(len(values), dtype=np.int64), columns, where=where)
