"""Files that appear whole or not at all, and replace nothing but files."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Iterable, Iterator, Sequence, Tuple, Union

from s2s_plugins.errors import UsageError

Table = Tuple[Sequence[str], Iterable[Sequence[str]]]  # names of columns, and rows
# what ends a line or a column, for any program that reads a table
BREAKS = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")


@contextlib.contextmanager
def replacing(path: Union[str, "os.PathLike[str]"]) -> Iterator[Path]:
    """A temporary path in the same folder. It becomes ``path`` if the block succeeds; otherwise it is removed.

    If ``path`` is a symbolic link, the file that it points to is replaced.

    Raises:
        UsageError: ``path`` exists and is not a regular file, but a folder or ``/dev/stdout``.
        OSError: it cannot be written.
    """
    check_replaceable(path)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def check_replaceable(path: Union[str, "os.PathLike[str]"], flag: str = "") -> None:
    """Check that ``path`` is a regular file, or does not exist.

    Raises:
        UsageError: it is a folder, or something like ``/dev/stdout``; the message starts with ``flag``.
    """
    named = f"{flag} {path}".strip()
    if os.path.isdir(path):
        raise UsageError(f"{named} is a folder: name a file, as {os.path.join(path, 'FILE')}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"{named} is no regular file and would be replaced by one: name another")


def write_whole(path: Path, text: str) -> None:
    """Write a text file that appears whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def with_features(columns: Sequence[str], rows: Iterable[Sequence[str]], column: str = "source") -> Table:
    """A table whose sources may be ``TEXT<TAB>FEATURES``: then these have a column of their own behind the text's.

    Args:
        columns: their names.
        rows: their cells.
        column: the name of that of sources.
    """
    place, rows = list(columns).index(column), list(rows)
    if not rows or not all("\t" in row[place] for row in rows):
        return columns, rows
    names = [*columns[: place + 1], "features", *columns[place + 1 :]]
    return names, [[*row[:place], *row[place].split("\t", 1), *row[place + 1 :]] for row in rows]


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """TSV: a line for each row below a line of names; what would end a line or a column is a space."""
    lines = ["\t".join(columns), *("\t".join(BREAKS.sub(" ", cell) for cell in row) for row in rows)]
    return "\n".join(lines) + "\n"
