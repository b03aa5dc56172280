"""Labelled and unlabelled texts from whatever a user has them in."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator as AnIterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.documents import Document, Left, read_labelled, read_unlabelled
from s2s_plugins.text.pairs.kinds import names_in
from s2s_plugins.text.pairs.lines import digest
from s2s_plugins.text.pairs.pair import Columns, Pair, Pairs
from s2s_plugins.text.pairs.pair import Left as LeftPairs
from s2s_plugins.text.pairs.sources import is_path, read_pairs

TEXT, LABEL = "text", "label"  # the usual names of the two columns


def read_texts(data: Any, columns: Columns, spool: Optional[Path] = None) -> Pairs:
    """Texts and their labels, as pairs of source and target.

    Args:
        data: a folder with a folder of files for each class, or what
            :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes.
        columns: of text and label; by default those called ``text`` and ``label``, or the only two.
        spool: folder for what an iterator gives.

    Raises:
        UsageError: it cannot be read, or has other columns.
    """
    if isinstance(data, Pairs):
        return data
    if is_path(data) and os.path.isdir(data):
        return FolderPairs(data)
    if isinstance(data, AnIterator):
        data, columns = _peeked(data, columns)
    else:
        columns = _with_usual(columns, names_in(data))
    try:
        return read_pairs(data, columns, spool)
    except UsageError as error:
        raise UsageError(str(error).replace("--source", "--text").replace("--target", "--label")) from None


def _with_usual(columns: Columns, names: Sequence[str]) -> Columns:
    """The columns, those that were not named by their usual names where both are there."""
    found = {name.strip().lower(): name for name in names}
    text, label = columns.source or found.get(TEXT), columns.target or found.get(LABEL)
    return columns if text is None or label is None or text == label else Columns(text, label)


def _peeked(data: Iterator[Any], columns: Columns) -> Tuple[Iterator[Any], Columns]:
    """An iterator whose first item was looked at."""
    first = next(data, None)
    if first is None:
        return data, columns
    return itertools.chain([first], data), _with_usual(columns, list(first) if isinstance(first, Mapping) else [])


class FolderPairs(Pairs):
    """The files of a folder with a folder for each class."""

    def __init__(self, path: Any) -> None:
        super().__init__()
        self.path, self.name = os.fspath(path), str(path)
        self.notes.append(f"{path}: a folder, each folder in it is a class and each file in that a text")

    def __iter__(self) -> Iterator[Pair]:
        read = Left()
        for document in read_labelled(self.path, left=read):
            yield Pair(document.text, document.label, document.where)
        left = LeftPairs()
        for (_, reason), places in read.places.items():
            for place in places:
                left.add(reason, place)
        self.left = left

    def fingerprint(self) -> str:
        return _of_files(self.path)


def _of_files(folder: str) -> str:
    """A checksum of all files below a folder, and of their names."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        found.update(f"{file}\0{digest(file)}\0".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


class Unlabelled:
    """Further text, to be read as often as needed.

    Args:
        data: paths, as :func:`~s2s_plugins.text.documents.read_unlabelled` takes them, or texts: a text that is the
            path of an existing file is taken for the path.
        column: of the text, in tables; None: ``text``.

    Raises:
        UsageError: an iterator, which can be read only once.
    """

    def __init__(self, data: Any, column: Optional[str] = None) -> None:
        if isinstance(data, AnIterator):
            raise UsageError("the unlabelled text is an iterator, which can be read only once: give a list, or files")
        self.items: Iterable[Any] = [data] if is_path(data) else data
        self.column = column or "text"
        self.left = Left()

    def __iter__(self) -> Iterator[Document]:
        for number, item in enumerate(self.items, start=1):
            if self._is_file(item):
                yield from read_unlabelled(os.fspath(item), self.column, self.left)
            elif isinstance(item, str):
                yield Document(item, "", f"unlabelled text {number}")
            else:
                raise UsageError(f"unlabelled text {number} is a {type(item).__name__}: give texts, or paths of files")

    def __bool__(self) -> bool:
        return next(iter(self.items), None) is not None

    def fingerprint(self) -> List[str]:
        """Checksums of the content."""
        found, texts = [], hashlib.blake2b(digest_size=16)
        for item in self.items:
            if self._is_file(item):
                found.append(_of_files(os.fspath(item)) if os.path.isdir(item) else digest(item))
            else:
                texts.update(str(item).encode("utf-8", "surrogatepass") + b"\0")
        return [*found, texts.hexdigest()]

    @staticmethod
    def _is_file(item: object) -> bool:
        if isinstance(item, str):
            return len(item) < 4096 and "\n" not in item and os.path.exists(item)
        return isinstance(item, os.PathLike)
