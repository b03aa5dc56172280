"""Repairs to fairseq's commands: flags, messages, ``--user-dir``."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from typing import Optional, Tuple

from fairseq import utils

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError, WorkError, is_out_of_memory, usage_error_behind

PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

HYDRA_DEPRECATIONS = (
    r"hydra\.experimental\.(initialize|compose)\(\) is no longer experimental",
    r"\s*The version_base parameter is not specified",
    r"In 'config': Usage of deprecated keyword in package header",
    r"\s*'config' is validated against ConfigStore schema with the same name",
    r"\s*The strict flag in the compose API is deprecated",
)


def _is_flag_check_of_fairseq(error: BaseException) -> bool:
    """Whether ``error`` is an assertion with a message in fairseq's commands themselves: their checks of flags."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__", "") if traceback is not None else ""
    return isinstance(error, AssertionError) and bool(str(error)) and module.startswith("fairseq_cli.")


def show_errors_in_one_line() -> None:
    """End a command with one line where a user can do something about it, in place of a traceback.

    Exit codes: 2 for a :class:`UsageError` and for fairseq's own checks of flags, 1 for a :class:`WorkError` and, in
    fairseq's commands, for a file that cannot be read or written, 130 for Ctrl-C there. fairseq lets every exception
    out as a traceback with exit code 1, so that a mistyped folder looks like a bug. Exceptions of any other kind are
    shown as before, and all with S2S_TRACEBACK=1.
    """
    previous = sys.excepthook

    def show(kind, error, traceback):
        code, message = _in_one_line(error)
        if code is None or os.environ.get("S2S_TRACEBACK"):
            previous(kind, error, traceback)
        if code is not None:
            print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
            if isinstance(error, KeyboardInterrupt):
                _end_now(code)
            raise SystemExit(code)

    sys.excepthook = show


def _end_now(code: int) -> None:
    """End the process without Python's finalization, which fairseq's running threads for data would abort."""
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code)


def _in_one_line(error: BaseException) -> Tuple[Optional[int], str]:
    """Exit code and message; no code for an error of a kind that is shown as it is."""
    usage = error if _is_flag_check_of_fairseq(error) else usage_error_behind(error)
    if usage is not None:
        return 2, f"error: {usage}" if usage is error else f"error: {error} ({usage})"
    if isinstance(error, WorkError):
        return 1, f"error: {error}"
    if not os.path.basename(sys.argv[0]).startswith("fairseq-"):
        return None, ""
    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted; re-run the command to resume"
    if isinstance(error, OSError):
        named = [str(name) for name in (error.filename,) if name is not None]
        return 1, ": ".join(["error", *named, error.strerror or str(error)])
    if isinstance(error, UnicodeDecodeError):
        return 2, "error: the input is not UTF-8 text: convert it, as with iconv -t utf-8"
    if is_out_of_memory(error):
        return 1, "error: out of memory: use smaller sizes, or a smaller --max-tokens or --batch-size"
    return None, ""


def quieten_hydra() -> None:
    """Hide hydra's deprecation warnings about the way in which fairseq uses it.

    Every command shows five warnings in sixteen lines, about which a user can do nothing.
    """
    for message in HYDRA_DEPRECATIONS:
        warnings.filterwarnings("ignore", message=message, category=UserWarning)


def accept_the_imported_user_dir() -> None:
    """Accept a ``--user-dir`` that names this package after it was imported, by any path.

    fairseq compares paths as they are written: a symbolic link, or the installed package beside a clone, ends in "not
    globally unique" or, under another name, in "duplicate architecture".
    """

    @wrap(utils, "import_user_module")
    def import_user_module(original, args):
        user_dir = getattr(args, "user_dir", None)
        if user_dir is None:
            return original(args)
        folder = os.path.realpath(user_dir)
        if folder == PACKAGE_FOLDER:
            return None
        if os.path.isfile(folder):
            raise UsageError(f"--user-dir {user_dir} is a file: name a plugin's folder, as {PACKAGE_FOLDER}")
        if os.path.basename(folder) == os.path.basename(PACKAGE_FOLDER):
            raise UsageError(
                f"--user-dir {folder} is a second copy of the package that is imported from {PACKAGE_FOLDER}: "
                f"use --user-dir {PACKAGE_FOLDER}, or take that one off PYTHONPATH"
            )
        try:
            return original(args)
        except FileNotFoundError as error:
            if error.filename is not None:  # a file that the plugin looks for
                raise
            raise UsageError(f"--user-dir {user_dir} does not exist: name a plugin's, as {PACKAGE_FOLDER}") from None
