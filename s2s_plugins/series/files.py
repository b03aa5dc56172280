"""Tables of series: CSV, Parquet and numpy files as named columns whose cells know their line."""

from __future__ import annotations

import csv
import io
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, NamedTuple, Optional, Set, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import naming_extras
from s2s_plugins.series.times import Times, needs_pandas, parse_times

EMPTY = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>")
FORMATS = "a series is a .csv, .tsv, .parquet, .npy or .npz file"


class Table(NamedTuple):
    """Columns of one length.

    Attributes:
        columns: by name, (R,): text as objects, or numbers, or times; in Parquet also None.
        where: the file, for messages.
        unit: ``"line"`` or ``"row"``.
        first: number of the first line or row.
        name: of the series, if it is one.
    """

    columns: Dict[str, NDArray[Any]]
    where: str
    unit: str
    first: int
    name: str

    @property
    def rows(self) -> int:
        """Number of rows, R."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def place(self, row: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.where}, {self.unit} {row + self.first}"

    def column(self, name: str, flag: str = "") -> NDArray[Any]:
        """A column.

        Raises:
            UsageError: there is none of this name; the message starts with ``flag``.
        """
        if name in self.columns:
            return self.columns[name]
        named = ", ".join(self.columns) if len(self.columns) <= 20 else f"{len(self.columns)} others"
        asked = f"{flag} {name}: " if flag else ""
        raise UsageError(f"{asked}{self.where} has no column {name!r}, it has {named}")

    def is_numeric(self, name: str) -> bool:
        """Whether each cell of a column is a number or empty, and one is a number."""
        numbers = _numbers(self.column(name))
        return not _is_text(self.column(name), numbers).any() and not np.isnan(numbers).all()

    def numbers(self, name: str, flag: str = "") -> NDArray[np.float64]:
        """A column as numbers, NaN where a cell is empty.

        Raises:
            UsageError: a cell is text, or infinite.
        """
        column = self.column(name, flag)
        numbers = _numbers(column)
        text = _is_text(column, numbers)
        if text.any():
            row = int(np.argmax(text))
            remedy = "write a number, or leave the column out with --target, --past and --known"
            raise UsageError(f"{self.place(row)}: column {name!r} is text: {_shown(column[row])}; {remedy}")
        infinite = np.isinf(numbers)
        if infinite.any():
            row = int(np.argmax(infinite))
            raise UsageError(f"{self.place(row)}: column {name!r} is infinite: write a number, or leave the cell empty")
        return numbers

    def texts(self, name: str, flag: str = "") -> NDArray[Any]:
        """A column as text, (R,) objects.

        Raises:
            UsageError: a cell is empty.
        """
        column = self.column(name, flag)
        texts = np.array([_as_text(cell) for cell in column.tolist()], dtype=object)
        empty = texts == ""
        if empty.any():
            raise UsageError(f"{self.place(int(np.argmax(empty)))}: column {name!r} is empty: fill it in")
        return texts

    def times(self, name: str, step: Optional[str]) -> Times:
        """A column as times, (R,) int64 or datetime64[ns].

        Raises:
            UsageError: a cell cannot be read as one.
        """
        column = self.column(name, "--time")
        if column.dtype.kind == "M" and not (step or "").isdecimal():
            times, lost = column.astype("datetime64[ns]"), np.isnat(column)
            lost |= times.astype(column.dtype) != column  # beyond 64 bits of nanoseconds
        else:
            times, lost = parse_times([_as_text(cell) for cell in column.tolist()], step)
        if lost.any():
            row = int(np.argmax(lost))
            form = "an integer" if (step or "").isdecimal() else "it as 2024-03-31 or 2024-03-31T18:00"
            shown = _shown(column[row])
            raise UsageError(f"{self.place(row)}: column {name!r} is not a time: {shown}; write {form}, 1678 to 2261")
        return times


def _shown(cell: object) -> str:
    text = _as_text(cell)
    if not text:
        return "the cell is empty"
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _as_text(cell: object) -> str:
    if cell is None or cell != cell:
        return ""
    return str(cell).strip()


def _numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    """A column as numbers, NaN where a cell is none."""
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    if column.dtype.kind == "M":
        return np.full(len(column), np.nan)
    pandas = needs_pandas()
    return np.asarray(pandas.to_numeric(pandas.Series(column), errors="coerce"), dtype=np.float64)


def _is_text(column: NDArray[Any], numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cells hold neither a number nor nothing."""
    if column.dtype.kind in "fiub":
        return np.zeros(len(column), dtype=bool)
    found = np.isnan(numbers)
    found[found] = [_as_text(cell) not in EMPTY for cell in column[found]]
    return found


def read_table(source: Union[str, Path, BinaryIO], name: str = "standard input") -> List[Table]:
    """The tables in a file: one, or of an array (N, R, C) one for each of N series.

    Args:
        source: a path, whose ending says the format, or a stream of CSV.
        name: what a stream is called.

    Raises:
        UsageError: it cannot be read, or has no row.
        OSError: it cannot be opened.
    """
    if not isinstance(source, (str, Path)):
        tables = [_read_csv(source.read(), name, name, ",")]
    else:
        path = Path(source)
        if path.suffix not in READERS:
            raise UsageError(f"{path}: {FORMATS}")
        tables = READERS[path.suffix](path)
    for table in tables:
        if not table.rows:
            raise UsageError(f"{table.where} has no row: give a file with a row for each time")
    return tables


def _read_csv(content: bytes, where: str, name: str, separator: str) -> Table:
    """A table of text; a NUL or a bad byte is an error with its line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{where}, line {line} is not UTF-8: convert the file, as with iconv -t UTF-8") from None
    if not text.strip():
        raise UsageError(f"{where} is empty: its first line has to name the columns")
    header = _header(text, where, separator)
    pandas = needs_pandas()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = pandas.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=str,
                names=header,
                header=0,
                index_col=False,
                keep_default_na=False,
                skip_blank_lines=False,
            )
    except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
        raise UsageError(f"{where} is not a table ({reason}): its header has {len(header)} columns") from None
    columns = {column: frame[column].to_numpy(dtype=object) for column in frame.columns}
    return Table(_without_blank_end(columns), where, "line", 2, name)


def _header(text: str, where: str, separator: str) -> List[str]:
    """The names in the first line.

    Raises:
        UsageError: one is empty or doubled, or the file seems to have another separator.
    """
    first = re.split(r"\r\n|\n|\r", text, maxsplit=1)[0]
    header = [cell.strip() for cell in next(csv.reader([first], delimiter=separator), [])]
    if len(header) < 2 and any(other in first for other in ";\t"):
        raise UsageError(
            f"{where}, line 1: the columns are separated by other than {separator!r}: write a .csv with ','"
        )
    for name in header:
        if not name or header.count(name) > 1:
            what = f"{name!r} names two columns" if name else "a column has no name"
            raise UsageError(f"{where}, line 1: {what}: the first line has to name each column")
    return header


def _without_blank_end(columns: Dict[str, NDArray[Any]]) -> Dict[str, NDArray[Any]]:
    """The columns without the blank lines at the end of the file."""
    rows = max(map(len, columns.values()))
    while rows and all(column[rows - 1] == "" or column[rows - 1] != column[rows - 1] for column in columns.values()):
        rows -= 1
    return {name: column[:rows] for name, column in columns.items()}


def _csv_file(path: Path) -> List[Table]:
    return [_read_csv(path.read_bytes(), str(path), path.stem, "\t" if path.suffix == ".tsv" else ",")]


def _parquet_file(path: Path) -> List[Table]:
    needs_pandas()
    with naming_extras(f"the Parquet file {path}"):
        import pyarrow
        import pyarrow.parquet
    with path.open("rb"):  # an OSError that names the file
        pass
    try:
        found = pyarrow.parquet.read_table(path).to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path} is no Parquet file, or damaged ({reason}): write it again") from None
    return [frame_table(found, str(path), path.stem)]


def frame_table(found: Any, where: str, name: str) -> Table:
    """The columns of a pandas frame; times with an offset become times of UTC.

    Args:
        found: the frame.
        where: what it is called in messages.
        name: of the series, if it is one.

    Raises:
        UsageError: two columns have one name.
    """
    pandas = needs_pandas()
    columns: Dict[str, NDArray[Any]] = {}
    doubled = found.columns[found.columns.duplicated()]
    if len(doubled):
        raise UsageError(f"{where}: {str(doubled[0])!r} names two columns: rename one")
    for label in found.columns:
        column = found[label]
        if isinstance(column.dtype, pandas.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        numeric = column.dtype.kind in "fiubM"
        columns[str(label)] = column.to_numpy() if numeric else column.to_numpy(dtype=object)
    return Table(columns, where, "row", 1, name)


def load_array(path: Path) -> Any:
    """What ``numpy.load`` gives, an array in memory-mapped form.

    Raises:
        UsageError: it is no such file, or holds pickled objects.
        OSError: it cannot be opened.
    """
    with path.open("rb"):
        pass
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        remedy = "write it with numpy.save or numpy.savez, of numbers alone"
        raise UsageError(f"{path} is damaged or no {path.suffix} file of numbers: {remedy}") from error
    except Exception as error:  # zipfile's own, of an archive that is cut
        if type(error).__module__ not in ("zipfile", "zlib", "struct", "tokenize"):
            raise
        raise UsageError(f"{path} is damaged ({error}): write it again with numpy.savez") from error


def _npy_file(path: Path) -> List[Table]:
    array = load_array(path)
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{path} is an .npz file in spite of its name: rename it")
    if array.dtype.kind not in "fiub" or not 1 <= array.ndim <= 3:
        raise UsageError(
            f"{path} holds {array.dtype} of shape {array.shape}: numbers of shape (rows,), (rows, columns) or "
            "(series, rows, columns) are needed"
        )
    shaped = array.reshape(-1, 1) if array.ndim == 1 else array
    series = shaped if array.ndim == 3 else shaped[None]
    return [
        Table(
            {str(number): values[:, number] for number in range(values.shape[1])},
            f"{path}, series {place}" if array.ndim == 3 else str(path),
            "row",
            0,
            f"{path.stem}-{place}" if array.ndim == 3 else path.stem,
        )
        for place, values in enumerate(series)
    ]


def _npz_file(path: Path) -> List[Table]:
    columns = {name: array for name, array in read_npz(path).items()}
    for name, array in columns.items():
        if array.ndim != 1 or array.dtype.kind not in "fiubMU" or len(array) != len(next(iter(columns.values()))):
            raise UsageError(
                f"{path}: {name!r} is {array.dtype} of shape {array.shape}: a .npz of series has a column for each "
                "key, all of one length; windows that are cut already have the keys source and target"
            )
    columns = {name: array.astype(object) if array.dtype.kind == "U" else array for name, array in columns.items()}
    return [Table(columns, str(path), "row", 0, path.stem)]


def npz_keys(path: Path) -> Set[str]:
    """The keys of an .npz file.

    Raises:
        UsageError: it is damaged or no .npz file.
        OSError: it cannot be opened.
    """
    found = load_array(path)
    if isinstance(found, np.ndarray):
        raise UsageError(f"{path} is an .npy file in spite of its name: rename it")
    with found:
        return set(found.files)


def read_npz(path: Path) -> Dict[str, NDArray[Any]]:
    """The arrays of an .npz file by key.

    Raises:
        UsageError: it is damaged, no .npz file, or holds pickled objects.
        OSError: it cannot be opened.
    """
    found = load_array(path)
    if isinstance(found, np.ndarray):
        raise UsageError(f"{path} is an .npy file in spite of its name: rename it")
    arrays: Dict[str, NDArray[Any]] = {}
    with found:
        for name in found.files:
            try:
                arrays[name] = found[name]
            except MemoryError:
                raise
            except Exception as error:  # ValueError, OSError and zipfile's: whatever a damaged member raises
                raise UsageError(
                    f"{path}: {name!r} is damaged or holds no numbers: write it with numpy.savez"
                ) from error
    return arrays


READERS = {
    ".csv": _csv_file,
    ".tsv": _csv_file,
    ".parquet": _parquet_file,
    ".npy": _npy_file,
    ".npz": _npz_file,
}
