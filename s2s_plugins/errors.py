"""Errors that a user can cause or fix: one line, no traceback, and an exit code of the command."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import traceback
from types import FrameType
from typing import IO, Iterator, List, Optional, Union

PIPE = 13  # the number of SIGPIPE
_stopped: List[str] = []  # what Ctrl-C leaves behind, of the commands that run


class UsageError(ValueError):
    """A flag, file or combination that cannot work; the message has the value, the limit and the remedy.

    Inside a fairseq command it ends the command with that one line and exit code 2 (:mod:`s2s_plugins.compat`).
    """


class WorkError(RuntimeError):
    """Work that failed for a reason other than the command line; the message says where to look."""


def usage_error_behind(error: Optional[BaseException]) -> Optional[UsageError]:
    """``error`` if it is a usage error, or the one that it was raised from; None if there is none."""
    while error is not None and not isinstance(error, UsageError):
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return error


@contextlib.contextmanager
def one_line_errors(
    command: str, where: Optional[Union[str, "os.PathLike[str]"]] = None, stopped: str = "stopped"
) -> Iterator[None]:
    """End the command with one line on stderr if the block fails.

    Exit codes: 2 for a :class:`UsageError`; 1 for a :class:`WorkError`, for a file that cannot be read or written, and
    for too little memory; 130 for Ctrl-C; 141, without a line, if nobody reads the output any more. With
    S2S_TRACEBACK=1 in the environment the traceback is printed first.

    Args:
        command: name of the command, at the start of the line.
        where: the file to name if an ``OSError`` names none.
        stopped: the message after Ctrl-C: what is left behind.

    Raises:
        SystemExit: one of these errors was raised inside.
    """
    _stopped.append(f"{command}: {stopped}")
    try:
        output = standard_output()
        if isinstance(output, io.TextIOWrapper):  # UTF-8 like the input, whatever the locale
            output.reconfigure(encoding="utf-8")
        yield
        output.flush()
    except (UsageError, WorkError) as error:
        if os.environ.get("S2S_TRACEBACK"):
            traceback.print_exc()
        print(f"{command}: error: {error}", file=sys.stderr)
        code = 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError as error:
        code = 128 + PIPE
        if not _has_lost_its_reader():
            print(f"{command}: error: {error.strerror or error}", file=sys.stderr)
            code = 1
    except OSError as error:
        named = [str(name) for name in (error.filename or where,) if name is not None]
        print(": ".join([command, "error", *named, error.strerror or str(error)]), file=sys.stderr)
        code = 1
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print(f"{command}: error: out of memory: use smaller sizes, or less at a time", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print(f"\n{command}: {stopped}", file=sys.stderr)
        code = 130
    else:
        return
    finally:
        _stopped.pop()
    raise SystemExit(code)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python or PyTorch ran out of memory, on any device."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)


def _has_lost_its_reader() -> bool:
    """Whether nobody reads standard output any more, as behind ``s2s predict ... | head``; the rest is dropped then."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # it is no file
        return False
    if sys.platform != "win32":
        ends = select.poll()
        ends.register(descriptor, 0)  # that an end is lost is always told
        if not ends.poll(0):
            return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)  # Python flushes once more at its end
    os.close(nowhere)
    return True


def standard_output() -> IO[str]:
    """Standard output.

    Raises:
        UsageError: it is closed, and all output would be lost.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise UsageError("standard output is closed: direct it to a file, as in > out.txt")
    return sys.stdout


def standard_input() -> IO[bytes]:
    """Standard input, as bytes.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("standard input is closed: direct a file to it, as in < lines.txt")
    return sys.stdin.buffer


def interrupt(number: int, frame: Optional[FrameType]) -> None:
    """A handler of Ctrl-C for commands: during an import it ends the process with one line.

    An exception during an import shows as a traceback, or a library's error handling swallows it. At any other time
    the handler raises KeyboardInterrupt, like Python's own.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            name = os.path.basename(sys.argv[0])
            line = _stopped[-1] if _stopped else f"{'s2s' if name == '__main__.py' else name}: stopped"
            os.write(2, f"\n{line}\n".encode())
            os._exit(128 + number)
        frame = frame.f_back
    raise KeyboardInterrupt
