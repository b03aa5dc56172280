"""Starts the processes that train, and shows how far they are."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, TextIO, Tuple

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.steps import held_signals
from s2s_plugins.training.job import Ended, Event, Failed, Job, from_line

SECONDS_TO_STOP = 60  # that a worker has to save itself

Took = Tuple[int, Optional[Event]]  # number of the worker, and what it says; None: it has ended


def run_workers(jobs: Sequence[Job], logs: Sequence[Path], show: Callable[[int, Event], None]) -> List[List[Ended]]:
    """Run a process for each job, all at the same time.

    Args:
        jobs: what they do.
        logs: where what libraries print goes, one of each.
        show: takes the number of a worker, and each event.

    Returns:
        How the trainings of each job ended.

    Raises:
        UsageError: flags, data or settings do not fit.
        WorkError: a worker failed.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the workers are saved and at their ends.
    """
    events: "queue.Queue[Took]" = queue.Queue()
    processes: List["subprocess.Popen[str]"] = []
    ended: List[List[Ended]] = [[] for _ in jobs]
    failed: Dict[int, Failed] = {}
    with held_signals() as release:
        for number, (job, log) in enumerate(zip(jobs, logs)):
            processes.append(_start(job, log))
            threading.Thread(target=_listen, args=(number, processes[-1], events), daemon=True).start()
        try:
            release()
            running = len(processes)
            while running:
                number, event = events.get()
                if event is None:
                    running -= 1
                elif isinstance(event, Failed):
                    failed[number] = event
                else:
                    if isinstance(event, Ended):
                        ended[number].append(event)
                    show(number, event)
        except BaseException:
            _stop(processes)
            raise
    for number, process in enumerate(processes):
        code = process.wait()
        if number in failed:
            kind = UsageError if failed[number].code == 2 else WorkError
            raise kind(f"{failed[number].message}{'' if kind is UsageError else f'; see {logs[number]}'}")
        if code == 130:
            raise KeyboardInterrupt
        if code != 0:
            raise WorkError(f"the training stopped with exit code {code}: see {logs[number]}")
    return ended


def _start(job: Job, log: Path) -> "subprocess.Popen[str]":
    log.parent.mkdir(parents=True, exist_ok=True)
    path = log.with_suffix(".json")
    job.write(path)
    with log.open("a", encoding="utf-8") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "s2s_plugins.training.worker.main", os.fspath(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C goes to this process alone, which passes it on once
        )


def _listen(number: int, process: "subprocess.Popen[str]", events: "queue.Queue[Took]") -> None:
    lines: TextIO = process.stdout  # type: ignore[assignment]
    for line in lines:
        try:
            events.put((number, from_line(line)))
        except (ValueError, KeyError, TypeError):  # the worker was killed inside a line
            break
    process.wait()
    events.put((number, None))


def _stop(processes: Sequence["subprocess.Popen[str]"]) -> None:
    """Let the workers save themselves, and end those that do not."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
