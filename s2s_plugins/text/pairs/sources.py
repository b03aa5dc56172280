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
from typing import IO, Any, Iterator, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.lines import AnyPath, digest, numbered_lines
from s2s_plugins.text.pairs.objects import keys_of, objects_of, text_of, unfolded
from s2s_plugins.text.pairs.pair import EMPTY_LINES, Columns, Left, Pair, Pairs
from s2s_plugins.text.pairs.tables import layout_of, rows_of

ALL = Columns()


def read_pairs(data: Any, columns: Columns = ALL, spool: Optional[Path] = None) -> Pairs:
    """The pairs of ``data``, to be read as often as needed; memory does not grow with their number.

    Args:
        data: the path of a table (TSV, CSV, JSON lines; ``.gz``, ``.bz2`` and ``.xz`` too); two paths of parallel
            files; a pandas or polars frame; a mapping of sources to targets; an iterable of pairs, or of mappings, like
            those of Hugging Face's ``datasets``.
        columns: which two columns or keys; by default the first two, and there must not be more.
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
    """Two columns of a table.

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
        if self.layout.doubt:
            first, second = self.layout.doubt
            remedy = f"if they name the columns, give --source {first} --target {second}"
            self.notes.append(f"{path}: in the first line {first!r} and {second!r} are taken for a pair: {remedy}")

    @property
    def names(self) -> Optional[Columns]:
        layout = self.layout
        if not layout.delimiter:
            return Columns(*layout.keys)
        return None if layout.header is None else Columns(*(layout.header[place] for place in layout.places))

    def __iter__(self) -> Iterator[Pair]:
        return self._rows() if self.layout.delimiter else self._objects()

    def _rows(self) -> Iterator[Pair]:
        left, layout, name = Left(), self.layout, self.name
        source, target = layout.places
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
                yield Pair(cells[source], cells[target], f"{name}, line {number}")
        self.left = left

    def _objects(self) -> Iterator[Pair]:
        source, target = self.layout.keys
        for number, values in objects_of(self.path):
            yield _from_mapping(values, source, target, f"{self.name}, line {number}")

    def fingerprint(self) -> str:
        return digest(self.path)


class ParallelPairs(Pairs):
    """The lines of two files, which belong together by their number."""

    def __init__(self, source: AnyPath, target: AnyPath) -> None:
        super().__init__()
        self.paths = (source, target)
        self.name = f"{source} and {target}"

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
    """Pairs or mappings in memory.

    Args:
        items: can be iterated several times.
        columns: which keys of mappings.
    """

    def __init__(self, items: Any, columns: Columns) -> None:
        super().__init__()
        self.items, self.columns, self.name = items, columns, "the data"

    def __iter__(self) -> Iterator[Pair]:
        keys: Optional[Tuple[str, str]] = None
        for number, item in enumerate(self.items, start=1):
            where = f"pair {number}"
            if isinstance(item, Mapping):
                values = unfolded(dict(item))
                keys = keys or keys_of(values, self.columns, where)
                yield _from_mapping(values, *keys, where)
                continue
            if isinstance(item, (str, bytes)) or not hasattr(item, "__len__") or len(item) != 2:
                raise UsageError(f"{where} is {str(item)[:40]!r}: give pairs (SOURCE, TARGET), or mappings")
            source, target = item
            yield Pair(text_of(source, where, "source"), text_of(target, where, "target"), where)

    def fingerprint(self) -> str:
        found = hashlib.blake2b(digest_size=16)
        for pair in self:
            found.update(json.dumps(pair[:2]).encode())
        return found.hexdigest()


class FramePairs(ObjectPairs):
    """Two columns of a data frame."""

    def __init__(self, frame: Any, columns: Columns) -> None:
        super().__init__((), columns)
        self.keys = keys_of({str(name): None for name in frame.columns}, columns, "the frame")
        by_name = {str(name): name for name in frame.columns}
        self.frame = frame
        self.name, self.own = "the frame", [by_name[key] for key in self.keys]

    @property
    def names(self) -> Optional[Columns]:
        return Columns(*self.keys)

    def __iter__(self) -> Iterator[Pair]:
        source, target = (self.frame[name] for name in self.own)
        for number, (one, other) in enumerate(zip(source, target), start=1):
            where = f"row {number}"
            yield Pair(text_of(one, where, self.keys[0]), text_of(other, where, self.keys[1]), where)


class SpooledPairs(Pairs):
    """What an iterator gives, kept in a temporary file."""

    def __init__(self, items: Any, columns: Columns, folder: Optional[Path]) -> None:
        super().__init__()
        self.name = "the data"
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the object)
        self.found = hashlib.blake2b(digest_size=16)
        for pair in ObjectPairs(items, columns):
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


def _from_mapping(values: Any, source: str, target: str, where: str) -> Pair:
    """The pair of two keys.

    Raises:
        UsageError: one is missing, or no text.
    """
    for key in (source, target):
        if key not in values:
            listed = ", ".join(map(repr, values))
            raise UsageError(f"{where}: no key {key!r}: it has {listed}: add it")
    return Pair(text_of(values[source], where, source), text_of(values[target], where, target), where)
