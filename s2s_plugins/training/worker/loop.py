"""The training loop over fairseq's trainer: it ends when the time does, and keeps what errs least."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from fairseq import checkpoint_utils
from fairseq.data.iterators import GroupedIterator
from fairseq.logging import metrics
from fairseq.trainer import Trainer

from s2s_plugins.extras import library
from s2s_plugins.training.job import BEST, HISTORY, LAST, Ended, Event, Progress, Said, Training, Validation, to_line
from s2s_plugins.training.pace import Pace, learning_rate
from s2s_plugins.training.worker.snapshots import MEANS, Snapshots, Weights
from s2s_plugins.training.worker.validation import SHARE, Best, Measured, Validator, timed

VALIDATIONS = 20  # of a training, at most
PAUSE = 10  # between validations, times what one takes: so that they take no more than a tenth of the time
AFTERWARDS = 2 + len(MEANS)  # validations at and behind the last update
SECONDS_TO_SAVE = 120.0  # between checkpoints to resume from, at most
SECONDS_TO_SAY = 1.0  # between two reports of progress
KEY = "s2s_train"  # of the loop's state in a checkpoint


class Stopped(Exception):
    """The user wants the training to stop; it is saved."""


class Loop:
    """A training.

    Args:
        training: what to do.
        trainer: fairseq's, with its model.
        validator: tells how good the model is; None: the last weights are the result.
        say: takes each event.
        stopping: whether the user wants it to stop.
        precision: of the products, for the record.
        schedules: whether the learning rate is ours; else that of the user's ``--lr-scheduler``.
    """

    def __init__(
        self,
        training: Training,
        trainer: Trainer,
        validator: Optional[Validator],
        say: Callable[[Event], None],
        stopping: Callable[[], bool],
        precision: str,
        schedules: bool = True,
    ) -> None:
        self.training, self.trainer, self.validator = training, trainer, validator
        self.say, self.stopping, self.precision, self.schedules = say, stopping, precision, schedules
        self.folder = Path(training.folder)
        self.pace = Pace(training.updates, training.seconds)
        self.best = Best()
        self.snapshots = Snapshots(self.folder)
        self.peak = float(trainer.cfg.optimization.lr[0])
        self.losses: List[float] = []
        self.curves = None if training.tensorboard is None else curves(Path(training.tensorboard, self.folder.name))
        self._said = self._saved = time.monotonic()
        self._validated_at = 0.0  # the share
        self._not_before = 0.0  # by the clock

    def run(self) -> Ended:
        """Train to the end.

        Raises:
            Stopped: the user stopped it; the same training resumes from what is saved.
        """
        resumes = (self.folder / LAST).exists()
        extra, batches = checkpoint_utils.load_checkpoint(self.trainer.cfg.checkpoint, self.trainer)
        if resumes:  # what else was loaded is the end of another training, which this one starts from
            self._restore(extra)
        why = "it is at its planned end"
        while not self.pace.finished:
            ended = self._epoch(batches)
            if ended is not None:
                why = ended
                break
            batches = self.trainer.get_train_iterator(batches.next_epoch_idx, load_dataset=False)
            self.trainer.lr_step_begin_epoch(batches.epoch)
        return self._choose(why)

    def _restore(self, extra: Optional[Dict[str, Any]]) -> None:
        state = (extra or {}).get(KEY)
        if state is None:
            return
        self.pace.restore(state["pace"])
        self.best.__dict__.update(state["best"])
        self._validated_at = self.pace.share
        if not self.pace.finished:
            self.say(Said(f"resumed after {self.pace.done:,} updates"))

    def _epoch(self, batches: Any) -> Optional[str]:
        """One pass over the data, or less; why the training ends early, if it does."""
        for samples in self._groups(batches):
            self._update(samples)
            if self.stopping():
                self._save(batches)
                raise Stopped
            if self._is_due() or self.pace.finished:
                why = self._validate()
                self._save(batches)
                if why is not None:
                    return why
            elif time.monotonic() - self._saved > SECONDS_TO_SAVE:
                self._save(batches)
            if self.pace.finished:
                return None
        return None

    def _groups(self, batches: Any) -> Iterator[List[Any]]:
        config = self.trainer.cfg
        found = batches.next_epoch_itr(
            fix_batches_to_gpus=config.distributed_training.fix_batches_to_gpus,
            shuffle=batches.next_epoch_idx > config.dataset.curriculum,
        )
        frequencies = config.optimization.update_freq
        groups = GroupedIterator(found, frequencies[min(batches.epoch, len(frequencies)) - 1])
        self.trainer.begin_epoch(batches.epoch)
        return iter(groups)

    def _update(self, samples: List[Any]) -> None:
        if self.schedules:
            self.trainer.optimizer.set_lr(self._rate())
        with metrics.aggregate(new_root=True):
            figures = self.trainer.train_step(samples)
        if figures is None:  # nothing was learnt from this batch: it did not fit into memory
            return
        self.losses.append(float(figures["loss"]))
        if not math.isfinite(self.losses[-1]):
            raise FloatingPointError(f"the loss of update {self.pace.done + 1} is {self.losses[-1]}")
        self.pace.advance()
        if time.monotonic() - self._said > SECONDS_TO_SAY or self.pace.finished:
            self._report()

    def _draw(self, **values: float) -> None:
        """Points for TensorBoard."""
        if self.curves is not None:
            for name, value in values.items():
                self.curves.add_scalar(name, value, self.pace.done)
            self.curves.flush()

    def _rate(self) -> float:
        return learning_rate(self.peak, self.pace.done, self.pace.share, self.training.warmup)

    def _report(self) -> None:
        self._said = time.monotonic()
        recent = self.losses[-100:]
        pace = self.pace
        self._draw(loss=sum(recent) / len(recent), learning_rate=self._rate())
        planned = pace.done + round(pace.left()) if pace.seconds_left() is not None else pace.updates or 0
        self.say(Progress(pace.done, planned, pace.share, sum(recent) / len(recent), pace.elapsed, pace.seconds_left()))

    def _is_due(self) -> bool:
        """Whether this update's share passes the next twentieth."""
        share, before = self.pace.share, self._validated_at
        if self.validator is None or time.monotonic() < self._not_before:
            return False
        return math.floor(share * VALIDATIONS) > math.floor(before * VALIDATIONS)

    def _validate(self) -> Optional[str]:
        """Validate, keep the weights; why the training should end early, if it should."""
        self._validated_at = self.pace.share
        if self.validator is None:
            self._keep()
            return None
        measured, took = timed(self.validator, self.trainer)
        better = measured.error < self.best.error
        if self.best.look(measured, self.pace.done):
            self._keep()
        self.snapshots.take(self.trainer.model, self.pace.done)
        loss = sum(self.losses) / max(1, len(self.losses))
        self.losses = self.losses[-100:]
        rate = self._rate() if self.schedules else self.trainer.optimizer.get_lr()
        said = Validation(
            self.pace.done,
            self.pace.elapsed,
            measured.error,
            loss,
            rate,
            better,
            measured.worst,
            measured.sources,
            measured.figure,
        )
        with (self.folder / HISTORY).open("a", encoding="utf-8") as history:
            history.write(to_line(said) + "\n")
        self.say(said)
        self._draw(validation_error=measured.error)
        self._not_before = time.monotonic() + PAUSE * took
        self.pace.reserve = AFTERWARDS * took
        left = self.pace.seconds_left()
        if left is not None and self.validator.limit(SHARE * (self.pace.elapsed + left) / VALIDATIONS, took):
            self.best = Best()  # errors on other examples do not compare
        return self.best.ends(self.training.patience)

    def _keep(self) -> None:
        """Keep the weights of now as the best."""
        self._write(BEST, self._extra(None))

    def _save(self, batches: Any) -> None:
        """Write what a training resumes from."""
        self._write(LAST, self._extra(batches))
        self._saved = time.monotonic()

    def _write(self, name: str, extra: Dict[str, Any]) -> None:
        self.trainer.consolidate_optimizer()
        self.trainer.save_checkpoint(str(self.folder / name), extra)

    def _extra(self, batches: Any) -> Dict[str, Any]:
        state = {"pace": self.pace.state(), "best": dict(self.best.__dict__), "precision": self.precision}
        extra: Dict[str, Any] = {KEY: state, "val_loss": None}
        if math.isfinite(self.best.error):
            extra["best"] = self.best.error
        if batches is not None:
            extra["train_iterator"] = batches.state_dict()
        return extra

    def _choose(self, why: str) -> Ended:
        """The last weights or a mean of the last ones, as the best checkpoint; unless earlier ones err clearly less.

        A difference below the standard error may be chance, and the weights at the end of a schedule are the better
        ones on average: the one-standard-error rule of Breiman et al. 1984.
        """
        chosen = f"{why}; the weights are those of update {self.best.updates:,}"
        if self.validator is None:
            chosen = f"{why}; the weights are the last ones"
        if self.validator is not None and self.snapshots.paths():
            measured, name, weights = min(self._candidates(self.validator), key=lambda one: one[0].error)
            if measured.error <= self.best.error + measured.spread:
                self._load(weights)
                self.best.error = measured.error
                self._keep()
                chosen = f"{why}; the weights are {name}"
            self.snapshots.clear()
        error = self.best.error if math.isfinite(self.best.error) else None
        return Ended(os.fspath(self.folder / BEST), chosen, error, self.pace.done, self.pace.elapsed, self.precision)

    def _candidates(self, validator: Validator) -> Iterator[Tuple[Measured, str, Weights]]:
        for name, weights in self.snapshots.candidates():
            self._load(weights)
            yield timed(validator, self.trainer)[0], name, weights

    def _load(self, weights: Weights) -> None:
        self.trainer.model.load_state_dict(weights, strict=True)


def curves(folder: Path) -> Any:
    """What writes TensorBoard's files into ``folder``.

    Raises:
        MissingExtra: tensorboardX is not installed.
    """
    return library("tensorboardX", "--tensorboard").SummaryWriter(os.fspath(folder))
