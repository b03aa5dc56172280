"""The errors that a user can cause or meet: one line, no traceback, and the command's exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Iterator, Optional, Union


class UsageError(ValueError):
    """A flag, file or combination that cannot work; the message says the value, the limit and the remedy.

    Raised inside a fairseq command it ends the command with that one line and exit code 2 (``compat``).
    """


class WorkError(RuntimeError):
    """Work that could not be done, through no fault of the command line; the message says where to look."""


def usage_error_behind(error: Optional[BaseException]) -> Optional[UsageError]:
    """The usage error that ``error`` is or was raised from; None if there is none."""
    while error is not None and not isinstance(error, UsageError):
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return error


@contextlib.contextmanager
def one_line_errors(
    command: str, where: Optional[Union[str, os.PathLike]] = None, stopped: str = "stopped"
) -> Iterator[None]:
    """What goes wrong inside ends the command with one line on stderr.

    Exit codes: 2 for a :class:`UsageError`, 1 for a :class:`WorkError` and for a file that cannot be read or written,
    130 for Ctrl-C.

    Args:
        command: its name, at the start of the line.
        where: the file named when an ``OSError`` names none.
        stopped: what Ctrl-C leaves behind.

    Raises:
        SystemExit: one of these was raised inside.
    """
    try:
        yield
    except (UsageError, WorkError) as error:
        print(f"{command}: error: {error}", file=sys.stderr)
        code = 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        named = [str(name) for name in (error.filename or where,) if name is not None]
        print(": ".join([command, "error", *named, error.strerror or str(error)]), file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print(f"\n{command}: {stopped}", file=sys.stderr)
        code = 130
    else:
        return
    raise SystemExit(code)
