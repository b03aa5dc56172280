"""Documents from the files that people have: CSV, TSV, JSON lines, plain text, folders; one at a time."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Iterator, List, NamedTuple

from s2s_plugins.errors import UsageError

csv.field_size_limit(2**31 - 1)
TABLES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".json": "json"}


class Document(NamedTuple):
    """A text, where it stands, and its label.

    Attributes:
        text: as it is in the file.
        label: empty where there is none.
        where: file and line, for messages.
    """

    text: str
    label: str
    where: str


def read_labelled(path: str, text_column: str = "text", label_column: str = "label") -> Iterator[Document]:
    """The documents of a ``.csv``, ``.tsv`` or ``.jsonl`` file, or of a folder with a folder of files for each class.

    A CSV or TSV file has a header. A TSV file knows no quotes: what stands between two tabs is a value.

    Raises:
        UsageError: it is missing, of another form, has no such column, or is not UTF-8.
    """
    if os.path.isdir(path):
        yield from _class_folders(path)
        return
    kind = TABLES.get(Path(path).suffix.lower())
    if kind is None:
        raise UsageError(
            f"{path}: labelled documents come as .csv, .tsv or .jsonl, or as a folder with a folder of files for each "
            "class: give the file one of these names"
        )
    yield from _table(path, kind, text_column, label_column)


def read_unlabelled(path: str, text_column: str = "text") -> Iterator[Document]:
    """The documents of a plain text file, one a line; of a table, by its text column; of a folder, one a file.

    Raises:
        UsageError: as :func:`read_labelled`.
    """
    if os.path.isdir(path):
        files = sorted(file for file in Path(path).rglob("*") if file.is_file())
        if not files:
            raise UsageError(f"{path}: the folder has no files: put a document into each")
        yield from (Document(_whole_file(file), "", str(file)) for file in files)
        return
    kind = TABLES.get(Path(path).suffix.lower())
    if kind is not None:
        yield from _table(path, kind, text_column, None)
        return
    for number, line in _lines(path):
        yield Document(line, "", f"{path}, line {number}")


def _lines(path: str) -> Iterator[tuple]:
    """Number and text of each line.

    Raises:
        UsageError: the file cannot be read, is not UTF-8, or is empty.
    """
    number = 0
    try:
        with open(path, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    raise UsageError(f"{path}, line {number}: not UTF-8 text: convert it, as with iconv") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be read") from None
    if number == 0:
        raise UsageError(f"{path}: the file is empty")


def _table(path: str, kind: str, text_column: str, label_column) -> Iterator[Document]:
    if kind == "json":
        yield from _json_lines(path, text_column, label_column)
        return
    numbered = _Numbered(_lines(path))
    if kind == "csv":
        rows = csv.reader((line + "\n" for line in numbered), strict=True)
    else:
        rows = (line.split("\t") for line in numbered)
    try:
        header = next(rows, [])
        places = [_place(path, header, column) for column in (text_column, label_column) if column is not None]
        for row in rows:
            if not row or row == [""] and len(header) > 1:
                continue  # a line of nothing, as at the end of many files
            if len(row) <= max(places):
                raise UsageError(
                    f"{path}, line {numbered.number}: {len(row)} columns where the header has {len(header)}: fill in "
                    "the others, or quote what has a separator in it"
                )
            label = row[places[1]].strip() if label_column is not None else ""
            yield _checked(Document(row[places[0]], label, f"{path}, line {numbered.number}"), label_column)
    except csv.Error as error:
        raise UsageError(f"{path}, line {numbered.number}: not CSV: {error}") from None


class _Numbered:
    """Lines, with the number of the last one that was given out."""

    def __init__(self, lines: Iterator[tuple]) -> None:
        self.lines = lines
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self.lines:
            self.number = number
            yield line


def _place(path: str, header: List[str], column: str) -> int:
    if column not in header:
        flag = "--text-column" if column == "text" else "--label-column" if column == "label" else "the flag"
        raise UsageError(
            f"{path}: no column {column!r} in its header, which has {', '.join(header)}: add it, or name one of those "
            f"with {flag}"
        )
    return header.index(column)


def _json_lines(path: str, text_column: str, label_column) -> Iterator[Document]:
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{where}: not a line of JSON: {error}") from None
        for column in (text_column, label_column):
            if column is not None and not (isinstance(values, dict) and column in values):
                there = ", ".join(values) if isinstance(values, dict) else type(values).__name__
                raise UsageError(f"{where}: no key {column!r}: it has {there}")
        label = str(values[label_column]).strip() if label_column is not None else ""
        yield _checked(Document(str(values[text_column]), label, where), label_column)


def _checked(document: Document, label_column) -> Document:
    if label_column is not None and not document.label:
        raise UsageError(f"{document.where}: the label is empty: give one, or move the text to --unlabelled")
    return document


def _class_folders(path: str) -> Iterator[Document]:
    folders = sorted(folder for folder in Path(path).iterdir() if folder.is_dir())
    if not folders:
        raise UsageError(f"{path}: no folder in it: labelled documents are files in a folder for each class")
    for folder in folders:
        for file in sorted(file for file in folder.iterdir() if file.is_file()):
            yield Document(_whole_file(file), folder.name, str(file))


def _whole_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not UTF-8 text: convert it, as with iconv") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
