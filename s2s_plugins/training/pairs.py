"""The plan of a training on pairs: what is run, in order, and where its results are."""

from __future__ import annotations

import os
import pkgutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.ngrams import FILE
from s2s_plugins.nn.settings import Seq2SeqSettings
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.steps import Step, checksum
from s2s_plugins.text.pairs.prepare import prepare_pairs, read_parts
from s2s_plugins.text.pairs.prepared import Prepared, read_prepared
from s2s_plugins.training.choices import FAIRSEQS
from s2s_plugins.training.job import BEST, Hurried, Job, Save, Training
from s2s_plugins.training.ngrams import Votes, count_ngrams
from s2s_plugins.training.plan import QUIET, SECONDS_AFTER, Plan
from s2s_plugins.training.pretrained import flags_of, read_start, with_levels
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Flags, Recipe, for_data, merged, recipe_for, without, words
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import VOTED, ended_of, test_pairs

SIDES: Flags = {"--task": "translation", "--source-lang": "source", "--target-lang": "target"}
SECONDS_A_SOURCE = 0.002  # of predicting
OF_TEXTS = ("sa_lstm", "lm_lstm")  # architectures of classifiers
SECONDS_OF_VOTES = 0.005  # a source, more than that


class PairsPlan(Plan):
    """The steps from pairs to a tested model.

    Args:
        data: to train on, as :func:`s2s_plugins.text.pairs.sources.read_pairs` takes it.
        name: what the data is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what happens.

    """

    def __init__(self, data: Any, name: str, out: Path, settings: TrainSettings, screen: Screen) -> None:
        super().__init__(name, out, settings, screen)
        self.start = None if settings.start is None else read_start(settings.start)
        if self.start is not None:
            self.settings = settings = with_levels(settings, self.start)
        self.made = [] if settings.arch == FAIRSEQS else [self.model]
        _check_arch(settings.arch)
        options = settings.options
        given = {"train": data, "valid": options.valid, "test": options.test}
        # read once: an iterator gives its pairs only once
        self.parts = read_parts(given, options.columns)
        if settings.features_as is not None and self.parts["train"].features is None:
            asked = f"--features-as {settings.features_as}"
            raise UsageError(f"{asked} is about features, and the data has none: leave it out, or name --features")
        known = {part: pairs.fingerprint() for part, pairs in self.parts.items()}
        reading = {"data": known, "options": options.plain()}
        self.fingerprint = known["train"]
        training: Dict[str, Any] = {"prepare": reading, "settings": settings.plain()}
        if self.start is not None:
            training["start"] = checksum(Path(self.start.path))
        self.steps = [
            Step("prepare", "prepare", out / "data", reading, action=self.prepare),
            Step("train", "train", out / "checkpoints", training, action=self.train, makes=self.made),
            Step("test", "test", None, training, action=self.test, makes=self.report),
        ]
        if settings.ngrams:  # a model that was trained without them is tested again, not trained again
            testing = {**training, "ngrams_weight": settings.ngrams_weight}
            self.steps[1:1] = [Step("ngrams", "ngrams", None, {"prepare": reading}, action=self.count)]
            self.steps[-1] = Step("test-with-ngrams", "test", None, testing, action=self.test, makes=self.report)

    def prepare(self) -> None:
        """Read, look at and split the data."""
        options = self.settings.options
        valid, test = (self.parts.get(part, getattr(options, part)) for part in ("valid", "test"))
        options = replace(options, valid=valid, test=test)
        prepared = prepare_pairs(self.parts["train"], self.out / "data", options)
        self.say_all(prepared.findings)

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
        seconds = self.seconds(prepared, -(-count // together))
        trainings = [self.training(prepared, recipe, number, seconds, threads) for number in range(count)]
        save = None
        if self.made:
            checkpoints = [str(Path(one.folder, BEST)) for one in trainings]
            save = Save(checkpoints, str(self.out / "data"), str(self.model), self.settings.licence, self.name)
        if count == 1:
            return self.run_jobs([Job(trainings, save, time.time())], ["model 1"])
        for first in range(0, count, together):
            group = trainings[first : first + together]
            names = [f"model {number}" for number in range(first + 1, first + len(group) + 1)]
            self.run_jobs([Job([one], None, time.time()) for one in group], names)
        if save is not None:
            self.run_jobs([Job([], save)], ["model file"])

    def seconds(self, prepared: Prepared, rounds: int) -> Optional[float]:
        """For each training; None: it ends by updates."""
        each = SECONDS_A_SOURCE + (SECONDS_OF_VOTES if self.settings.ngrams else 0)
        left = self.seconds_left(SECONDS_AFTER + each * (prepared.valid.sources + prepared.test.sources))
        return None if left is None else left / rounds

    def training(
        self, prepared: Prepared, recipe: Recipe, number: int, seconds: Optional[float], threads: Optional[int]
    ) -> Training:
        """The training of a member.

        Args:
            prepared: the data.
            recipe: for it.
            number: of the member, from 0.
            seconds: of the training; None: it ends by updates.
            threads: of PyTorch; None: its own choice.
        """
        settings = self.settings

        def arguments(flags: Flags) -> List[str]:
            shaped = without(self._shaped(flags, prepared), settings.flags)
            return [*words({**SIDES, **QUIET, **shaped, "--seed": settings.seed + number}), *settings.flags]

        updates = settings.updates or recipe.updates
        return Training(
            data=str(self.out / "data"),
            folder=str(self.folder(number)),
            arguments=arguments(recipe.flags if settings.minutes is not None else recipe.within(updates)),
            updates=updates,
            seconds=seconds,
            warmup=min(recipe.warmup, max(1, updates // 10)),
            validate="written" if prepared.valid_held_out else "none",
            precision=settings.precision,
            threads=threads,
            tensorboard=settings.tensorboard,
            start=None if self.start is None else self.start.path,
            hurried=[
                Hurried(share * recipe.updates, arguments(recipe.within(share * recipe.updates - 1)))
                for share, _ in recipe.hurried
            ],
        )

    def _shaped(self, flags: Flags, prepared: Prepared) -> Flags:
        """A recipe's flags for the data, and the architecture that is asked for or that the training starts from."""
        asked = self.settings
        if self.start is None:
            return for_data(flags, prepared, asked.arch, asked.features_as)
        member, arch = self.start.members[0].settings, self.start.about.architecture
        assert isinstance(member, Seq2SeqSettings)
        return merged(for_data(flags, prepared, arch), flags_of(member, arch))

    def test(self) -> None:
        """Predict what was held out, calibrate, and write the report."""
        prepared = read_prepared(self.out / "data")
        folders = [self.folder(number) for number in range(self.settings.members)]
        ended = [ended_of(folder) for folder in folders]
        recipe = recipe_for(prepared)
        facts = self.facts(
            f"{recipe.name}: {recipe.reason}", str(self._shaped(recipe.flags, prepared)["--arch"]), ended
        )
        if self.start is not None:
            facts = {**facts, "starts from": self.start.path}
        votes = Votes(self.out / FILE, self.settings.ngrams_weight) if self.settings.ngrams else None
        report = test_pairs(prepared, self.out, self.model, folders, facts, self.name, self.fingerprint, votes)
        self.screen.say(summary(report))


def _check_arch(arch: Optional[str]) -> None:
    """Check that there is such an architecture for pairs, a preset of one, or fairseq's own.

    Raises:
        UsageError: there is not.
    """
    folder = os.path.join(os.path.dirname(s2s_plugins.__file__), "models")
    ours = sorted(module.name for module in pkgutil.iter_modules([folder]) if module.name.endswith("_lstm"))
    ours = [name for name in ours if name not in OF_TEXTS]
    if arch is None or arch == FAIRSEQS or any(arch == name or arch.startswith(f"{name}_") for name in ours):
        return
    raise UsageError(
        f"--arch {arch} is no architecture for pairs: use {', '.join(ours)}, or {FAIRSEQS} to compare with"
    )


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
