"""Does the steps of a plan: each once, with a state file, a log, and a line that tells how far it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from progress import SECONDS_BETWEEN_LINES, clock, statistics

from .plan import ROOT, Step, UsageError

DONE, STARTED, OTHER, TO_DO = "done", "interrupted", "made with other settings", "to do"


class StepError(Exception):
    """A step failed; the message names its log."""


class Runner:
    """Keeps what is done below ``out``: ``state/STEP.json`` and ``logs/STEP.log``.

    Args:
        out: where everything goes.
        redo: remove what was made with other settings and make it anew, in place of an error.
    """

    def __init__(self, out: Path, redo: bool = False) -> None:
        self.out = out
        self.redo = redo

    def log(self, step: Step) -> Path:
        return self.out / "logs" / f"{step.name}.log"

    def read(self, step: Step) -> dict:
        """What the state file says: ``settings``, ``done``, ``seconds`` and, of a training or test, its figures."""
        try:
            return json.loads((self.out / "state" / f"{step.name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def write(self, step: Step, state: dict) -> None:
        write_whole(self.out / "state" / f"{step.name}.json", json.dumps(state, indent=1) + "\n")

    def status(self, step: Step) -> str:
        """One of ``DONE``, ``STARTED``, ``OTHER``, ``TO_DO``."""
        state = self.read(step)
        if not state:
            return TO_DO
        if state["settings"] != json.loads(json.dumps(step.settings)):
            return OTHER
        return DONE if state["done"] else STARTED

    def run(self, steps: Sequence[Step], after_test: Callable[[], object]) -> None:
        """Do ``steps``, except for those that are done.

        Args:
            steps: in order, each behind those that it needs.
            after_test: called after each test, so that a table stands there before all are done.

        Raises:
            UsageError: a step was done with other settings, and they are not to be made anew.
            StepError: one failed.
        """
        if not self.redo:
            for step in steps:
                if self.status(step) == OTHER:
                    raise UsageError(
                        f"{self.out} has {step.name} of other settings ({difference(self.read(step), step)}): choose "
                        "another --out, or make it and what comes of it anew with --redo"
                    )
        began = time.monotonic()
        for number, step in enumerate(steps, start=1):
            head = f"[{time.strftime('%H:%M:%S')}] step {number} of {len(steps)}: {step.name}"
            status = self.status(step)
            if status == DONE:
                print(f"{head}: done before", flush=True)
                continue
            if status == OTHER or step.kind == "prepare":
                self._clear(step)
            self._do(step, f"{head}{', goes on' if status == STARTED else ''}")
        print(
            f"[{time.strftime('%H:%M:%S')}] all steps done, {clock(time.monotonic() - began)} in this run", flush=True
        )

    def _clear(self, step: Step) -> None:
        """Remove what a step has left. Downloads stay: prepare.py writes its own files anew."""
        if step.folder is not None and step.kind != "data":
            shutil.rmtree(step.folder, ignore_errors=True)
        for path in (self.log(step), self.out / "state" / f"{step.name}.json"):
            path.unlink(missing_ok=True)

    def _do(self, step: Step, heading: str) -> None:
        state = {"settings": step.settings, "done": False, "seconds": self.read(step).get("seconds", 0.0)}
        self.write(step, state)
        print(heading, flush=True)
        before, began = state["seconds"], time.monotonic()
        try:
            if step.action is not None:
                step.action()
            elif step.command:
                self._command(step, state, before)
        finally:
            state["seconds"] = round(before + time.monotonic() - began, 1)
            self.write(step, state)
        state.update(self._figures(step))
        state["done"] = True
        self.write(step, state)
        if step.kind in ("pretrain", "finetune"):
            # it was there to go on from; what is needed is checkpoint_best.pt
            (step.folder / "checkpoint_last.pt").unlink(missing_ok=True)

    def _command(self, step: Step, state: dict, before: float) -> None:
        """Run a step's command; its output goes to the log, its statistics to the screen."""
        command = [executable(step.command[0]), *step.command[1:]]
        log = self.log(step)
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        last: List[str] = []

        def kept(lines: Iterator[str]) -> Iterator[str]:
            for line in lines:
                file.write(line)
                file.flush()
                last[:] = [line] if line.strip() else last
                yield line

        def timed(shown: Iterator[None]) -> None:
            for _ in shown:  # a killed run has lost no more than these seconds
                self.write(step, {**state, "seconds": round(before + time.monotonic() - began, 1)})

        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n")
            file.flush()
            # else a pipe gets the lines late, and the time left is told late
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
            ) as process:
                try:
                    timed(show(statistics(kept(process.stdout)), step.limits))
                except BaseException:
                    process.terminate()
                    raise
            if process.returncode != 0:
                why = last[-1].strip()[:300] if last else "it printed nothing"
                raise StepError(f"{step.name} stopped with exit code {process.returncode}: {why}; see {log}")

    def _figures(self, step: Step) -> Dict[str, float]:
        """What a training's or a test's log says.

        Raises:
            StepError: it does not say it.
        """
        if step.kind not in ("pretrain", "finetune", "test"):
            return {}
        found: Dict[str, float] = {}
        wanted = {"accuracy": "accuracy", "error": "error", "macro_f1": "macro_f1"} if step.kind == "test" else {}
        if step.kind == "finetune":
            wanted = {"valid_best_accuracy": "valid_accuracy", "train_num_updates": "updates", "epoch": "epochs"}
        if step.kind == "pretrain":
            wanted = {"valid_best_loss": "valid_loss", "train_num_updates": "updates", "epoch": "epochs"}
        for entry in json_lines(self.log(step)):
            for key, value in entry.items():
                name = wanted.get(re.sub("^test_", "", key) if step.kind == "test" else key)
                if name:
                    found[name] = float(value)
        needed = {"test": "error", "finetune": "valid_accuracy"}.get(step.kind)
        if needed and needed not in found:
            raise StepError(f"{step.name} has told no {needed}: see {self.log(step)}")
        return found


def show(entries: Iterator[dict], limits: Dict[str, float]) -> Iterator[None]:
    """Print how far a training is, with the time that is left at most, every few seconds; yield at every line."""
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


def json_lines(path: Path) -> Iterator[dict]:
    """The JSON objects at the ends of fairseq's log lines."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            start = line.find("| {")
            if start >= 0:
                try:
                    yield json.loads(line[start + 2 :])
                except ValueError:
                    continue


def difference(state: dict, step: Step) -> str:
    """The first setting in which a state differs from a step: ``flags --lr: 0.1, now 0.2``."""

    def first(old, new, path: str) -> Optional[str]:
        if isinstance(old, dict) and isinstance(new, dict):
            for key in [*old, *(key for key in new if key not in old)]:
                found = first(old.get(key), new.get(key), f"{path} {key}".strip())
                if found:
                    return found
            return None
        return None if old == new else f"{path}: {old}, now {new}"

    return first(state["settings"], json.loads(json.dumps(step.settings)), "") or "no difference"


def executable(name: str) -> str:
    """Where a command is: on PATH, or beside this Python.

    Raises:
        UsageError: nowhere.
    """
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if beside.exists() else None)
    if os.path.isabs(name):
        return name
    if found is None:
        raise UsageError(f"{name} is not on PATH: run make env in {ROOT}, then PATH=.venv/bin:$PATH")
    return found


def write_whole(path: Path, text: str) -> None:
    """A file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
