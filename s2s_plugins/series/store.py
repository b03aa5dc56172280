"""A folder of prepared series: standardised rows in memory-mapped arrays, and the windows of each split."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Tuple, Type, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.files import write_whole
from s2s_plugins.series.description import MADE_BY, Description
from s2s_plugins.series.windows import SPLITS, Window, make_window

INDEX, VERSION = "series.json", 1
ENDS = 1 << 16  # bytes
ARRAYS = ("source", "covariates", "target")
FILES = {INDEX, *(f"{name}.npy" for name in (*ARRAYS, *SPLITS))}


def strange_to_series(folder: Path) -> Optional[str]:
    """What a folder holds that ``s2s prepare --series`` did not write; None: nothing."""
    there = {entry.name for entry in folder.iterdir()}
    strange = sorted(there - FILES) or sorted(there if INDEX not in there else ())
    return strange[0] if strange else None


class Rows(NamedTuple):
    """Where a series lies in the arrays of a folder.

    Attributes:
        name: of the series.
        begin: its first row.
        end: behind its last row.
        first: its first time, as text.
    """

    name: str
    begin: int
    end: int
    first: str


class ArrayWriter:
    """Writes an .npy file part by part, so that no array has to be in memory whole.

    Args:
        path: the file.
        rows: number of rows that will be added.
        columns: their size.
    """

    def __init__(self, path: Path, rows: int, columns: int) -> None:
        self.file: BinaryIO = path.open("wb")
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
        np.lib.format.write_array_header_1_0(self.file, header)

    def add(self, rows: NDArray[np.floating]) -> None:
        """Append rows, (rows, columns)."""
        # not through a memory map: on a full disk it would end the process, where this raises
        self.file.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())

    def __enter__(self) -> "ArrayWriter":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.file.close()


def write_index(
    folder: Path,
    description: Description,
    series: List[Rows],
    rows: Tuple[int, int],
    windows: Mapping[str, NDArray[np.int64]],
) -> None:
    """Write the windows of the splits, and ``series.json``.

    Args:
        folder: that the arrays are in.
        description: of the data.
        series: where each lies; of arrays, none.
        rows: number of rows of the source, and of covariates and target.
        windows: by split, (W, 5).
    """
    splits = {}
    for split, table in windows.items():
        np.save(folder / f"{split}.npy", table)
        splits[split] = len(table)
    names = (*ARRAYS, *windows)
    content = {
        "version": VERSION,
        "description": description.to_json(),
        "source_rows": rows[0],
        "target_rows": rows[1],
        "splits": splits,
        "crc32": {name: ends_crc32(folder / f"{name}.npy") for name in names},
        "series": [one._asdict() for one in series],
    }
    write_whole(folder / INDEX, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


class SeriesFolder:
    """What ``s2s prepare --series`` wrote; the rows stay in their files.

    Args:
        path: the folder.

    Attributes:
        description: of the data.
        splits: those there are, among ``train``, ``valid`` and ``test``.
        series: names and rows of the series; of arrays, none.
        source: (R, D) float32, NaN where a value is missing.
        covariates: (R', F) float32; for series R' is R.
        target: (R', K) float32.

    Raises:
        UsageError: a file is missing, damaged, or does not fit to the others.
    """

    def __init__(self, path: Union[str, "os.PathLike[str]"]) -> None:
        self.path = Path(path)
        index = _read_index(self.path)
        self.description = Description.from_json(index["description"], str(self.path / INDEX))
        self._crc32: Mapping[str, int] = index["crc32"]
        sizes = (self.description.source_size, self.description.covariate_size, self.description.target_size)
        rows = (index["source_rows"], index["target_rows"], index["target_rows"])
        arrays = [self._open(name, np.float32, shape) for name, shape in zip(ARRAYS, zip(rows, sizes))]
        self.source, self.covariates, self.target = arrays
        self.series = [Rows(**one) for one in index["series"]]
        self._windows = {split: self._open_windows(split, count) for split, count in index["splits"].items()}
        self.splits = tuple(self._windows)

    def windows(self, split: str) -> NDArray[np.int64]:
        """The windows of a split, (W, 5): number of the series, begin and end of the source, and of the target.

        Raises:
            UsageError: there is no such split.
        """
        if split not in self._windows:
            raise UsageError(f"{self.path} has no split {split!r}: it has {', '.join(self.splits)}")
        return self._windows[split]

    def window(self, row: NDArray[np.int64]) -> Window:
        """A window, by its row of :meth:`windows`."""
        _, begin, end, target_begin, target_end = row.tolist()
        behind = slice(target_begin, target_end)
        return make_window(self.source[begin:end], self.covariates[behind], self.target[behind], self.description)

    def _open(self, name: str, kind: type, shape: Tuple[int, ...]) -> NDArray[Any]:
        """An array of the folder, memory-mapped.

        Raises:
            UsageError: the file is missing, damaged, of another type or shape, or of other data.
        """
        path = self.path / f"{name}.npy"
        array = _open_array(path, kind, shape)
        if ends_crc32(path) != self._crc32[name]:
            raise UsageError(f"{path} is damaged or of other data than {INDEX}: {MADE_BY}")
        return array

    def _open_windows(self, split: str, count: int) -> NDArray[np.int64]:
        """The windows of a split, in memory.

        Raises:
            UsageError: the file is damaged, or of other data.
        """
        path = self.path / f"{split}.npy"
        table: NDArray[np.int64] = np.array(self._open(split, np.int64, (count, 5)))
        number, source, target = table[:, 0], table[:, 1:3], table[:, 3:5]
        limits = (self.description.input_length, self.description.output_length)
        for spans, rows, limit in ((source, len(self.source), limits[0]), (target, len(self.target), limits[1])):
            lengths = spans[:, 1] - spans[:, 0]
            if len(table) and (spans.min() < 0 or spans.max() > rows or lengths.min() < 1 or lengths.max() > limit):
                raise UsageError(f"{path} has a window outside of the data: {MADE_BY}")
        if self.series and len(table) and not 0 <= number.min() <= number.max() < len(self.series):
            raise UsageError(f"{path} has a window of a series that is not in {INDEX}: {MADE_BY}")
        return table


def _open_array(path: Path, kind: type, shape: Tuple[int, ...]) -> NDArray[Any]:
    """An array in its file, memory-mapped.

    Raises:
        UsageError: the file is missing, damaged, or of another type or shape.
    """
    try:
        with path.open("rb"):
            pass
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: {MADE_BY}") from None
    except (ValueError, EOFError, SyntaxError) as error:
        raise UsageError(f"{path} is damaged ({_first_line(error)}): {MADE_BY}") from None
    if not isinstance(array, np.ndarray) or array.dtype != kind or array.shape != shape:
        found = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        wanted = f"{np.dtype(kind)} of shape {shape}"
        raise UsageError(f"{path} is {found}, {INDEX} says {wanted}: {MADE_BY}")
    return array


def ends_crc32(path: Path) -> int:
    """A checksum of the beginning and the end of a file: those of all data would take long to read."""
    with path.open("rb") as file:
        found = zlib.crc32(file.read(ENDS))
        file.seek(max(0, path.stat().st_size - ENDS))
        return zlib.crc32(file.read(ENDS), found)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["unreadable"])[0][:120]


def _read_index(folder: Path) -> Dict[str, Any]:
    """``series.json``, with the type of each field checked but those of the description.

    Raises:
        UsageError: it is missing, no JSON, or of another form.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} has no {INDEX}: name the folder that s2s prepare --series wrote") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is damaged: {MADE_BY}") from None
    if isinstance(index, dict) and type(index.get("version")) is int and index["version"] > VERSION:
        raise UsageError(f"{path} is of a later release (version {index['version']}): update s2s-plugins")
    if not _is_index(index):
        raise UsageError(f"{path} is damaged or of another form: {MADE_BY}")
    return index


def _is_index(index: object) -> bool:
    """Whether all fields beside the description have their types."""
    if not isinstance(index, dict) or index.get("version") != VERSION or "description" not in index:
        return False
    splits, series = index.get("splits"), index.get("series")
    if not isinstance(splits, dict) or not isinstance(series, list) or not set(splits) <= set(SPLITS):
        return False
    numbers = [index.get("source_rows"), index.get("target_rows")]
    sums = index.get("crc32")
    if not isinstance(sums, dict) or set(sums) != {*ARRAYS, *splits}:
        return False
    numbers += [*splits.values(), *sums.values()]
    for one in series:
        if not isinstance(one, dict) or set(one) != set(Rows._fields):
            return False
        if not isinstance(one["name"], str) or not isinstance(one["first"], str):
            return False
        numbers += [one["begin"], one["end"]]
    return all(type(number) is int and 0 <= number < 2**48 for number in numbers)
