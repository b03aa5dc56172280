"""Trainings in threads of this process in place of processes of their own: fairseq is imported once."""

from __future__ import annotations

import queue
import threading
import time
from typing import Dict, List

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.training.job import Ended, Failed
from s2s_plugins.training.worker.main import explained, work


class InThisProcess:
    """As :class:`s2s_plugins.training.workers.Workers`; of the jobs that are started together, one after the other."""

    def __init__(self) -> None:
        self.events: "queue.Queue" = queue.Queue()
        self.stopped: List[threading.Event] = []
        self.errors: Dict[int, BaseException] = {}
        self.threads: List[threading.Thread] = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for stopped, thread in zip(self.stopped, self.threads):
            stopped.set()
            thread.join()

    def start(self, jobs):
        first = len(self.threads)
        for number, (job, _) in enumerate(jobs, first):
            self.stopped.append(threading.Event())
            self.threads.append(threading.Thread(target=self.run, args=(number, job)))
            self.threads[-1].start()
        return list(range(first, len(self.threads)))

    def run(self, number, job):
        from s2s_plugins.training.worker.loop import Stopped

        try:
            work(job, lambda event: self.events.put((number, event)), self.stopped[number].is_set)
        except Stopped:
            self.errors[number] = KeyboardInterrupt()
        except BaseException as error:
            code, message = explained(error)
            self.errors[number] = UsageError(message) if code == 2 else WorkError(message)
            self.events.put((number, Failed(message, code)))
        self.events.put((number, None))

    def next(self):
        return self.events.get()

    def stop(self, number):
        self.stopped[number].set()

    def error(self, number):
        self.threads[number].join()
        return self.errors.get(number)


def run_here(jobs, logs, show):
    """As :func:`s2s_plugins.training.workers.run_workers`."""
    ended: List[List[Ended]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        work(job, lambda event, number=number: show(number, event), lambda: False)
        time.sleep(0)
    return ended
