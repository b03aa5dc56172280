"""A training, from the words of its arguments to the checkpoint that was chosen."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Optional

import torch
from fairseq.logging import metrics
from fairseq.trainer import Trainer

from s2s_plugins.files import write_whole
from s2s_plugins.training.job import CHOSEN, LAST, Ended, Event, Said, Training
from s2s_plugins.training.worker.build import SCHEDULE, build, precision_of
from s2s_plugins.training.worker.loop import Loop, Stopped

PROBED, PROBE_SECONDS = 40, 5.0  # updates and seconds of the measurement, at most
WARM = 3  # updates that are not timed
FEW = 300  # updates, below which a training learns little
FASTER = 1.1  # more threads have to be this much faster: they take the cores from whatever else runs


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
    fresh = not (folder / LAST).exists()
    built = build(training, precision)
    if built.taken is not None and fresh:
        say(Said(f"{training.start}: {built.taken}"))
    measured = choose_threads(training, built.trainer, say, stopping)
    if training.hurried and training.seconds is not None and fresh:
        speed, measured = updates_a_second(built.trainer, stopping), True
        expected = max(speed * (training.seconds - (time.time() - asked)), 0.0)
        say(Said(f"{speed:.1f} updates a second, so about {expected:,.0f} in this time{_remark(expected)}"))
        training = replace(training, arguments=_arguments(training, expected), hurried=[])
        write_whole(folder / CHOSEN, json.dumps(training.arguments) + "\n")
    if measured:  # what was measured has learnt something
        built = build(training, precision)
    if training.seconds is not None and fresh:
        training = replace(training, seconds=max(training.seconds - (time.time() - asked), 1.0))
    schedules = SCHEDULE not in training.arguments
    return Loop(training, built.trainer, built.validator, say, stopping, precision, schedules).run()


def _remark(updates: float) -> str:
    """What is to be said of a training of so many updates."""
    return "" if updates >= FEW else ": too few to learn much, give more --minutes"


def _chosen(training: Training, folder: Path) -> Training:
    """The training with the arguments that an interrupted one measured its way to."""
    if not training.hurried or not (folder / LAST).exists() or not (folder / CHOSEN).exists():
        return training
    arguments: List[str] = json.loads((folder / CHOSEN).read_text(encoding="utf-8"))
    return replace(training, arguments=arguments, hurried=[])


def _arguments(training: Training, updates: float) -> List[str]:
    """Those for so many updates."""
    updates = min(updates, training.updates or updates)
    hurried: Optional[List[str]] = next((one.arguments for one in training.hurried if updates < one.below), None)
    return training.arguments if hurried is None else hurried


def choose_threads(
    training: Training, trainer: Trainer, say: Callable[[Event], None], stopping: Callable[[], bool]
) -> bool:
    """Set PyTorch's threads to all cores, or to one where that is as fast; whether the trainer was used for it.

    Threads wait for each other in every product. Where something else runs on the machine, all of them wait for the one
    that was put aside, and many are slower than one.
    """
    many = torch.get_num_threads()
    if many == 1 or training.threads is not None or trainer.device.type != "cpu":
        return False
    with_many = updates_a_second(trainer, stopping, PROBED // 4)
    torch.set_num_threads(1)
    with_one = updates_a_second(trainer, stopping, PROBED // 4)
    if with_many > FASTER * with_one:
        torch.set_num_threads(many)
    else:
        say(Said(f"one thread: {many} are not faster here and now"))
    return True


def updates_a_second(trainer: Trainer, stopping: Callable[[], bool], most: int = PROBED) -> float:
    """How fast a trainer is, by a few updates.

    Args:
        trainer: is changed by them, and has to be built again.
        stopping: whether the user wants it to stop.
        most: updates that are timed, at most.

    Raises:
        Stopped: the user does.
    """
    batches = trainer.get_train_iterator(1, load_dataset=True)
    trainer.begin_epoch(1)
    started, done = time.monotonic(), -WARM
    for sample in batches.next_epoch_itr(shuffle=True):
        if stopping():
            raise Stopped
        with metrics.aggregate(new_root=True):
            trainer.train_step([sample])
        done += 1
        if done == 0:
            started = time.monotonic()
        if done >= most or (done > 1 and time.monotonic() - started > PROBE_SECONDS):
            break
    return max(done, 1) / max(time.monotonic() - started, 1e-6)
