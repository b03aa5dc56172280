"""What the plans of all kinds of training have in common: where things are, how workers run, how much time is left."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import List, Optional, Sequence

from s2s_plugins.steps import Step, clock
from s2s_plugins.training.job import Ended, Job
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Flags
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.workers import run_workers

MODEL_FILE = "model.safetensors"
QUIET: Flags = {"--num-workers": 0, "--no-epoch-checkpoints": True}
SECONDS_AFTER = 10.0  # opening the model, drawing the report
LEAST_TRAINING = 0.4  # of the minutes, if what follows seems to take more


class Plan:
    """The steps from data to a tested model.

    Args:
        name: what the data is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what happens.

    Attributes:
        steps: in order; a subclass fills it.
        model: path of the model file.
        report: what the test leaves.
        began: when, by the monotonic clock.
    """

    def __init__(self, name: str, out: Path, settings: TrainSettings, screen: Screen) -> None:
        self.name, self.out = name, out
        self.settings, self.screen = settings, screen
        self.model = out / MODEL_FILE
        self.began = time.monotonic()
        self.report = [out / name for name in ("scores.json", "report.html")]
        self.steps: List[Step] = []

    def say_all(self, lines: Sequence[str]) -> None:
        """Show lines that stay."""
        for line in lines:
            self.screen.say(line)

    def run_jobs(self, jobs: Sequence[Job], names: Sequence[str]) -> None:
        """Run workers at the same time, with a log of each.

        Raises:
            UsageError: flags, data or settings do not fit.
            WorkError: a training failed.
        """
        for path in self.report:  # they are of an earlier model
            path.unlink(missing_ok=True)
        logs = [self.out / "logs" / f"{name.replace(' ', '-')}.log" for name in names]
        with self.screen.of(names):
            run_workers(jobs, logs, self.screen.show)

    def seconds_left(self, after: float) -> Optional[float]:
        """For what comes next; None: it ends by updates.

        Args:
            after: seconds that what follows takes.
        """
        if self.settings.minutes is None:
            return None
        whole = 60 * self.settings.minutes
        return max(whole - (time.monotonic() - self.began) - after, LEAST_TRAINING * whole)

    def folder(self, number: int) -> Path:
        """Where a member's checkpoints are."""
        return self.out / "checkpoints" / f"model-{number + 1}"

    def facts(self, recipe: str, architecture: str, ended: Sequence[Ended]) -> "dict[str, str]":
        """About the training, for the report."""
        return {
            "data": self.name,
            "recipe": recipe,
            "architecture": architecture,
            "models": str(len(ended)),
            "updates": ", ".join(f"{one.updates:,}" for one in ended),
            "time": ", ".join(clock(one.seconds) for one in ended),
            "precision": ended[0].precision,
            "end": end_of([one.why for one in ended]),
            "seed": str(self.settings.seed),
        }


def end_of(whys: Sequence[str]) -> str:
    """Why trainings ended, what they share said once: ``it is at its planned end; the weights are those of update 80,
    120``."""
    if len(set(whys)) == 1:
        return whys[0]
    split = [why.split(" ") for why in whys]
    shared = os.path.commonprefix(split)
    if not any(word.endswith(";") for word in shared):  # for another reason each
        return "; ".join(f"model {number}: {why}" for number, why in enumerate(whys, start=1))
    return " ".join(shared) + " " + ", ".join(" ".join(one[len(shared) :]) for one in split)
