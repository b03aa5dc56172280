"""``python -m s2s_plugins.training.worker.main JOB.json``: trains, and says how far it is, a JSON object a line."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Callable, Iterator

from s2s_plugins.errors import WorkError, is_out_of_memory, usage_error_behind
from s2s_plugins.files import write_whole
from s2s_plugins.training.job import ENDED, Event, Failed, Job, to_line


def work(job: Job, say: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
    """Do a job, in this process.

    Args:
        job: what to do.
        say: takes each event.
        stopping: whether the user wants it to stop.

    Raises:
        UsageError: flags, data or settings do not fit.
        Stopped: it was stopped, and is saved.
    """
    from s2s_plugins.training.worker.loop import Stopped
    from s2s_plugins.training.worker.save import save
    from s2s_plugins.training.worker.train import train

    asked = job.asked
    for training in job.trainings:
        if stopping():
            raise Stopped
        ended = train(training, asked or time.time(), say, stopping)
        write_whole(Path(training.folder, ENDED), json.dumps(asdict(ended), indent=1) + "\n")
        say(ended)
        asked = 0.0
    if job.save is not None:
        save(job.save)


@contextlib.contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Inside, Ctrl-C and SIGTERM only set what the yielded function returns."""
    received = []
    before = {
        number: signal.signal(number, lambda *call: received.append(call)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(path: str, output: IO[str]) -> int:
    """The whole process.

    Returns:
        The exit code; 130 if it was stopped.
    """

    def say(event: Event) -> None:
        output.write(to_line(event) + "\n")
        output.flush()

    with stop_signals() as stopping:
        try:
            import fairseq  # noqa: F401  which registers the plugin

            from s2s_plugins.training.worker.loop import Stopped

            work(Job.read(Path(path)), say, stopping)
        except Stopped:
            return 130
        except BrokenPipeError:  # whoever started this is gone
            return 141
        except Exception as error:
            code, message = explained(error)
            logging.getLogger(__name__).exception("the training failed")
            say(Failed(message, code))
            return code
    return 0


def explained(error: Exception) -> "tuple[int, str]":
    """Exit code and message of what went wrong."""
    usage = usage_error_behind(error)
    if usage is not None:
        return 2, str(usage)
    if isinstance(error, WorkError):
        return 1, str(error)
    if is_out_of_memory(error):
        return 1, "out of memory: use a smaller --batch-size behind --"
    if isinstance(error, FloatingPointError):
        return 1, f"{error}: use a lower --lr behind --"
    if isinstance(error, OSError):
        return 1, ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    return 1, f"{type(error).__name__}: {str(error)[:300]}"


if __name__ == "__main__":
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to the log
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    sys.exit(main(sys.argv[1], events))
