"""What every ``run.py`` does with its steps: list them, or run those that are not done, and report."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence

import s2s_plugins
from common.recipe import Flags, words
from s2s_plugins.errors import one_line_errors
from s2s_plugins.steps import Figures, Runner, Step, no_figures

EXAMPLES = Path(__file__).resolve().parents[1]
USER_DIR = ["--user-dir", str(Path(s2s_plugins.__file__).resolve().parent)]
STOPPED = "stopped; re-run the command to resume"


def nothing(runner: Runner, step: Step) -> None:
    """Reports nothing after a step."""


@dataclass(frozen=True)
class Work:
    """What an example does.

    Args:
        steps: in order, each after those that it needs.
        report: writes the results so far, and returns what is printed at the end.
        after: called after each step that ran now.
        figures: what is kept of a finished step, see :class:`s2s_plugins.steps.Runner`.
    """

    steps: Sequence[Step]
    report: Callable[[Runner], str]
    after: Callable[[Runner, Step], object] = nothing
    figures: Figures = no_figures


def parser(description: Optional[str], out: str) -> argparse.ArgumentParser:
    """The arguments that every ``run.py`` takes.

    Args:
        description: of the example.
        out: the default of ``--out``, as the help text says it.
    """
    result = argparse.ArgumentParser(
        prog="run.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--out", metavar="DIR", help=f"where everything goes (default: {out})")
    result.add_argument("--demo", action="store_true", help="small sizes and few updates: a quick check")
    result.add_argument("--list", action="store_true", help="print the commands and which are done; run nothing")
    result.add_argument("--redo", action="store_true", help="rerun what was made with other settings")
    return result


def run(args: argparse.Namespace, out: Path, make: Callable[[], Work]) -> int:
    """List or do the work; errors are one line.

    Args:
        args: of :func:`parser`.
        out: where everything goes.
        make: the work; it may raise ``UsageError``.

    Returns:
        The exit code 0.

    Raises:
        SystemExit: something went wrong, see :func:`s2s_plugins.errors.one_line_errors`.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    with one_line_errors("run.py", out, STOPPED):
        work = make()
        runner = Runner(out, args.redo, work.figures)
        if args.list:
            print("\n".join(listing(work.steps, runner)))
        else:
            runner.run(work.steps, after=lambda step: work.after(runner, step))
            print(f"\n{work.report(runner)}")
    return 0


def listing(steps: Sequence[Step], runner: Runner) -> Iterator[str]:
    """Each step with its status, and the command that does it, as a shell takes it."""
    for step in steps:
        yield f"# {step.name}: {runner.status(step)}"
        if step.command:
            source = f" < {shlex.quote(str(step.input))}" if step.input else ""
            output = f" > {shlex.quote(str(step.output))}" if step.output else ""
            yield shlex.join(step.command) + source + output


def prepare_step(example: str, folder: Path, flags: Flags, cache: Optional[Path] = None, name: str = "prepare") -> Step:
    """The step that runs ``prepare.py`` of an example.

    Args:
        example: its folder's name.
        folder: where the data goes; what was downloaded there stays, even if the rest is made again.
        flags: for ``prepare.py``.
        cache: where downloads are kept; None: below ``folder``.
        name: of the step.
    """
    command = [sys.executable, str(EXAMPLES / example / "prepare.py"), "--out", str(folder), *words(flags)]
    command += ["--cache", str(cache)] if cache else []
    return Step(name, "prepare", folder, {"example": example, "flags": flags}, command, keeps=True)


def train_command(data: Path, save_dir: Path, *flags: Flags) -> List[str]:
    """fairseq-train on a folder of binarised data, without a checkpoint for each epoch."""
    command = ["fairseq-train", str(data), *USER_DIR, "--save-dir", str(save_dir)]
    command += [word for part in flags for word in words(part)]
    return [*command, "--no-epoch-checkpoints", "--log-format", "json"]
