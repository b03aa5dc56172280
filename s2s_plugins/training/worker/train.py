"""A training, from the words of its arguments to the checkpoint that was chosen."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Optional

from fairseq.trainer import Trainer

from s2s_plugins.files import write_whole
from s2s_plugins.training.job import CHOSEN, LAST, Ended, Event, Said, Training
from s2s_plugins.training.worker.build import SCHEDULE, build, precision_of
from s2s_plugins.training.worker.loop import Loop

PROBED, PROBE_SECONDS = 40, 6.0  # updates and seconds of the measurement, at most
WARM = 5  # updates that are not timed


def train(training: Training, asked: float, say: Callable[[Event], None], stopping: Callable[[], bool]) -> Ended:
    """Train, or resume.

    Args:
        training: what to do.
        asked: when, in seconds since 1970; the time since counts.
        say: takes each event.
        stopping: whether the user wants it to stop.

    Raises:
        UsageError: flags, data or settings do not fit.
        Stopped: it was stopped, and is saved.
    """
    folder = Path(training.folder)
    training = _chosen(training, folder)
    precision = precision_of(training)
    if training.precision == "auto" and precision == "bf16":
        say(Said("products in bfloat16, which are faster here; weights and loss stay in float32"))
    trainer, validator = build(training, precision)
    if training.hurried and training.seconds is not None and not (folder / LAST).exists():
        left = training.seconds - (time.time() - asked)
        speed = updates_a_second(trainer)
        arguments = _arguments(training, speed * left)
        write_whole(folder / CHOSEN, json.dumps(arguments) + "\n")
        training = replace(training, arguments=arguments, hurried=[])
        say(Said(f"{speed:.1f} updates a second, so about {speed * left:,.0f} in this time"))
        trainer, validator = build(training, precision)
    if training.seconds is not None and not (folder / LAST).exists():
        training = replace(training, seconds=max(training.seconds - (time.time() - asked), 1.0))
    return Loop(training, trainer, validator, say, stopping, precision, SCHEDULE not in training.arguments).run()


def _chosen(training: Training, folder: Path) -> Training:
    """The training with the arguments that an interrupted one measured its way to."""
    if not training.hurried or not (folder / LAST).exists() or not (folder / CHOSEN).exists():
        return training
    arguments: List[str] = json.loads((folder / CHOSEN).read_text(encoding="utf-8"))
    return replace(training, arguments=arguments, hurried=[])


def _arguments(training: Training, updates: float) -> List[str]:
    """Those for so many updates."""
    hurried: Optional[List[str]] = next((one.arguments for one in training.hurried if updates < one.below), None)
    return training.arguments if hurried is None else hurried


def updates_a_second(trainer: Trainer) -> float:
    """How fast a trainer is, by a few updates that are thrown away with it."""
    batches = trainer.get_train_iterator(1, load_dataset=True)
    found = batches.next_epoch_itr(shuffle=True)
    trainer.begin_epoch(1)
    started, done = time.monotonic(), 0
    for sample in found:
        trainer.train_step([sample])
        done += 1
        if done == WARM:
            started = time.monotonic()
        if done >= PROBED or (done > WARM + 3 and time.monotonic() - started > PROBE_SECONDS):
            break
    timed = done - WARM if done > WARM else done
    return timed / max(time.monotonic() - started, 1e-6)
