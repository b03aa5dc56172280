"""Documents, one at a time, from CSV, TSV, JSON lines, plain text and folders."""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from s2s_plugins.errors import UsageError

csv.field_size_limit(2**31 - 1)
REMEDY = {"csv": "quote what has a comma in it", "tsv": "take tabs out of the values"}
TABLES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".json": "json"}


class Document(NamedTuple):
    """A text, its label, and where it comes from.

    Attributes:
        text: as it is in the file.
        label: in Unicode's composed form; empty if there is none.
        where: file and line, for messages.
    """

    text: str
    label: str
    where: str


class Left:
    """What was left out, by file; counted once, however often the file is read.

    Args:
        skip_bad_rows: leave out rows that do not have as many columns as the header; otherwise they are errors.
    """

    def __init__(self, skip_bad_rows: bool = False) -> None:
        self.skip_bad_rows = skip_bad_rows
        self.places: Dict[Tuple[str, str], List[str]] = {}

    def lines(self) -> List[str]:
        """A line for each file and reason, with the first place."""
        return [
            f"{path}: {len(places)} {reason} left out, the first is {places[0]}"
            for (path, reason), places in self.places.items()
        ]


def read_labelled(
    path: str, text_column: str = "text", label_column: str = "label", left: Optional[Left] = None
) -> Iterator[Document]:
    """The documents of a ``.csv``, ``.tsv`` or ``.jsonl`` file, or of a folder with a folder of files for each class.

    A CSV or TSV file has a header. A TSV file has no quoting: everything between two tabs is a value. Files in folders
    inside the folder of a class belong to that class.

    Args:
        path: of the file or folder.
        text_column: column or key of the text.
        label_column: column or key of the label.
        left: collects what is left out.

    Raises:
        UsageError: it is missing, has another form, no such column or no document, or is not UTF-8.
    """
    if os.path.isdir(path):
        yield from _some(path, _class_folders(path, left or Left()))
        return
    kind = TABLES.get(Path(path).suffix.lower())
    if kind is None:
        raise UsageError(
            f"{path}: labelled documents come as .csv, .tsv or .jsonl, or as a folder with a folder of files for each "
            "class: give the file one of these names"
        )
    yield from _some(path, _table(path, kind, text_column, label_column, left or Left()))


def read_unlabelled(path: str, text_column: str = "text", left: Optional[Left] = None) -> Iterator[Document]:
    """The documents of a plain text file, one per line; of a table, one per row; of a folder, one per file.

    Raises:
        UsageError: as :func:`read_labelled`.
    """
    if os.path.isdir(path):
        files = sorted(file for file in Path(path).rglob("*") if file.is_file() and not _hidden(file))
        if not files:
            raise UsageError(f"{path}: the folder has no files: put a document into each")
        yield from (Document(_whole_file(file), "", str(file)) for file in files)
        return
    kind = TABLES.get(Path(path).suffix.lower())
    if kind is not None:
        yield from _some(path, _table(path, kind, text_column, None, left or Left()))
        return
    for number, line in _lines(path):
        yield Document(line, "", f"{path}, line {number}")


def _some(path: str, documents: Iterator[Document]) -> Iterator[Document]:
    """``documents``, at least one.

    Raises:
        UsageError: there is no document.
    """
    none = True
    for document in documents:
        none = False
        yield document
    if none:
        raise UsageError(f"{path}: no document in it: add some, or leave the flag out")


def _lines(path: str) -> Iterator[Tuple[int, str]]:
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
        raise UsageError(f"{path}: the file is empty: put documents into it, or leave the flag out")


def _table(path: str, kind: str, text_column: str, label_column: Optional[str], left: Left) -> Iterator[Document]:
    if kind == "json":
        yield from _json_lines(path, text_column, label_column)
        return
    numbered = _Numbered(_lines(path))
    rows: Iterator[List[str]]
    if kind == "csv":
        rows = csv.reader((line + "\n" for line in numbered), strict=True)
    else:
        rows = (line.split("\t") for line in numbered)
    try:
        header = next(rows, [])
        wanted = (("--text-column", text_column), ("--label-column", label_column))
        places = [_place(path, header, flag, column) for flag, column in wanted if column is not None]
        bad: List[str] = []
        for row in rows:
            if not row or row == [""] and len(header) > 1:
                continue  # an empty line, as at the end of many files
            if not max(places) < len(row) <= len(header):
                bad.append(f"line {numbered.number}")
                if not left.skip_bad_rows:
                    raise UsageError(
                        f"{path}, {bad[0]}: {len(row)} columns where the header has {len(header)}: {REMEDY[kind]}, or "
                        "leave such rows out with --skip-bad-rows"
                    )
                continue
            label = row[places[1]] if label_column is not None else ""
            yield _checked(Document(row[places[0]], label, f"{path}, line {numbered.number}"), label_column)
        if bad:
            left.places[path, "rows with too few or too many columns"] = bad
    except csv.Error as error:
        raise UsageError(
            f"{path}, line {numbered.number}: not CSV: {error}: close each quote, double those inside"
        ) from None


class _Numbered:
    """Lines, and the number of the last one that was read."""

    def __init__(self, lines: Iterator[Tuple[int, str]]) -> None:
        self.lines = lines
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self.lines:
            self.number = number
            yield line


def _place(path: str, header: List[str], flag: str, column: str) -> int:
    if column not in header:
        raise UsageError(
            f"{path}: no column {column!r} in its header, which has {', '.join(header)}: add it, or name one of those "
            f"with {flag}"
        )
    return header.index(column)


def _json_lines(path: str, text_column: str, label_column: Optional[str]) -> Iterator[Document]:
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{where}: not a line of JSON: {error}: write one object per line") from None
        text = _value(where, values, "--text-column", text_column)
        label = _value(where, values, "--label-column", label_column) if label_column is not None else ""
        yield _checked(Document(text, label, where), label_column)


def _value(where: str, values: object, flag: str, key: str) -> str:
    """The text under ``key``; numbers and truth values are written as in JSON.

    Raises:
        UsageError: the key is missing, or its value is something else.
    """
    if not (isinstance(values, dict) and key in values):
        there = ", ".join(values) if isinstance(values, dict) else type(values).__name__
        raise UsageError(f"{where}: no key {key!r}: it has {there}: add it, or name one of those with {flag}")
    value = values[key]
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (dict, list)):
        raise UsageError(f"{where}: {key!r} is {json.dumps(value)[:40]}: write a text between quotes")
    return json.dumps(value)


def _checked(document: Document, label_column: Optional[str]) -> Document:
    """``document`` with a normalized label: composed, without surrounding white space.

    Raises:
        UsageError: the label is empty, or text or label cannot be written as UTF-8.
    """
    try:
        (document.text + document.label).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{document.where}: {error.object[error.start]!r} is half a character: correct or remove it"
        ) from None
    label = unicodedata.normalize("NFC", document.label.strip())
    if label_column is not None and not label:
        raise UsageError(f"{document.where}: the label is empty: give one, or move the text to --unlabelled")
    return document._replace(label=label)


def _class_folders(path: str, left: Left) -> Iterator[Document]:
    there = sorted(entry for entry in Path(path).iterdir() if not _hidden(entry))
    folders = [entry for entry in there if entry.is_dir()]
    if not folders:
        raise UsageError(f"{path}: no folder in it: labelled documents are files in a folder for each class")
    stray = [entry.name for entry in there if not entry.is_dir()]
    if stray:
        left.places[path, "files beside the classes' folders"] = stray
    for folder in folders:
        below = sorted(file for file in folder.rglob("*") if not any(map(_hidden, _below(file, folder))))
        files = [file for file in below if file.is_file()]
        links = [str(file) for file in below if file.is_symlink() and not file.is_file()]
        if links:
            left.places[str(folder), "links to a folder or to nothing"] = links
        if not files:
            left.places[str(folder), "class without a file"] = [folder.name]
        for file in files:
            yield _checked(Document(_whole_file(file), folder.name, str(file)), "")


def _below(path: Path, folder: Path) -> List[Path]:
    """``path`` and the folders between it and ``folder``."""
    return [path, *(parent for parent in path.parents if folder in parent.parents)]


def _hidden(path: Path) -> bool:
    """Whether a file browser hides it, like .DS_Store: it is not meant to be a document."""
    return path.name.startswith(".")


def _whole_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not UTF-8 text: convert it, as with iconv") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}: make it readable, or remove it") from None
