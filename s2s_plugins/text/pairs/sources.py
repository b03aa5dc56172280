"""Pairs from whatever a user has them in: a table, two parallel files, a data frame, an iterable."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterator as AnIterator
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Iterator, List, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.text.features import joined
from s2s_plugins.text.pairs.features import separator_in, separator_of
from s2s_plugins.text.pairs.lines import AnyPath, digest, numbered_lines
from s2s_plugins.text.pairs.objects import HEAD, Keys, features_of, keys_of, objects_of, text_of, unfolded
from s2s_plugins.text.pairs.pair import EMPTY_LINES, Columns, Left, Pair, Pairs
from s2s_plugins.text.pairs.tables import Layout, layout_of, rows_of

ALL = Columns()


def read_pairs(data: Any, columns: Columns = ALL, spool: Optional[Path] = None) -> Pairs:
    """The pairs of ``data``, to be read as often as needed; memory does not grow with their number.

    Args:
        data: the path of a table (TSV, CSV, JSON lines; ``.gz``, ``.bz2`` and ``.xz`` too); two paths of parallel
            files; a pandas or polars frame; a mapping of sources to targets; an iterable of pairs, of triples with
            features, or of mappings, like those of Hugging Face's ``datasets``.
        columns: which two columns or keys, and that of features; by default the first two, and there must not be more,
            except for a third one that looks like features.
        spool: folder for what an iterator gives, which can be read only once; None: the system's.

    Raises:
        UsageError: it is nothing of these, or has other columns.
    """
    if isinstance(data, Pairs):
        return data
    if is_path(data):
        return TablePairs(data, columns)
    if isinstance(data, (tuple, list)) and len(data) == 2 and all(map(is_path, data)):
        return ParallelPairs(data[0], data[1])
    if is_frame(data):
        return FramePairs(data, columns)
    if isinstance(data, Mapping):
        return ObjectPairs(data.items(), columns)
    if isinstance(data, AnIterator):
        return SpooledPairs(data, columns, spool)
    if hasattr(data, "__iter__") and not isinstance(data, (bytes, bytearray)):
        return ObjectPairs(data, columns)
    raise UsageError(f"pairs are a path, two paths, a data frame or an iterable of pairs, not {type(data).__name__}")


def is_path(data: object) -> bool:
    """Whether ``data`` names a file."""
    return isinstance(data, (str, os.PathLike))


def is_frame(data: object) -> bool:
    """Whether ``data`` is a data frame, of pandas or another library: columns that are found by their names."""
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


class TablePairs(Pairs):
    """Two columns of a table, and perhaps one of features.

    Args:
        path: of the file.
        columns: which ones.

    Attributes:
        layout: how the table is written.
    """

    def __init__(self, path: AnyPath, columns: Columns) -> None:
        super().__init__()
        self.path, self.name = path, str(path)
        if os.path.isdir(path):
            raise UsageError(f"{path} is a folder: name a file of pairs")
        self.layout = layout_of(path, columns)
        if self.layout.header is not None:
            source, target = (self.layout.header[place] for place in self.layout.places)
            self.notes.append(f"{path}: the first line is a header, {source!r} is the source and {target!r} the target")
        self.features, column = _features_of(self.layout)
        if self.features is not None:
            self.notes += _recognised(str(path), column, self.features, columns)
        if self.layout.doubt:
            first, second = self.layout.doubt
            remedy = f"if they name the columns, give --source {first} --target {second}"
            self.notes.append(f"{path}: in the first line {first!r} and {second!r} are taken for a pair: {remedy}")

    @property
    def names(self) -> Optional[Columns]:
        layout = self.layout
        if not layout.delimiter:
            return Columns(*layout.keys[:3])
        if layout.header is None:
            return None
        features = None if layout.features is None else layout.header[int(layout.features.column)]
        return Columns(layout.header[layout.places[0]], layout.header[layout.places[1]], features)

    def __iter__(self) -> Iterator[Pair]:
        return self._rows() if self.layout.delimiter else self._objects()

    def _rows(self) -> Iterator[Pair]:
        left, layout, name = Left(), self.layout, self.name
        source, target = layout.places
        features = None if layout.features is None else int(layout.features.column)
        width, skip = layout.width, layout.header is not None
        for cells, number in rows_of(self.path, layout):
            if len(cells) != width:
                where = f"{name}, line {number}"
                if any(map(str.strip, cells)):
                    left.add(f"lines with fewer or more than {width} columns", where)
                else:
                    left.add(EMPTY_LINES, where)
            elif skip:
                skip = False
            else:
                text = cells[source] if features is None else joined(cells[source], cells[features])
                yield Pair(text, cells[target], f"{name}, line {number}")
        self.left = left

    def _objects(self) -> Iterator[Pair]:
        left, keys = Left(), self.layout.keys
        for number, values in objects_of(self.path):
            where = f"{self.name}, line {number}"
            missing = [key for key in keys[:3] if key is not None and key not in values]
            if missing:
                left.add(f"lines without the key {missing[0]!r}", where)
            else:
                yield _from_mapping(values, keys, where)
        self.left = left

    def fingerprint(self) -> str:
        return digest(self.path)


class ParallelPairs(Pairs):
    """The lines of two files, which belong together by their number."""

    def __init__(self, source: AnyPath, target: AnyPath) -> None:
        super().__init__()
        self.paths = (source, target)
        self.name = f"{source} and {target}"
        self.features = separator_in([line for _, line in itertools.islice(numbered_lines(source), HEAD)])

    def __iter__(self) -> Iterator[Pair]:
        counts = [0, 0]
        name = str(self.paths[0])
        for one, other in itertools.zip_longest(*map(numbered_lines, self.paths)):
            if one is None or other is None:
                self._refuse(counts[0])
            counts[0] += 1
            yield Pair(one[1], other[1], f"{name}, line {one[0]}")

    def _refuse(self, common: int) -> None:
        counts = [sum(1 for _ in numbered_lines(path)) for path in self.paths]
        raise UsageError(
            f"{self.paths[0]} has {counts[0]:,} lines and {self.paths[1]} {counts[1]:,}: line by line they belong "
            "together, so both need as many"
        )

    def fingerprint(self) -> str:
        return " ".join(map(digest, self.paths))


class ObjectPairs(Pairs):
    """Pairs, triples or mappings in memory.

    Args:
        items: can be iterated several times.
        columns: which keys of mappings.
        head: the first items; None: they are taken from ``items``.
    """

    def __init__(self, items: Any, columns: Columns, head: Optional[Sequence[Any]] = None) -> None:
        super().__init__()
        self.items, self.columns, self.name = items, columns, "the data"
        self.keys: Optional[Keys] = None
        self._look(list(itertools.islice(items, HEAD)) if head is None else head)

    def _look(self, head: Sequence[Any]) -> None:
        """Recognise features by the first items."""
        mappings = [unfolded(dict(item)) for item in head if isinstance(item, Mapping)]
        if mappings:
            self.keys = keys_of(mappings, self.columns, "pair 1")
            self.features = self.keys.separator
            if self.features is not None:
                self.notes += _recognised(self.name, f"key {self.keys.features!r}", self.features, self.columns)
        elif head and _length(head[0]) == 3:
            cells = [features_of(item[2], "the data", "features", ";") for item in head if _length(item) == 3]
            self.features = self.columns.separator or separator_of(cells)
        elif all(_length(item) == 2 and isinstance(item[0], str) for item in head):
            self.features = separator_in([item[0] for item in head])

    def __iter__(self) -> Iterator[Pair]:
        for number, item in enumerate(self.items, start=1):
            where = f"pair {number}"
            if isinstance(item, Mapping):
                values = unfolded(dict(item))
                self.keys = self.keys or keys_of([values], self.columns, where)
                yield _from_mapping(values, self.keys, where)
                continue
            if _length(item) not in (2, 3):
                raise UsageError(
                    f"{where} is {str(item)[:40]!r}: give pairs (SOURCE, TARGET), triples (SOURCE, TARGET, FEATURES), "
                    "or mappings"
                )
            source, target = (text_of(text, where, name) for text, name in zip(item, ("source", "target")))
            if _length(item) == 3:
                source = joined(source, features_of(item[2], where, "features", self.features or ";"))
            yield Pair(source, target, where)

    def fingerprint(self) -> str:
        found = hashlib.blake2b(digest_size=16)
        for pair in self:
            found.update(json.dumps(pair[:2]).encode())
        return found.hexdigest()


class FramePairs(ObjectPairs):
    """Two columns of a data frame, and perhaps one of features."""

    def __init__(self, frame: Any, columns: Columns) -> None:
        super().__init__((), columns)
        own = {str(name): name for name in frame.columns}
        rows = zip(*(itertools.islice(frame[name], HEAD) for name in own.values()))
        head: List[Any] = [dict(zip(own, row)) for row in rows]
        self.keys = keys = keys_of(head or [dict.fromkeys(own)], columns, "the frame")
        self.frame, self.name, self.features = frame, "the frame", keys.separator
        self.own = [own[key] for key in keys[:3] if key is not None]
        if self.features is not None:
            self.notes += _recognised(self.name, f"column {keys.features!r}", self.features, columns)

    @property
    def names(self) -> Optional[Columns]:
        assert self.keys is not None
        return Columns(*self.keys[:3])

    def __iter__(self) -> Iterator[Pair]:
        assert self.keys is not None
        for number, row in enumerate(zip(*(self.frame[name] for name in self.own)), start=1):
            values = dict(zip((key for key in self.keys[:3] if key is not None), row))
            yield _from_mapping(values, self.keys, f"row {number}")


class SpooledPairs(Pairs):
    """What an iterator gives, kept in a temporary file."""

    def __init__(self, items: Any, columns: Columns, folder: Optional[Path]) -> None:
        super().__init__()
        self.name = "the data"
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the object)
        self.found = hashlib.blake2b(digest_size=16)
        head = list(itertools.islice(items, HEAD))
        read = ObjectPairs(itertools.chain(head, items), columns, head)
        self.features, self.notes = read.features, read.notes
        for pair in read:
            line = json.dumps(pair[:2]).encode() + b"\n"
            self.found.update(line)
            self.file.write(line)

    def __iter__(self) -> Iterator[Pair]:
        place = 0
        number = 0
        while True:  # each iteration has its own place: the file is shared
            self.file.seek(place)
            lines = self.file.readlines(2**20)
            if not lines:
                return
            place = self.file.tell()
            for line in lines:
                number += 1
                source, target = json.loads(line)
                yield Pair(source, target, f"pair {number}")

    def fingerprint(self) -> str:
        return self.found.hexdigest()


def _from_mapping(values: Any, keys: Keys, where: str) -> Pair:
    """The pair of two keys, with features if there is a key of those.

    Raises:
        UsageError: one is missing, or no text.
    """
    for key in keys[:3]:
        if key is not None and key not in values:
            listed = ", ".join(map(repr, values))
            raise UsageError(f"{where}: no key {key!r}: it has {listed}: add it")
    source, target = (text_of(values[key], where, key) for key in keys[:2])
    if keys.features is not None:
        source = joined(source, features_of(values[keys.features], where, keys.features, keys.separator or ";"))
    return Pair(source, target, where)


def _length(item: Any) -> int:
    """The number of parts of a pair or triple; 0 of what is neither."""
    return 0 if isinstance(item, (str, bytes, Mapping)) or not hasattr(item, "__len__") else len(item)


def _features_of(layout: Layout) -> "tuple[Optional[str], str]":
    """The separator of a table's features, if it has any, and what names their column."""
    if layout.features is None:
        return layout.keys.separator, f"key {layout.keys.features!r}"
    place = int(layout.features.column)
    named = f"{place + 1}" if layout.header is None else f"{layout.header[place]!r}"
    return layout.features.separator, f"column {named}"


def _recognised(name: str, column: str, separator: str, asked: Columns) -> List[str]:
    """What is said of features that were recognised, or of their separator; nothing if both are given."""
    mark = "a space" if separator == " " else repr(separator)
    if asked.features is None:
        remedy = "if it does not, choose two columns with --source and --target"
        return [f"{name}: {column} holds features of the source with {mark} between them; {remedy}"]
    if asked.separator is None:
        remedy = "if that is wrong, give --features-separator"
        return [f"{name}: the features in {column} have {mark} between them; {remedy}"]
    return []
