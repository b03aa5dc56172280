"""Running the scripts of the examples as a user does, and in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from conftest import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


def environment() -> dict:
    """No environment's commands on PATH, as where nobody activated it; one thread."""
    return {**os.environ, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}


def run(
    example: str, *arguments: object, cwd: Optional[Path] = None, stop_at: Optional[str] = None, script: str = "run.py"
) -> Tuple[int, str, str]:
    """A script of an example as a process; with ``stop_at`` it gets SIGTERM when it prints that.

    Returns:
        The exit code, stdout and stderr.
    """
    command = [sys.executable, str(EXAMPLES / example / script), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=cwd, env=environment(), **pipes) as process:
        out = ""
        for line in process.stdout if stop_at is not None else ():
            out += line
            if stop_at in line:
                process.send_signal(signal.SIGTERM)
                break
        rest, err = process.communicate(timeout=400)
    return process.returncode, out + rest, err


def code_of(main: Callable[[], int]) -> int:
    """The exit code of a ``main`` that is called in this process."""
    try:
        return main()
    except SystemExit as stop:
        return stop.code


def inside(capsys, main: Callable[[List[str]], int], *arguments: object) -> Tuple[int, str, str]:
    """A ``main`` in this process, without the seconds that a process of its own takes to start.

    Returns:
        The exit code, stdout and stderr.
    """
    capsys.readouterr()
    code = code_of(lambda: main(list(map(str, arguments))))
    return (code, *capsys.readouterr())
