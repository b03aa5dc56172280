"""A folder of prepared data that appears whole or not at all, made by one process at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Callable, Iterator, Optional

from s2s_plugins.errors import UsageError
from s2s_plugins.locks import alone

PARTS = {"new", "earlier"}


def strange_to_text(destination: Path) -> Optional[str]:
    """What a folder holds that ``s2s prepare`` did not write from text; None: nothing."""
    there = {entry.name for entry in destination.iterdir()}
    strange = sorted(there - {"pretrain", "classify"})
    strange += sorted(name for name in there if not (destination / name / "tokens.json").is_file())
    return strange[0] if strange else None


@contextlib.contextmanager
def prepared_folder(
    dest: str, strange: Callable[[Path], Optional[str]] = strange_to_text, flag: str = "--dest"
) -> Iterator[Path]:
    """An empty folder that replaces ``dest`` if the block succeeds.

    It is ``DEST.partial/new``, beside ``dest``. The remains of a killed process are removed, and data that it had
    moved out of ``dest`` is put back.

    Args:
        dest: the folder.
        strange: what a folder holds that the command does not write: users have folders of these names too.
        flag: that names the folder, for messages.

    Raises:
        UsageError: ``dest`` or the folder beside it contains other things, or another process fills it.
    """
    destination = Path(os.path.realpath(dest))  # "." needs a name, and a link has to stay one
    partial = destination.with_name(destination.name + ".partial")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with alone(destination, flag):
        _recover(destination, partial)
        _refuse_other_things(f"{flag} {dest}", destination, strange)
        new, earlier = partial / "new", partial / "earlier"
        try:
            new.mkdir(parents=True)
            yield new
            if destination.exists():
                os.replace(destination, earlier)
            os.replace(new, destination)
        finally:
            _recover(destination, partial)


def _recover(destination: Path, partial: Path) -> None:
    """Put back what was moved out of ``destination`` unless it was replaced, and remove the rest of ``partial``.

    Raises:
        UsageError: ``partial`` contains other things.
    """
    if not os.path.lexists(partial):
        return
    if not partial.is_dir() or not {entry.name for entry in partial.iterdir()} <= PARTS:
        raise UsageError(f"{partial} is in the way: move it, or remove it")
    if (partial / "earlier").is_dir() and not os.path.lexists(destination):
        os.replace(partial / "earlier", destination)
    shutil.rmtree(partial, ignore_errors=True)


def _refuse_other_things(named: str, destination: Path, strange: Callable[[Path], Optional[str]]) -> None:
    """Check that ``destination`` is new, empty, or written by this command.

    Raises:
        UsageError: it contains other things.
    """
    if destination.is_dir():
        found = strange(destination)
        if found is not None:
            raise UsageError(f"{named} holds other things ({found}): name a new folder")
    elif destination.exists():
        raise UsageError(f"{named} is a file: name a new folder")
