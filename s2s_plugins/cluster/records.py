"""What is to be predicted, row by row, whatever it is written in: lines of text, CSV, TSV, JSON lines, Parquet.

A row that cannot be used is no exception but a :class:`Record` with an error, so that the rest is predicted.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import itertools
import json
import lzma
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, cast

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import library
from s2s_plugins.text.pairs.lines import BOM, OPENERS
from s2s_plugins.text.pairs.tables import DELIMITERS

TEXT, TSV, CSV, JSON, PARQUET = "text", "tsv", "csv", "jsonl", "parquet"
FORMS = {
    ".txt": TEXT,
    ".tsv": TSV,
    ".csv": CSV,
    ".json": JSON,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".parquet": PARQUET,
    ".pq": PARQUET,
}
SOURCE = "source"  # the column of a line of text, and the usual name of others
HEAD = 1000  # objects whose keys are the columns
SHOWN = 200  # characters of a row that an error shows


class Record(NamedTuple):
    """A row.

    Attributes:
        number: of the line where it ends, or of the row of a Parquet file, from 1.
        row: its columns in their order.
        source: what is to be predicted, with ``TAB FEATURES`` if there are features.
        error: why it cannot be; None if it can.
        shown: its beginning, of one with an error.
    """

    number: int
    row: Dict[str, Any]
    source: str = ""
    error: Optional[str] = None
    shown: str = ""


@dataclass(frozen=True)
class Columns:
    """Which columns a source is made of.

    Args:
        source: name of its column, or number from 1 where files have no line of names; None: ``source``, or the only
            one of JSON and Parquet.
        features: the same of features beside the sources; None: the source has them already, or there are none.
    """

    source: Optional[str] = None
    features: Optional[str] = None

    @property
    def numbered(self) -> bool:
        """Whether columns have no names."""
        return self.source is not None and self.source.isdecimal()


def form_of(name: str) -> str:
    """How a file is written, by its name; of another name, in lines of text."""
    return FORMS.get(plain(name).suffix.lower(), TEXT)


def is_known(name: str) -> bool:
    """Whether a name says how its file is written."""
    return plain(name).suffix.lower() in FORMS


def plain(name: str) -> PurePosixPath:
    """The name of a file before it was compressed."""
    path = PurePosixPath(name)
    return path.with_suffix("") if path.suffix.lower() in OPENERS else path


class _Counted:
    """Texts of numbered lines, and the number of the last one."""

    def __init__(self, lines: Iterable[Tuple[int, str]]) -> None:
        self.lines, self.number = lines, 0

    def __iter__(self) -> Iterator[str]:
        for number, text in self.lines:
            self.number = number
            yield text


class Records:
    """The rows of a file, read once.

    Args:
        stream: of its bytes, from the start; a Parquet file is read here and there.
        name: of the file, for messages and by which it is known how it is written.
        columns: which ones are the source.
        fixed: whether a JSON object may have no key that the first :data:`HEAD` of them lack.

    Attributes:
        names: of the columns; of JSON lines those of the first rows.
        schema: Arrow's, of a Parquet file.

    Raises:
        UsageError: the file lacks a column, or is damaged.
    """

    def __init__(self, stream: IO[bytes], name: str, columns: Columns, fixed: bool = False) -> None:
        self.name, self.columns, self.fixed = name, columns, fixed
        self.form = form_of(name)
        self.schema: Any = None
        self.names: List[str] = []
        rows: Iterator[Record]
        with _reading(name):
            if self.form == PARQUET:
                rows = self._parquet(stream)
            else:
                lines = _lines(decompressed(stream, name))
                rows = {TEXT: _texts, TSV: self._tsv, CSV: self._csv, JSON: _objects}[self.form](lines)
            head = list(itertools.islice(rows, HEAD if self.form == JSON else 1))
        if self.form != PARQUET and not self.names:
            asked = [name for name in (columns.source or SOURCE, columns.features) if name is not None]
            self.names = list(dict.fromkeys(key for record in head for key in record.row)) or asked  # of no row at all
        self._source, self._features = self._keys(self.names)
        self._rows = itertools.chain(head, rows)

    def __iter__(self) -> Iterator[Record]:
        with _reading(self.name):
            for record in self._rows:
                yield record if record.error is not None else self._with_source(record)

    def _keys(self, names: Sequence[str]) -> Tuple[str, Optional[str]]:
        asked = self.columns.source
        if self.form == TEXT or (asked is None and len(names) == 1 and self.form in (JSON, PARQUET)):
            return names[0], None  # a line of CSV may be no name, but the first source
        return self._key(names, asked or SOURCE, "--column"), (
            None if self.columns.features is None else self._key(names, self.columns.features, "--features")
        )

    def _key(self, names: Sequence[str], asked: str, flag: str) -> str:
        """A column.

        Raises:
            UsageError: there is none of this name.
        """
        if self.columns.numbered and self.form in (TSV, CSV) and asked.isdecimal():
            asked = numbered(int(asked))
        if asked not in names:
            listed = ", ".join(map(repr, names[:12]))
            raise UsageError(f"{self.name} has no column {asked!r}, but {listed}: name one of them with {flag}")
        return asked

    def _with_source(self, record: Record) -> Record:
        if self.fixed and self.form == JSON:
            new = next((key for key in record.row if key not in self.names), None)
            if new is not None:
                return failed(record.number, record.row, f"key {new!r} is new, use --format jsonl")
        parts = [record.row.get(key) for key in (self._source, self._features) if key is not None]
        for key, part in zip((self._source, self._features), parts):
            if not isinstance(part, str):
                what = "is missing" if part is None else f"is a {type(part).__name__}, not a text"
                return failed(record.number, record.row, f"{key!r} {what}")
        return record._replace(source="\t".join(cast(List[str], parts)))

    def _tsv(self, lines: Iterable[Tuple[int, bytes]]) -> Iterator[Record]:
        cells = ((number, text.split("\t"), text) for number, text in _decoded(lines))
        return self._table(cells)

    def _csv(self, lines: Iterable[Tuple[int, bytes]]) -> Iterator[Record]:
        numbered_lines = _Counted(_decoded(lines))
        texts = iter(numbered_lines)
        first = next(texts, "")
        delimiter = next((mark for mark in DELIMITERS if mark in first), ",")
        every = itertools.chain([first] if numbered_lines.number else [], texts)
        rows = csv.reader((text + "\n" for text in every), delimiter=delimiter, strict=True)
        yield from self._table(_csv_rows(rows, numbered_lines, delimiter))

    def _table(self, rows: Iterable[Tuple[int, Optional[List[str]], str]]) -> Iterator[Record]:
        names: Optional[List[str]] = None
        for number, cells, text in rows:
            if cells is None:
                if names is None:
                    raise WorkError(f"{self.name}, line {number}: {text}")
                yield failed(number, {}, text, "")
                continue
            if not text.strip() and (names is None or len(names) > 1):
                continue
            if names is None and self.columns.numbered:
                names = self.names = [numbered(place) for place in range(1, len(cells) + 1)]
            elif names is None:
                names = self.names = [cell.strip() for cell in cells]
                _check_names(names, self.name)
                if _is_undecoded(text):
                    raise WorkError(f"{self.name}, line {number}: the names of the columns are {NOT_UTF_8}: convert it")
                continue
            if _is_undecoded(text):
                yield failed(number, {}, NOT_UTF_8, text)
            elif len(cells or [""]) != len(names):
                yield failed(number, {}, f"{len(cells)} columns, not {len(names)}", text)
            else:
                yield Record(number, dict(zip(names, cells or [""])))

    def _parquet(self, stream: IO[bytes]) -> Iterator[Record]:
        parquet = library("pyarrow.parquet", "Parquet")
        file = parquet.ParquetFile(stream)
        self.schema = file.schema_arrow
        self.names = list(self.schema.names)
        _check_names(self.names, self.name)
        return _parquet_rows(file)


def _csv_rows(
    rows: Iterator[List[str]], lines: _Counted, delimiter: str
) -> Iterator[Tuple[int, Optional[List[str]], str]]:
    """The line where each row ends, its cells, and its text; in place of cells None, where a row begins that is none,
    and why."""
    begins = 1
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            lost = "a quote that is never closed, and all behind it is lost"
            yield begins, None, lost if "end of data" in str(error) else f"not CSV: {error}"
        else:
            yield lines.number, cells, delimiter.join(cells)
        begins = lines.number + 1


def _parquet_rows(file: Any) -> Iterator[Record]:
    number = 0
    for batch in file.iter_batches(batch_size=1024):
        for row in batch.to_pylist():
            number += 1
            yield Record(number, row)


NOT_UTF_8 = "not UTF-8 text"


def numbered(place: int) -> str:
    """The name of a column without one."""
    return f"column_{place}"


def failed(number: int, row: Dict[str, Any], error: str, shown: Optional[str] = None) -> Record:
    """A row that cannot be used."""
    text = "\t".join(map(str, row.values())) if shown is None else shown
    return Record(number, row, "", error, text[:SHOWN])


def decompressed(stream: IO[bytes], name: str) -> IO[bytes]:
    """The content of a file, whatever it was compressed with."""
    suffix = PurePosixPath(name).suffix.lower()
    openers = {".gz": lambda: gzip.open(stream), ".bz2": lambda: bz2.open(stream), ".xz": lambda: lzma.open(stream)}
    return cast(IO[bytes], openers[suffix]()) if suffix in openers else stream


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Inside, what says that a file is damaged is an error of one line.

    Raises:
        WorkError: it is.
    """
    try:
        yield
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise WorkError(f"{name}: damaged: {error}: write it again") from None
    except Exception as error:
        if not type(error).__module__.startswith("pyarrow"):
            raise
        raise WorkError(f"{name}: damaged: {' '.join(str(error).split())}: write it again") from None


def _lines(stream: IO[bytes]) -> Iterator[Tuple[int, bytes]]:
    """Number and content of each line, without its end, which is ``\\n`` or ``\\r\\n``."""
    for number, line in enumerate(stream, start=1):
        if number == 1 and line.startswith(BOM):
            line = line[len(BOM) :]
        yield number, line[:-1] if line.endswith(b"\n") else line


def _decoded(lines: Iterable[Tuple[int, bytes]]) -> Iterator[Tuple[int, str]]:
    for number, line in lines:
        yield number, line.decode("utf-8", "surrogateescape").rstrip("\r")


def _is_undecoded(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _texts(lines: Iterable[Tuple[int, bytes]]) -> Iterator[Record]:
    for number, text in _decoded(lines):
        if _is_undecoded(text):
            yield failed(number, {}, NOT_UTF_8, text)
        elif "\0" in text:
            yield failed(number, {}, "no text: it has NUL characters", text)
        else:
            yield Record(number, {SOURCE: text})


def _objects(lines: Iterable[Tuple[int, bytes]]) -> Iterator[Record]:
    for number, text in _decoded(lines):
        if not text.strip():
            continue
        if number == 1 and text.lstrip().startswith("["):
            raise WorkError("an array of JSON: write its objects a line each, as jq -c '.[]' does")
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            yield failed(number, {}, NOT_UTF_8 if _is_undecoded(text) else "not JSON", text)
            continue
        if not isinstance(values, dict):
            yield failed(number, {}, "a JSON object is needed, {..}", text)
        elif _is_undecoded(text) or ("\\u" in text and _is_undecoded(json.dumps(values, ensure_ascii=False))):
            yield failed(number, {}, NOT_UTF_8, text)  # JSON may say \ud800, which is half a character
        else:
            yield Record(number, values)


def _check_names(names: Sequence[str], file: str) -> None:
    """See that columns have names of their own.

    Raises:
        UsageError: two have the same.
    """
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        remedy = "where files have no line of names, --column takes a number"
        raise UsageError(f"{file} has two columns {twice!r}: rename one; {remedy}")
