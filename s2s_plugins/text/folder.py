"""A folder of prepared data that appears whole or not at all, made by one process at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Iterator

from s2s_plugins.errors import UsageError
from s2s_plugins.steps import lock

PARTS = {"new", "earlier"}


@contextlib.contextmanager
def prepared_folder(dest: str) -> Iterator[Path]:
    """An empty folder that becomes ``dest`` if the block ends well; what stood there is replaced in that moment.

    It is filled beside ``dest``, as ``DEST.partial/new``. What a killed process has left there is removed, and data
    that was on its way out of ``dest`` is put back.

    Raises:
        UsageError: ``dest``, or the folder beside it, holds what is not of this command, or another process fills it.
    """
    destination = Path(os.path.realpath(dest))  # a name for ".", and a link stays one
    partial = destination.with_name(destination.name + ".partial")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _alone(destination):
        _recover(destination, partial)
        _refuse_other_things(dest, destination)
        new, earlier = partial / "new", partial / "earlier"
        try:
            new.mkdir(parents=True)
            yield new
            if destination.exists():
                os.replace(destination, earlier)
            os.replace(new, destination)
        finally:
            _recover(destination, partial)


@contextlib.contextmanager
def _alone(destination: Path) -> Iterator[None]:
    """Nobody else is in such a block for the same ``destination``; the lock stands beside it, since it is renamed."""
    path = destination.with_name(f".{destination.name}.lock")
    while True:
        with path.open("w", encoding="utf-8") as file:
            lock(file.fileno(), destination, "--dest", patience=0)
            if not _is_open_file(path, file.fileno()):
                continue  # whoever had the lock has removed the file since it was opened
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_open_file(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _recover(destination: Path, partial: Path) -> None:
    """Put back what was moved out of ``destination`` if nothing took its place, and remove the rest of ``partial``.

    Raises:
        UsageError: there are other things in ``partial``.
    """
    if not os.path.lexists(partial):
        return
    if not partial.is_dir() or not {entry.name for entry in partial.iterdir()} <= PARTS:
        raise UsageError(f"{partial} is in the way: move it, or remove it")
    if (partial / "earlier").is_dir() and not os.path.lexists(destination):
        os.replace(partial / "earlier", destination)
    shutil.rmtree(partial, ignore_errors=True)


def _refuse_other_things(dest: str, destination: Path) -> None:
    """See that ``destination`` is new, empty, or what this command wrote: a folder of these names can be a user's.

    Raises:
        UsageError: it is not.
    """
    if destination.is_dir():
        there = {entry.name for entry in destination.iterdir()}
        strange = sorted(there - {"pretrain", "classify"})
        strange += sorted(name for name in there if not (destination / name / "tokens.json").is_file())
        if strange:
            raise UsageError(f"--dest {dest} holds other things ({strange[0]}): name a new folder")
    elif destination.exists():
        raise UsageError(f"--dest {dest} is a file: name a new folder")
