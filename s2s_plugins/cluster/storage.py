"""Where inputs lie and outputs go: folders of this machine, or whatever fsspec knows, as ``s3://BUCKET/FOLDER``."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path, PurePosixPath
from typing import IO, Any, Dict, Iterator, List, NamedTuple, Optional, Protocol, Sequence

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.extras import library
from s2s_plugins.locks import lock

WILDCARDS = "*?["
PARTIAL = ".partial-"  # in the name of a file that is being written


class File(NamedTuple):
    """A file that is there.

    Attributes:
        path: as its storage opens it.
        name: from the folder that was asked for, with slashes.
        size: bytes.
        version: another one after any change.
    """

    path: str
    name: str
    size: int
    version: str


class Storage(Protocol):
    """Files in one place. Paths are strings, as they were asked for."""

    def files(self, pattern: str, hidden: bool = False) -> List[File]:
        """The files of a folder and all folders in it, or those that a pattern matches, or the one of this name, in
        the order of their names. Of a folder those are left out whose name, or that of a folder on the way, begins with
        ``.`` or ``_``, unless they are ``hidden`` and wanted.

        Raises:
            UsageError: there is none.
        """

    def open(self, path: str) -> IO[bytes]:
        """A file to be read."""

    def read(self, path: str) -> Optional[bytes]:
        """All of a file; None if there is none."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

    def writing(self, path: str) -> "contextlib.AbstractContextManager[IO[bytes]]":
        """A file that appears whole when the block succeeds, in place of what was there, or not at all."""

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""

    def alone(self, folder: str) -> "contextlib.AbstractContextManager[None]":
        """Inside, no other process that asks for it has the folder, where this can be seen to.

        Raises:
            UsageError: another one has it.
        """

    def clean(self, folder: str) -> None:
        """Remove what killed processes left half-written below a folder."""


def storage_of(where: str) -> Storage:
    """The storage of a path or URL.

    Raises:
        UsageError: fsspec does not know its protocol.
        MissingExtra: fsspec is not installed, or what it needs.
    """
    protocol, mark, _ = where.partition("://")
    if not mark:
        return LocalStorage()
    if protocol == "file":
        raise UsageError(f"{where} is a folder of this machine: leave file:// out")
    fsspec = library("fsspec", f"{protocol}://")
    try:
        return RemoteStorage(fsspec.filesystem(protocol), f"{protocol}://")
    except ValueError:
        raise UsageError(f"{where}: fsspec knows no protocol {protocol!r}: use a folder, s3://, gs://, ..") from None
    except ImportError as error:
        raise UsageError(f"{where}: {error}") from None


def below(folder: str, name: str) -> str:
    """The path of what lies in a folder."""
    return f"{folder.rstrip('/')}/{name}"


class LocalStorage:
    """Folders of this machine, or that it sees as its own."""

    def files(self, pattern: str, hidden: bool = False) -> List[File]:
        root, found = Path(pattern), []
        if root.is_dir():
            found = list(_walked(root, hidden))
        elif root.is_file():
            root, found = root.parent, [root]
        elif any(mark in pattern for mark in WILDCARDS):
            root = _before_wildcards(root)
            inner = Path(pattern).relative_to(root)
            found = [path for path in root.glob(str(inner)) if PARTIAL not in path.name]
        elif root.exists():
            raise UsageError(f"--input {pattern} is no regular file: save it to one")
        return _in_order(pattern, [_local(path, root) for path in found if path.is_file()])

    def open(self, path: str) -> IO[bytes]:
        return open(path, "rb")

    def read(self, path: str) -> Optional[bytes]:
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return None

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        target = Path(path)
        if target.exists() and not target.is_file():
            raise UsageError(f"{path} is no regular file and would be replaced by one: name another --output")
        target.parent.mkdir(parents=True, exist_ok=True)
        # a name of its own: where a node was lost and came back, two processes may write the same output
        partial = target.with_name(f".{target.name}{PARTIAL}{uuid.uuid4().hex[:12]}")
        try:
            with open(partial, "wb") as stream:
                yield stream
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def alone(self, folder: str) -> "contextlib.AbstractContextManager[None]":
        return _locked(Path(os.path.realpath(folder)))

    def clean(self, folder: str) -> None:
        for path in Path(folder).rglob(f".*{PARTIAL}*"):
            path.unlink(missing_ok=True)


class RemoteStorage:
    """A file system of fsspec, in which a file appears when it is closed.

    Args:
        system: of fsspec.
        protocol: what its URLs begin with.
    """

    def __init__(self, system: Any, protocol: str) -> None:
        self.system, self.protocol = system, protocol

    def files(self, pattern: str, hidden: bool = False) -> List[File]:
        bare, is_pattern = self.system._strip_protocol(pattern), any(mark in pattern for mark in WILDCARDS)
        root = str(_before_wildcards(PurePosixPath(bare))) if is_pattern else bare
        found: Dict[str, Any] = {}
        self.system.invalidate_cache()  # other nodes write, too
        with contextlib.suppress(FileNotFoundError), _one_line(pattern):  # there is no such bucket
            found = (self.system.glob if is_pattern else self.system.find)(bare, detail=True)
        is_file = list(found) == [bare]
        if is_file:
            root = str(PurePosixPath(bare).parent)
        given = hidden or is_pattern or is_file
        files = [self._file(path, facts, root) for path, facts in found.items() if facts["type"] == "file"]
        shown = [one for one in files if given or not any(map(_is_hidden, one.name.split("/")))]
        return _in_order(pattern, shown)

    def _file(self, path: str, facts: Dict[str, Any], root: str) -> File:
        version = next((str(facts[key]) for key in ("ETag", "etag", "md5Hash", "mtime", "created") if key in facts), "")
        name = path[len(root.rstrip("/")) + 1 :] if root else path
        return File(self.protocol + path, name, int(facts["size"] or 0), version)

    def open(self, path: str) -> IO[bytes]:
        with _one_line(path):
            opened: IO[bytes] = self.system.open(path, "rb")
        return opened

    def read(self, path: str) -> Optional[bytes]:
        try:
            with _one_line(path):
                content: bytes = self.system.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def exists(self, path: str) -> bool:
        self.system.invalidate_cache()
        with _one_line(path):
            return bool(self.system.exists(path))

    def is_folder(self, path: str) -> bool:
        self.system.invalidate_cache()
        with _one_line(path):
            return bool(self.system.isdir(path))

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        with _one_line(path):
            stream = self.system.open(path, "wb", autocommit=False)
        try:
            yield stream
        except BaseException:
            if hasattr(stream, "discard"):
                stream.discard()
            raise
        with _one_line(path):
            stream.close()
            if hasattr(stream, "commit"):  # some appear when they are closed
                stream.commit()

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.system.rm_file(path)

    def alone(self, folder: str) -> "contextlib.AbstractContextManager[None]":
        """Nothing is done: object stores have no locks."""
        return contextlib.nullcontext()

    def clean(self, folder: str) -> None:
        """Nothing is there: what was not closed was never written."""


@contextlib.contextmanager
def _one_line(where: str) -> Iterator[None]:
    """Inside, what a file system says is an error of one line.

    Raises:
        WorkError: it is out of reach, or refuses.
        FileNotFoundError: something is not there.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # each of fsspec's systems has errors of its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise WorkError(f"{where}: {said}: check its address and your access to it") from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Inside, the folder is there and locked itself: the one above it may be closed to this user.

    Raises:
        UsageError: it is a file, or another process has it.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file: name a folder")
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":  # has no locks of folders
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock(descriptor, folder, "--output", patience=0)
        yield
    finally:
        os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):  # something was written
                folder.rmdir()


def _walked(root: Path, hidden: bool) -> Iterator[Path]:
    """The files of a folder and its folders; links are followed, each folder is read once.

    Raises:
        UsageError: a folder cannot be read, or a link leads nowhere.
    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"--input {root}: {error.filename} cannot be read ({error.strerror}): allow it, or move it")

    seen = set()
    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if hidden or not _is_hidden(name)]
        for name in names:
            path = Path(folder, name)
            if not hidden and _is_hidden(name):
                continue
            if path.is_symlink() and not path.exists():
                raise UsageError(f"--input {root}: {path} is a link to nothing: remove it")
            yield path


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _before_wildcards(path: Any) -> Any:
    """The folder below which a pattern can match."""
    parts = list(path.parts)
    first = next(place for place, part in enumerate(parts) if any(mark in part for mark in WILDCARDS))
    return type(path)(*parts[:first])


def _local(path: Path, root: Path) -> File:
    facts = path.stat()
    return File(str(path), path.relative_to(root).as_posix(), facts.st_size, str(facts.st_mtime_ns))


def _in_order(pattern: str, files: Sequence[File]) -> List[File]:
    if not files:
        raise UsageError(f"--input {pattern}: there is no file: name a folder of files, a file, or a pattern in quotes")
    return sorted(files, key=lambda file: file.name)
