"""Rows of a file with columns, and which of the columns a pair is made of."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.features import Features, column_of, separator_of
from s2s_plugins.text.pairs.levels import recognise
from s2s_plugins.text.pairs.lines import AnyPath, form_of, numbered_lines
from s2s_plugins.text.pairs.objects import Keys, is_object, keys_of_file, objects_of
from s2s_plugins.text.pairs.pair import Columns

csv.field_size_limit(2**31 - 1)
HEAD = 1000  # rows that the form is recognised by
JSON = (".json", ".jsonl", ".ndjson")
DELIMITERS = ",;\t"
SHOWN = 12  # columns that a message lists
OFTEN = 5  # occurrences of a label in the mean
WORDS = 5.0  # of a text in the mean
# usual names of columns
HEADINGS = set(
    "source target src tgt trg input output in out from to word words text texts label labels class lemma form "
    "inflected grapheme graphemes phoneme phonemes phone phones pronunciation pronunciations ipa spelling "
    "transcription orthography letters question answer sentence sentences original translation transliteration "
    "name names key value rating ratings review reviews english german french spanish en de fr es category "
    "sentiment".split()
)


class Row(NamedTuple):
    """The cells of a row, and the number of its last line."""

    cells: List[str]
    number: int


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Args:
        delimiter: what separates columns; of TSV a tab; empty: JSON lines.
        quoted: whether cells may be quoted, as in CSV.
        header: the names of the columns if the first row has them.
        places: the numbers of the two columns, from 0; of JSON lines none.
        keys: of JSON lines alone.
        width: number of columns.
        features: the column of features; None: there is none, or these are JSON lines.
        doubt: source and target of the first row, if they may be names and are taken for a pair.
    """

    delimiter: str
    quoted: bool = False
    header: Optional[Tuple[str, ...]] = None
    places: Tuple[int, int] = (0, 1)
    keys: Keys = Keys("", "")
    width: int = 2
    features: Optional[Features] = None
    doubt: Tuple[str, ...] = ()


def layout_of(path: AnyPath, columns: Columns) -> Layout:
    """Recognise how ``path`` is written.

    Raises:
        UsageError: it has more columns than two and none is named, has one, or lacks a column that is named.
    """
    plain = _plain_layout(path)
    if not plain.delimiter:
        return Layout("", keys=keys_of_file(path, columns))
    rows = [row.cells for row in itertools.islice(rows_of(path, plain), HEAD) if any(map(str.strip, row.cells))]
    if not rows:
        raise UsageError(f"{path}: no line with anything in it: put a pair in each line")
    return _with_columns(path, plain, rows, columns)


def heading_of(path: AnyPath) -> List[str]:
    """The cells of the first row, or the keys of the first object.

    Raises:
        UsageError: the file cannot be read.
    """
    return next(iter(head_of(path, 1)), [])


def head_of(path: AnyPath, most: int = HEAD) -> List[List[str]]:
    """The cells of the first rows in which there is anything; of JSON lines the keys, and the values as texts.

    Args:
        path: of the table.
        most: number of rows.

    Raises:
        UsageError: the file cannot be read.
    """
    plain = _plain_layout(path)
    if not plain.delimiter:
        objects = [values for _, values in itertools.islice(objects_of(path), most)]
        keys = list(objects[0]) if objects else []
        return [keys, *([str(values.get(key, "")) for key in keys] for values in objects)][:most] if keys else []
    rows = (row.cells for row in rows_of(path, plain) if any(map(str.strip, row.cells)))
    return list(itertools.islice(rows, most))


def _plain_layout(path: AnyPath) -> Layout:
    """How ``path`` separates columns.

    Raises:
        UsageError: it cannot be read, or is an array of JSON.
    """
    form = form_of(path)
    first = next((line for _, line in numbered_lines(path) if line.strip()), "")
    if form in JSON or (form not in (".csv", ".tsv") and first.lstrip().startswith("{") and is_object(first)):
        if first.lstrip().startswith("["):
            raise UsageError(f"{path} is one JSON array: write one object a line, as with jq -c '.[]'")
        return Layout("")
    quoted = form == ".csv" or (form != ".tsv" and "\t" not in first and any(mark in first for mark in ",;"))
    delimiter = next((mark for mark in DELIMITERS if mark in first), ",") if quoted else "\t"
    return Layout(delimiter, quoted)


def rows_of(path: AnyPath, layout: Layout) -> Iterator[Row]:
    """All rows, the header among them; empty lines too.

    Raises:
        UsageError: the file cannot be read, or is no CSV.
    """
    if not layout.quoted:
        for number, line in numbered_lines(path):
            yield Row(line.split(layout.delimiter), number)
        return
    lines = _Numbered(numbered_lines(path))
    try:
        for cells in csv.reader((line + "\n" for line in lines), delimiter=layout.delimiter, strict=True):
            yield Row(cells, lines.number)
    except csv.Error as error:
        remedy = "close each quote, double those inside"
        raise UsageError(f"{path}, line {lines.number}: not CSV: {error}: {remedy}") from None


class _Numbered:
    """Lines, and the number of the last one that was read."""

    def __init__(self, lines: Iterable[Tuple[int, str]]) -> None:
        self.lines = lines
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self.lines:
            self.number = number
            yield line


def _with_columns(path: AnyPath, plain: Layout, rows: List[List[str]], columns: Columns) -> Layout:
    """``plain`` with header and places."""
    first = tuple(cell.strip() for cell in rows[0])
    width = len(first)
    named = [name for name in columns[:3] if name is not None]
    by_name = any(not _is_place(name) or name in first for name in named)
    if width < 2:
        mark = {"\t": "a tab", ",": "a comma", ";": "a semicolon"}[plain.delimiter]
        raise UsageError(
            f"{path}: one column in line 1 ({first[0][:40]!r}): write SOURCE, {mark}, TARGET, or give two files"
        )
    features = _features(path, first, rows[1:] or rows, columns)
    rest = [place for place in range(width) if features is None or place != features.column]
    if not columns and len(rest) != 2:
        listed = ", ".join(f"{number} {cell[:30]!r}" for number, cell in enumerate(first[:SHOWN], 1))
        raise UsageError(
            f"{path} has {width} columns ({listed}): choose two with --source and --target, by name or number, and "
            "features with --features"
        )
    default = (*rest, *rest)  # of one column both, which is an error
    places = (
        _place(path, first, columns.source, default[0], "--source"),
        _place(path, first, columns.target, default[1], "--target"),
    )
    if places[0] == places[1]:
        raise UsageError(f"{path}: source and target are the same column, {first[places[0]]!r}: name two")
    if features is not None and features.column in places:
        column = first[int(features.column)]
        raise UsageError(f"{path}: features and source or target are the same column, {column!r}: name three")
    cells = [[row[place] for place in places] for row in rows if len(row) == width]
    is_header = by_name or is_heading(cells[0], cells[1:])
    doubt = tuple(cells[0]) if not is_header and any(map(_is_usual, cells[0])) else ()
    header = first if is_header else None
    return Layout(plain.delimiter, plain.quoted, header, places, width=width, features=features, doubt=doubt)


def _features(
    path: AnyPath, first: Sequence[str], rest: Sequence[Sequence[str]], columns: Columns
) -> Optional[Features]:
    """The column of features: the one that is named, or of three the one that looks like them.

    Args:
        path: of the table.
        first: its first row.
        rest: the rows behind it, which is a header perhaps.
        columns: which ones are named.
    """
    width = len(first)
    if columns.features is not None:
        place = _place(path, first, columns.features, 0, "--features")
        return Features(place, columns.separator or separator_of([row[place] for row in rest if len(row) == width]))
    found = None if columns or width != 3 else column_of(rest)
    return found if found is None or columns.separator is None else found._replace(separator=columns.separator)


def _is_place(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) > 0


def _place(path: AnyPath, header: Sequence[str], name: Optional[str], default: int, flag: str) -> int:
    """The number of the column ``name``, from 0.

    Raises:
        UsageError: there is none.
    """
    if name is None:
        return default
    if name in header:
        return list(header).index(name)
    if _is_place(name) and int(name) <= len(header):
        return int(name) - 1
    listed = ", ".join(repr(cell[:30]) for cell in header[:SHOWN])
    raise UsageError(f"{path}: no column {name!r} for {flag}: its first line has {listed}: name one of those")


def _is_usual(cell: str) -> bool:
    return cell.strip().lower() in HEADINGS


def is_heading(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a first row names the columns: by usual names, by a target unlike all others, or above labels and texts.

    Args:
        first: source and target of the first row.
        rest: of the others.
    """
    if all(map(_is_usual, first)):
        return True
    if _names_labels(first, rest):
        return True
    targets = [row[1] for row in rest]
    if len(targets) < 10 or recognise(targets, is_target=True).name != "token":
        return False
    known = {token for target in targets for token in target.split()}
    tokens = first[1].split()
    longest = max(map(len, known), default=0)
    is_name = len(tokens) == 1 and tokens[0] not in known and tokens[0].isalpha() and len(tokens[0]) > longest
    return is_name and first[0].strip() not in {row[0].strip() for row in rest}


def _names_labels(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a word above labels, that is none of them, and a word above texts."""
    labels = Counter(row[0].strip() for row in rest)
    words = sum(len(row[1].split()) for row in rest)
    if len(rest) < 10 or len(rest) < OFTEN * len(labels) or words < WORDS * len(rest):
        return False
    return all(cell.strip().isidentifier() for cell in first) and first[0].strip() not in labels
