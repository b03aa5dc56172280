"""The plan of a training on pairs: what is run, in order, and where its results are."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional, Sequence

from s2s_plugins.inference.ngrams import FILE
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.steps import Step, clock
from s2s_plugins.text.pairs.options import is_data
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.text.pairs.prepared import Prepared, read_prepared
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.training.job import BEST, Hurried, Job, Save, Training
from s2s_plugins.training.ngrams import Votes, count_ngrams
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Flags, Recipe, for_arch, recipe_for, words
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import VOTED, ended_of, test_pairs
from s2s_plugins.training.workers import run_workers

SIDES: Flags = {"--task": "translation", "--source-lang": "source", "--target-lang": "target"}
QUIET: Flags = {"--num-workers": 0, "--no-epoch-checkpoints": True}
SECONDS_AFTER = 10.0  # opening the model, drawing the report
SECONDS_A_SOURCE = 0.002  # of predicting
LEAST_TRAINING = 0.4  # of the minutes, if what follows seems to take more


class PairsPlan:
    """The steps from pairs to a tested model.

    Args:
        data: to train on, as :func:`s2s_plugins.text.pairs.sources.read_pairs` takes it.
        name: what the data is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what happens.

    Attributes:
        steps: in order.
        model: path of the model file.
    """

    file = "model.safetensors"

    def __init__(self, data: Any, name: str, out: Path, settings: TrainSettings, screen: Screen) -> None:
        self.name, self.out = name, out
        self.settings, self.screen = settings, screen
        self.model = out / self.file
        self.began = time.monotonic()
        options = settings.options
        given = {"train": data, "valid": options.valid, "test": options.test}
        # read once: an iterator gives its pairs only once
        self.parts = {part: read_pairs(one, options.columns) for part, one in given.items() if is_data(one)}
        known = {part: pairs.fingerprint() for part, pairs in self.parts.items()}
        reading = {"data": known, "options": options.plain()}
        training = {"prepare": reading, "settings": settings.plain()}
        self.steps = [
            Step("prepare", "prepare", out / "data", reading, action=self.prepare),
            Step("train", "train", out / "checkpoints", training, action=self.train),
            Step("test", "test", None, training, action=self.test),
        ]
        if settings.ngrams:  # a model that was trained without them is tested again, not trained again
            testing = {**training, "ngrams_weight": settings.ngrams_weight}
            self.steps[1:1] = [Step("ngrams", "ngrams", None, {"prepare": reading}, action=self.count)]
            self.steps[-1] = Step("test-with-ngrams", "test", None, testing, action=self.test)

    def prepare(self) -> None:
        """Read, look at and split the data."""
        options = self.settings.options
        valid, test = (self.parts.get(part, getattr(options, part)) for part in ("valid", "test"))
        options = replace(options, valid=valid, test=test)
        prepared = prepare_pairs(self.parts["train"], self.out / "data", options)
        for line in prepared.findings:
            self.screen.say(line)

    def count(self) -> None:
        """Count the n-grams of the training part."""
        prepared = read_prepared(self.out / "data")
        count_ngrams(prepared, self.out / FILE, self.out / "logs" / "ngrams.log", self.screen.say)

    def train(self) -> None:
        """Train the members, and write the model file.

        Raises:
            UsageError: flags, data or settings do not fit.
            WorkError: a training failed.
        """
        prepared = read_prepared(self.out / "data")
        recipe = recipe_for(prepared)
        self.screen.say(f"recipe {recipe.name}: {recipe.reason}")
        count, cores = self.settings.members, os.cpu_count() or 1
        together = min(count, cores)
        threads = None if together == 1 else max(1, cores // together)
        seconds = self._seconds(prepared, -(-count // together))
        trainings = [self._training(prepared, recipe, number, seconds, threads) for number in range(count)]
        save = None
        if self.settings.arch != "lstm":  # fairseq's own, which only fairseq runs
            checkpoints = [str(Path(one.folder, BEST)) for one in trainings]
            save = Save(checkpoints, str(self.out / "data"), str(self.model), self.settings.licence, self.name)
        if count == 1:
            return self._run([Job(trainings, save, time.time())], ["model 1"])
        for first in range(0, count, together):
            group = trainings[first : first + together]
            names = [f"model {number}" for number in range(first + 1, first + len(group) + 1)]
            self._run([Job([one], None, time.time()) for one in group], names)
        if save is not None:
            self._run([Job([], save)], ["model file"])

    def _run(self, jobs: Sequence[Job], names: Sequence[str]) -> None:
        """Run workers at the same time, with a log of each."""
        logs = [self.out / "logs" / f"{name.replace(' ', '-')}.log" for name in names]
        with self.screen.of(names):
            run_workers(jobs, logs, self.screen.show)

    def _seconds(self, prepared: Prepared, rounds: int) -> Optional[float]:
        """For each training; None: it ends by updates."""
        if self.settings.minutes is None:
            return None
        whole = 60 * self.settings.minutes
        after = SECONDS_AFTER + SECONDS_A_SOURCE * (prepared.valid.sources + prepared.test.sources)
        left = whole - (time.monotonic() - self.began) - after
        return max(left, LEAST_TRAINING * whole) / rounds

    def _training(
        self, prepared: Prepared, recipe: Recipe, number: int, seconds: Optional[float], threads: Optional[int]
    ) -> Training:
        settings = self.settings

        def arguments(flags: Flags) -> List[str]:
            chosen = flags if settings.arch is None else for_arch(flags, settings.arch)
            return [*words({**SIDES, **QUIET, **chosen, "--seed": settings.seed + number}), *settings.flags]

        updates = settings.updates or recipe.updates
        return Training(
            data=str(self.out / "data"),
            folder=str(self._folder(number)),
            arguments=arguments(recipe.flags if settings.minutes is not None else recipe.within(updates)),
            updates=updates,
            seconds=seconds,
            warmup=min(recipe.warmup, max(1, updates // 10)),
            validate="written" if prepared.valid_held_out else "none",
            precision=settings.precision,
            threads=threads,
            tensorboard=settings.tensorboard,
            hurried=[
                Hurried(share * recipe.updates, arguments(recipe.within(share * recipe.updates - 1)))
                for share, _ in recipe.hurried
            ],
        )

    def test(self) -> None:
        """Predict what was held out, calibrate, and write the report."""
        prepared = read_prepared(self.out / "data")
        folders = [self._folder(number) for number in range(self.settings.members)]
        ended = [ended_of(folder) for folder in folders]
        recipe = recipe_for(prepared)
        facts = {
            "data": self.name,
            "recipe": f"{recipe.name}: {recipe.reason}",
            "architecture": self.settings.arch or str(recipe.flags["--arch"]),
            "models": str(len(ended)),
            "updates": ", ".join(f"{one.updates:,}" for one in ended),
            "time": ", ".join(clock(one.seconds) for one in ended),
            "precision": ended[0].precision,
            "end": "; ".join(one.why for one in ended),
            "seed": str(self.settings.seed),
        }
        votes = Votes(self.out / FILE, self.settings.ngrams_weight) if self.settings.ngrams else None
        report = test_pairs(prepared, self.out, self.model, folders, facts, self.name, votes)
        self.screen.say(summary(report))

    def _folder(self, number: int) -> Path:
        """Where a member's checkpoints are."""
        return self.out / "checkpoints" / f"model-{number + 1}"


def summary(report: TrainingReport) -> str:
    """The scores in a line."""
    scores = report.shown
    if scores is None:
        return "no scores: there are too few sources to hold some out, give --test FILE"
    low, high = scores.error_interval
    voted = report.figures.get(VOTED)
    return (
        f"{report.part} part: {scores.error_rate:.2f} % of {scores.sources:,} sources are predicted wrong "
        f"({low:.2f} to {high:.2f} with 95 % confidence){'' if voted is None else f', with n-grams {voted:.2f} %'}"
    )
