"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Iterator, Optional

from s2s_plugins.errors import UsageError

if sys.platform != "win32":
    import fcntl

SECONDS_TO_END = 10  # for a stopped run to end: the data loaders check every 5 s whether their training still runs


def lock(descriptor: int, folder: Path, flag: str = "--out", patience: Optional[float] = None) -> None:
    """Lock ``folder`` through its open file ``.lock``, until every process that has the file open closes it or ends.

    Args:
        descriptor: file descriptor of ``.lock``.
        folder: the folder, for the message.
        flag: the flag that names the folder, for the message.
        patience: seconds to wait for a process that is about to end; by default :data:`SECONDS_TO_END`.

    Raises:
        UsageError: another process holds the lock.
    """
    if sys.platform == "win32":  # where there is no flock: as on a file system without locks
        return None
    until = time.monotonic() + (SECONDS_TO_END if patience is None else patience)
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                remedy = f"wait until it ends, or choose another {flag}"
                raise UsageError(f"another run is using {folder}: {remedy}") from None
            time.sleep(0.1)
        except OSError:  # a file system without locks
            return None


@contextlib.contextmanager
def alone(destination: Path, flag: str) -> Iterator[None]:
    """Inside, no other process has ``destination``; the lock file stands beside it, since it may be renamed.

    Raises:
        UsageError: another process has it.
    """
    path = destination.with_name(f".{destination.name}.lock")
    while True:
        with path.open("w", encoding="utf-8") as file:
            lock(file.fileno(), destination, flag, patience=0)
            if not _is_open_file(path, file.fileno()):
                continue  # the process that had the lock has removed the file after it was opened here
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_open_file(path: Path, descriptor: int) -> bool:
    """Whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
