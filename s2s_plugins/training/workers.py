"""Starts the processes that train, and passes on what they say."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, List, Optional, Sequence, TextIO, Tuple

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.steps import held_signals
from s2s_plugins.training.job import Ended, Event, Failed, Job, from_line

SECONDS_TO_STOP = 60  # that a worker has to save itself
STOPPED = 130  # exit code of a worker that was stopped, and is saved

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
    ended: List[List[Ended]] = [[] for _ in jobs]
    with Workers() as workers:
        workers.start(list(zip(jobs, logs)))
        running = len(jobs)
        while running:
            number, event = workers.next()
            if event is None:
                running -= 1
            elif not isinstance(event, Failed):
                if isinstance(event, Ended):
                    ended[number].append(event)
                show(number, event)
        for number in range(len(jobs)):
            error = workers.error(number)
            if error is not None:
                raise error
    return ended


class Workers:
    """Processes that train; leaving the block ends those that still run, after they have saved themselves."""

    def __init__(self) -> None:
        self._events: "queue.Queue[Took]" = queue.Queue()
        self._processes: List["subprocess.Popen[str]"] = []
        self._failed: List[Optional[Failed]] = []
        self._logs: List[Path] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is KeyboardInterrupt and any(process.poll() is None for process in self._processes):
            print("\nstopping: the training is saved first ...", file=sys.stderr, flush=True)
        _stop(self._processes)

    def start(self, jobs: Sequence[Tuple[Job, Path]]) -> List[int]:
        """Start processes, each with its log.

        Returns:
            Their numbers, from 0 on.
        """
        first = len(self._processes)
        with held_signals():
            for number, (job, log) in enumerate(jobs, first):
                self._processes.append(_start(job, log))
                self._failed.append(None)
                self._logs.append(log)
                listen = (number, self._processes[-1], self._events)
                threading.Thread(target=_listen, args=listen, daemon=True).start()
        return list(range(first, len(self._processes)))

    def next(self) -> Took:
        """Wait for what one of them says: its number, and the event; None: it has ended."""
        number, event = self._events.get()
        if isinstance(event, Failed):
            self._failed[number] = event
        return number, event

    def stop(self, number: int) -> None:
        """Ask one to save itself and end; :meth:`next` says when it has."""
        if self._processes[number].poll() is None:
            self._processes[number].send_signal(signal.SIGTERM)

    def error(self, number: int) -> Optional[BaseException]:
        """Why one that has ended failed; the KeyboardInterrupt of a stopped one; None of one that is done."""
        failed, code = self._failed[number], self._processes[number].wait()
        if failed is not None and failed.code == 2:
            return UsageError(failed.message)
        if failed is not None:
            return WorkError(f"{failed.message}; see {self._logs[number]}")
        if code == STOPPED:
            return KeyboardInterrupt()
        return None if code == 0 else WorkError(f"the training stopped with exit code {code}: see {self._logs[number]}")


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
