"""Rows with their answers, written as TSV, JSON lines or Parquet."""

from __future__ import annotations

import json
from typing import IO, Any, Callable, Dict, List, Protocol, Sequence

from s2s_plugins.cluster.records import CSV, JSON, PARQUET, TEXT, TSV, Record, Records
from s2s_plugins.cluster.work import Answer, Work
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import library
from s2s_plugins.files import BREAKS

FORMATS = (TSV, JSON, PARQUET)
LIKE = {TEXT: TSV, CSV: TSV, TSV: TSV, JSON: JSON, PARQUET: PARQUET}  # where none is asked for
ENDINGS = {TSV: ".tsv", JSON: ".jsonl", PARQUET: ".parquet"}


class Writer(Protocol):
    """Writes what a part of a file was answered; nothing is kept."""

    def write(self, records: Sequence[Record], answers: Sequence[Answer]) -> None:
        """Rows in their order, an answer each.

        Raises:
            WorkError: the format cannot hold them.
        """

    def close(self) -> None:
        """Write what stands at the end."""


def writer_of(format: str, stream: IO[bytes], records: Records, work: Work) -> Writer:
    """What writes to ``stream``.

    Args:
        format: of :data:`FORMATS`.
        stream: of the output.
        records: whose columns are kept.
        work: whose columns are added.

    Raises:
        UsageError: the input has such columns already.
    """
    added = work.names if format == TSV else list(work.fields)
    taken = [name for name in added if name in records.names]
    if taken:
        raise UsageError(f"{records.name} has a column {taken[0]!r} already, and the output has one: rename it there")
    writers: Dict[str, Callable[[IO[bytes], Records, Work], Writer]]
    writers = {TSV: TsvWriter, JSON: JsonWriter, PARQUET: ParquetWriter}
    return writers[format](stream, records, work)


class TsvWriter:
    """Columns and answers with tabs between them: of lines of text what ``s2s predict`` prints; below a line of names
    where the input has one."""

    def __init__(self, stream: IO[bytes], records: Records, work: Work) -> None:
        self.stream, self.work, self.names = stream, work, records.names
        self.is_text = records.form == TEXT
        if not self.is_text and not (records.columns.numbered and records.form in (TSV, CSV)):
            self._write([[_cell(name) for name in [*self.names, *work.names]]])

    def write(self, records: Sequence[Record], answers: Sequence[Answer]) -> None:
        self._write([row for record, answer in zip(records, answers) for row in self._rows(record, answer)])

    def _rows(self, record: Record, answer: Answer) -> List[List[str]]:
        own = [record.source] if self.is_text else [_cell(record.row.get(name)) for name in self.names]
        return [[*own, *cells] for cells in self.work.rows(answer)]

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        self.stream.write("".join("\t".join(row) + "\n" for row in rows).encode())

    def close(self) -> None:
        """Nothing is left."""


def _cell(value: Any) -> str:
    """A value in a column of TSV: what would end it is a space."""
    if value is None:
        return ""
    return BREAKS.sub(" ", value if isinstance(value, str) else _json(value))


def _json(value: Any) -> str:
    # Parquet has dates, decimals and bytes, JSON none of them
    return json.dumps(value, ensure_ascii=False, default=str)


class JsonWriter:
    """A JSON object a line: the columns, and then the answer's."""

    def __init__(self, stream: IO[bytes], records: Records, work: Work) -> None:
        self.stream, self.work = stream, work

    def write(self, records: Sequence[Record], answers: Sequence[Answer]) -> None:
        rows = ({**record.row, **self.work.values(answer)} for record, answer in zip(records, answers))
        self.stream.write("".join(_json(row) + "\n" for row in rows).encode())

    def close(self) -> None:
        """Nothing is left."""


class ParquetWriter:
    """The columns with their types, and then the answer's. What was read from text is text; types of JSON are those of
    the first part."""

    def __init__(self, stream: IO[bytes], records: Records, work: Work) -> None:
        self.arrow, self.parquet = library("pyarrow", "Parquet"), library("pyarrow.parquet", "Parquet")
        self.stream, self.work, self.records = stream, work, records
        self.writer: Any = None
        self.schema: Any = None

    def write(self, records: Sequence[Record], answers: Sequence[Answer]) -> None:
        rows = [record.row for record in records]
        values = [{**row, **self.work.values(answer)} for row, answer in zip(rows, answers)]
        try:
            schema = self._opened(rows)
            self.writer.write_batch(self.arrow.RecordBatch.from_pylist(values, schema=schema))
        except (self.arrow.ArrowException, OverflowError) as error:
            where = f"{self.records.name}, lines {records[0].number} to {records[-1].number}"
            raise WorkError(f"{where}: no values of one type: {error}: use --format jsonl") from None

    def _opened(self, rows: Sequence[Dict[str, Any]]) -> Any:
        if self.writer is None:
            self.schema = self._schema(rows)
            self.writer = self.parquet.ParquetWriter(self.stream, self.schema)
        return self.schema

    def _schema(self, rows: Sequence[Dict[str, Any]]) -> Any:
        arrow, records = self.arrow, self.records
        text = arrow.string()
        if records.schema is not None:
            own = list(records.schema)
        elif records.form == JSON and rows:
            own = [_text_if_nothing(arrow, field) for field in arrow.RecordBatch.from_pylist(list(rows)).schema]
            own += [arrow.field(name, text) for name in records.names if name not in {field.name for field in own}]
        else:
            own = [arrow.field(name, text) for name in records.names]
        added = [arrow.field(name, arrow_type(arrow, kind)) for name, kind in self.work.fields.items()]
        return arrow.schema([*own, *added])

    def close(self) -> None:
        self._opened([])
        self.writer.close()


def arrow_type(arrow: Any, kind: str) -> Any:
    """Arrow's type of a field of an answer."""
    types = {"string": arrow.string(), "float": arrow.float64(), "bool": arrow.bool_()}
    return types[kind] if kind in types else arrow.list_(types[kind[:-1]])


def _text_if_nothing(arrow: Any, field: Any) -> Any:
    """A field in which a part of JSON has only nulls is taken for text."""
    return arrow.field(field.name, arrow.string()) if arrow.types.is_null(field.type) else field
