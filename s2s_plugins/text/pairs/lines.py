"""The lines of a text file, whatever it was compressed with; bytes that are not UTF-8 become lone surrogates."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from pathlib import Path
from typing import IO, Callable, Dict, Iterator, Tuple, Union, cast

from s2s_plugins.errors import UsageError

AnyPath = Union[str, "os.PathLike[str]"]
OPENERS: Dict[str, Callable[[AnyPath], IO[bytes]]] = {
    ".gz": lambda path: cast(IO[bytes], gzip.open(path)),
    ".bz2": lambda path: bz2.open(path),
    ".xz": lambda path: lzma.open(path),
}
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def form_of(path: AnyPath) -> str:
    """The suffix that says what a file holds: ``.tsv`` of ``words.tsv.gz``."""
    plain = Path(path)
    if plain.suffix.lower() in OPENERS:
        plain = plain.with_suffix("")
    return plain.suffix.lower()


def numbered_lines(path: AnyPath) -> Iterator[Tuple[int, str]]:
    """Number and text of each line, without its end.

    Raises:
        UsageError: the file cannot be read, is damaged, is empty, or is UTF-16.
    """
    number = 0
    try:
        if not os.path.isdir(path) and not os.path.isfile(path) and os.path.exists(path):
            raise UsageError(f"{path} is no regular file, and it is read several times: save it to one")
        with OPENERS.get(Path(path).suffix.lower(), lambda name: open(name, "rb"))(path) as stream:
            for number, line in enumerate(stream, start=1):
                if number == 1:
                    line = _first(line, path)
                yield number, line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path}, after line {number}: damaged: {error}: compress it again") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}: name a file that can be read") from None
    if number == 0:
        raise UsageError(f"{path}: the file is empty: put a pair in each line")


def _first(line: bytes, path: AnyPath) -> bytes:
    """The first line without its byte order mark.

    Raises:
        UsageError: it is UTF-16, or not text.
    """
    if line.startswith(UTF_16) or b"\0" in line:
        what = "is UTF-16" if line.startswith(UTF_16) or line.count(b"\0") >= len(line) // 3 else "is not text"
        raise UsageError(f"{path}, line 1: the file {what}: convert it, as with iconv -f UTF-16 -t UTF-8")
    return line[len(BOM) :] if line.startswith(BOM) else line


def digest(path: AnyPath) -> str:
    """A checksum of a file.

    Raises:
        UsageError: it cannot be read.
    """
    found = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while part := file.read(2**20):
                found.update(part)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be read") from None
    return found.hexdigest()
