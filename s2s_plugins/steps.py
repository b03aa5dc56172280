"""Long work in steps: each step runs once, reports its progress, and resumes after an interruption.

A step has a state file, ``state/STEP.json``, with the settings that it ran with, and a log, ``logs/STEP.log``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Callable, ContextManager, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.files import replacing, write_whole
from s2s_plugins.locks import lock

DONE, STARTED, OTHER, TO_DO = "done", "interrupted", "made with other settings", "to do"
SECONDS_BETWEEN_LINES = 15


class StepError(WorkError):
    """A step failed; the message names its log."""


@dataclass(frozen=True)
class Step:
    """A piece of work that is done once.

    Args:
        name: name of the step, its log and its state file.
        kind: category of the step, such as ``"train"`` or ``"decode"``, for code that filters steps.
        folder: the folder that the step writes to; None: its only output is the log.
        settings: everything that the result depends on, including the settings of the steps before it.
        command: the command to run.
        action: a function to call instead of a command.
        limits: ``--max-update`` and ``--max-epoch`` of a training, for the progress report.
        resumes: a second start continues from the files in ``folder``; otherwise the folder is emptied first.
        keeps: never remove anything from ``folder``.
        leftovers: patterns of files in ``folder`` to remove once the step is done.
        output: file for the command's standard output; None: it goes to the log, like standard error.
        input: file for the command's standard input.
        makes: files that the step leaves: without one of them it is not done.
    """

    name: str
    kind: str
    folder: Optional[Path]
    settings: dict
    command: Sequence[str] = ()
    action: Optional[Callable[[], object]] = None
    limits: Dict[str, float] = field(default_factory=dict)
    resumes: bool = True
    keeps: bool = False
    leftovers: Sequence[str] = ()
    output: Optional[Path] = None
    input: Optional[Path] = None
    makes: Sequence[Path] = ()

    @property
    def required_folder(self) -> Path:
        """``folder``, for a step that must have one.

        Raises:
            ValueError: the step has no folder.
        """
        if self.folder is None:
            raise ValueError(f"step {self.name} has no folder")
        return self.folder

    @property
    def required_output(self) -> Path:
        """``output``, for a step that must have one.

        Raises:
            ValueError: the step has no output file.
        """
        if self.output is None:
            raise ValueError(f"step {self.name} has no output file")
        return self.output


Figures = Callable[[Step, Path], Mapping[str, object]]  # of a finished step and its log


def no_figures(step: Step, log: Path) -> Dict[str, object]:
    """Store no figures."""
    return {}


class Runner:
    """Runs steps, and records which are done.

    Args:
        out: folder of ``state`` and ``logs``.
        redo: rerun steps that were done with other settings, instead of raising an error.
        figures: reads results of a finished step, for example from its log, to be stored in its state file; it may
            raise :class:`StepError`.
        quiet: print nothing about the steps; what they print themselves is not affected.
    """

    def __init__(self, out: Path, redo: bool = False, figures: Figures = no_figures, quiet: bool = False) -> None:
        self.out = out
        self.redo = redo
        self.figures = figures
        self.quiet = quiet
        self._lock: Optional[IO[str]] = None

    def log(self, step: Step) -> Path:
        """The path of a step's log."""
        return self.out / "logs" / f"{step.name}.log"

    def _state(self, step: Step) -> Path:
        return self.out / "state" / f"{step.name}.json"

    def read(self, step: Step) -> dict:
        """The state file: ``settings``, ``done``, ``seconds`` and the step's figures; empty if missing or damaged."""
        try:
            state = json.loads(self._state(step).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        whole = isinstance(state, dict) and isinstance(state.get("settings"), dict) and "done" in state
        return state if whole and isinstance(state.get("seconds", 0.0), (int, float)) else {}

    def write(self, step: Step, state: dict) -> None:
        """Replace the state file."""
        write_whole(self._state(step), json.dumps(state, indent=1) + "\n")

    def status(self, step: Step) -> str:
        """One of ``DONE``, ``STARTED``, ``OTHER``, ``TO_DO``."""
        state = self.read(step)
        if not state:
            return TO_DO
        if state["settings"] != json.loads(json.dumps(step.settings)):
            return OTHER
        return DONE if state["done"] and all(path.exists() for path in step.makes) else STARTED

    def run(self, steps: Sequence[Step], after: Callable[[Step], object] = lambda step: None) -> None:
        """Run the steps that are not done yet.

        Args:
            steps: the steps in order, each after the steps that it needs.
            after: called after each step that ran, for example to write intermediate results.

        Raises:
            UsageError: a step was done with other settings and ``redo`` is off, or another run is using the same
                folder.
            StepError: a step failed.
        """
        with exclusive(self.out) as self._lock:
            self._run(steps, after)

    def _run(self, steps: Sequence[Step], after: Callable[[Step], object]) -> None:
        if not self.redo:
            for step in steps:
                if self.status(step) == OTHER:
                    raise UsageError(
                        f"{self.out} has {step.name} with other settings ({difference(self.read(step), step)}): choose "
                        "another --out, or redo it and what depends on it with --redo"
                    )
        began = time.monotonic()
        for number, step in enumerate(steps, start=1):
            head = f"[{time.strftime('%H:%M:%S')}] step {number} of {len(steps)}: {step.name}"
            status = self.status(step)
            if status == DONE:
                self._say(f"{head}: done before")
                continue
            if status == OTHER or not step.resumes:
                self._clear(step)
            self._do(step, f"{head}{', resumed' if status == STARTED and step.resumes else ''}")
            after(step)
        self._say(f"[{time.strftime('%H:%M:%S')}] all steps done, {clock(time.monotonic() - began)} in this run")

    def _say(self, line: str) -> None:
        if not self.quiet:
            print(line, flush=True)

    def _clear(self, step: Step) -> None:
        """Remove the output, log and state of a step."""
        if step.folder is not None and not step.keeps:
            shutil.rmtree(step.folder, ignore_errors=True)
        for path in (self.log(step), self._state(step)):
            path.unlink(missing_ok=True)

    def _do(self, step: Step, heading: str) -> None:
        earlier = self.read(step)
        state = {"settings": step.settings, "done": False, "seconds": earlier.get("seconds", 0.0)}
        self.write(step, state)
        self._say(heading)
        before, began = state["seconds"], time.monotonic()
        try:
            if step.action is not None:
                step.action()
            elif step.command:
                self._command(step, state, before)
        except UsageError:
            if not earlier:  # nothing was made with these settings: the corrected ones are not others
                self._state(step).unlink(missing_ok=True)
            raise
        finally:
            state["seconds"] = round(before + time.monotonic() - began, 1)
            if self._state(step).exists():
                self.write(step, state)
        state.update(self.figures(step, self.log(step)))
        state["done"] = True
        self.write(step, state)
        for path in [path for name in step.leftovers for path in step.required_folder.glob(name)]:
            path.unlink()

    def _command(self, step: Step, state: dict, before: float) -> None:
        """Run a step's command: its output goes to the log, its progress to the screen."""
        command = [executable(step.command[0]), *step.command[1:]]
        (log := self.log(step)).parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        last: List[str] = []

        def kept(lines: Iterable[str]) -> Iterator[str]:
            for line in lines:
                file.write(line)
                file.flush()
                last[:] = [line] if line.strip() else last
                yield line

        def timed(shown: Iterator[None]) -> None:
            for _ in shown:  # so that a killed run loses no more time than this
                self.write(step, {**state, "seconds": round(before + time.monotonic() - began, 1)})

        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n")
            file.flush()
            with standard_output(step.output) as output, standard_input(step.input) as source:
                with held_signals() as release, self._start(command, source, output) as process:
                    try:
                        release()
                        lines = process.stdout if output is None else process.stderr
                        timed(show(statistics(kept(lines or ())), step.limits))
                    except BaseException:
                        process.terminate()
                        raise
                if process.returncode != 0:
                    why = last[-1].strip()[:300] if last else "it printed nothing"
                    raise StepError(f"{step.name} stopped with exit code {process.returncode}: {why}; see {log}")

    def _start(
        self, command: Sequence[str], source: Optional[IO[bytes]], output: Optional[IO[str]]
    ) -> "subprocess.Popen[str]":
        """Start ``command`` with a pipe for standard output, or for standard error if ``output`` takes the former."""
        return subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.STDOUT if output is None else subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # else the lines, and with them the progress, arrive late
            # a command that outlives this process still holds the lock
            pass_fds=() if self._lock is None else (self._lock.fileno(),),
        )


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[IO[str]]:
    """Hold the lock of a folder, which is made if it does not exist: see :func:`lock`.

    Yields:
        The open lock file.

    Raises:
        UsageError: ``folder`` is a file, or another process holds the lock.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as file:
        lock(file.fileno(), folder)
        yield file


@contextlib.contextmanager
def held_signals() -> Iterator[Callable[[], None]]:
    """Delay Ctrl-C and SIGTERM until the yielded function is called or the block ends.

    A signal that arrives while a process is being started would otherwise leave that process running, with nothing to
    end it.
    """
    caught: List[Tuple[int, Optional[FrameType]]] = []
    before: Dict[int, Callable[[int, Optional[FrameType]], object]] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):  # else the default action or none, which raises no exception
            before[number] = handler
            signal.signal(number, lambda *call: caught.append(call))

    def release() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            call = caught.pop()
            before[call[0]](*call)

    try:
        yield release
    finally:
        release()


def standard_input(path: Optional[Path]) -> ContextManager[Optional[IO[bytes]]]:
    """The open file; None for None: the command inherits standard input."""
    return contextlib.nullcontext() if path is None else path.open("rb")


@contextlib.contextmanager
def standard_output(path: Optional[Path]) -> Iterator[Optional[IO[str]]]:
    """An open file for a command's standard output, which replaces ``path`` if the block succeeds; None for None."""
    if path is None:
        yield None
        return
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        yield file


def statistics(lines: Iterable[str]) -> Iterator[dict]:
    """The progress statistics in the lines of a training's log (``--log-format json``)."""
    for line in lines:
        if "| train_inner |" in line:
            yield from json_objects([line])


def json_objects(lines: Iterable[str]) -> Iterator[dict]:
    """The JSON objects at the ends of fairseq's log lines."""
    for line in lines:
        start = line.find("| {")
        if start >= 0:
            try:
                yield json.loads(line[start + 2 :])
            except ValueError:
                continue


def show(entries: Iterator[dict], limits: Dict[str, float]) -> Iterator[None]:
    """Print the progress of a training, with an upper limit of the time left, every few seconds; yield at each line."""
    terminal = sys.stdout.isatty()
    began, first, shown = time.monotonic(), None, -float(SECONDS_BETWEEN_LINES)
    for entry in entries:
        updates, epoch = float(entry["num_updates"]), float(entry["update"])
        part = max(updates / limits.get("--max-update", float("inf")), epoch / limits.get("--max-epoch", float("inf")))
        elapsed = time.monotonic() - began
        if first is None:
            first, began, elapsed = part, time.monotonic(), 0.0
        if elapsed - shown < (1 if terminal else SECONDS_BETWEEN_LINES):
            continue
        shown = elapsed
        left = f", at most {clock(elapsed / (part - first) * (1 - part))} left" if part > first else ""
        text = f"    update {updates:.0f}, epoch {epoch:.2f}, {100 * part:.0f} %, loss {entry['loss']}{left}"
        print(f"\r{text:<78}" if terminal else text, end="" if terminal else "\n", flush=True)
        yield
    if terminal and first is not None:
        print()


def clock(seconds: float) -> str:
    """``75`` -> ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def checksum(path: Path) -> int:
    """CRC-32 of a file, for settings: it identifies the content, wherever the file is moved to."""
    found = 0
    with open(path, "rb") as file:
        while part := file.read(2**20):
            found = zlib.crc32(part, found)
    return found


def difference(state: dict, step: Step) -> str:
    """The first setting that differs between a state and a step, as ``flags --lr: 0.1, now 0.2``."""

    def first(old, new, path: str) -> Optional[str]:
        if old == new:
            return None
        if isinstance(old, dict) and isinstance(new, dict):
            keys = [*old, *(key for key in new if key not in old)]
            return next(filter(None, (first(old.get(key), new.get(key), f"{path} {key}".strip()) for key in keys)))
        if isinstance(old, list) and isinstance(new, list):
            places = [place for place, (one, other) in enumerate(zip(old, new)) if one != other]
            if not places:
                return f"{path}: {len(old)} values, now {len(new)}"
            before = old[places[0] - 1] if places[0] else None  # in a command, the flag before its value
            name = before if str(before).startswith("--") else places[0] + 1
            return first(old[places[0]], new[places[0]], f"{path} {name}")
        return f"{path}: {short(old)}, now {short(new)}"

    def short(value) -> str:
        text = str(value)
        return text if len(text) <= 60 else f"{text[:57]}..."

    return first(state["settings"], json.loads(json.dumps(step.settings)), "") or "no difference"


def executable(name: str) -> str:
    """The path of a command: beside this Python, or else on PATH.

    Raises:
        UsageError: it is in neither place.
    """
    if os.path.isabs(name):
        return name
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise UsageError(f"{name} is neither beside {sys.executable} nor on PATH: run make env, then .venv/bin/python")
    return found
