"""The plan of a training on labelled texts: vectors or a model of all text first, then the classifier."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step
from s2s_plugins.text.labelled.prepare import prepare_labelled
from s2s_plugins.text.labelled.prepared import PreparedTexts, read_prepared
from s2s_plugins.text.labelled.reading import Unlabelled, read_texts
from s2s_plugins.text.pairs.options import is_data
from s2s_plugins.text.vectors import make_vectors
from s2s_plugins.training.job import BEST, Hurried, Job, Save, Training
from s2s_plugins.training.plan import QUIET, SECONDS_AFTER, Plan
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.recipes import Flags, Recipe, merged, words
from s2s_plugins.training.recipes_classes import (
    CUTOFFS,
    PRETRAIN_UPDATES,
    PRETRAIN_WARMUP,
    SMALLEST_CUT,
    pretraining_of,
    recipe_for,
    vectors_for,
)
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import ended_of
from s2s_plugins.training.testing_classes import summary, test_classes

SECONDS_A_TOKEN = 2e-5  # of classifying
LONGEST = 400  # tokens of a text that are read, at most
VECTORS_SHARE = 0.3  # of the time that is left, at most
PRETRAINING_SHARE = 0.5  # of what is left behind the vectors, for a model
ARCHITECTURES = {"lm": "lm_lstm", "sa": "sa_lstm"}  # by the pretraining
STARTS = {
    "vectors": "word vectors",
    "lm": "a language model",
    "sa": "a sequence autoencoder",
    "none": "random weights",
}
SHAPING = ("--decoder-", "--rnn-cell")  # how flags begin that give the model its shape
VECTORS_FILE = "vectors.txt"


class ClassesPlan(Plan):
    """The steps from labelled texts to a tested classifier.

    Args:
        data: to train on, as :func:`s2s_plugins.text.labelled.reading.read_texts` takes it.
        name: what the data is called.
        out: where everything goes.
        settings: of the training.
        screen: shows what happens.

    Raises:
        UsageError: data or settings do not fit.
    """

    def __init__(self, data: Any, name: str, out: Path, settings: TrainSettings, screen: Screen) -> None:
        super().__init__(name, out, settings, screen)
        if settings.members > 1:
            raise UsageError(f"--members {settings.members} vote on outputs of pairs alone: leave it out for classes")
        if settings.arch is not None and not settings.arch.startswith(tuple(ARCHITECTURES.values())):
            raise UsageError(f"--arch {settings.arch} is no classifier: use lm_lstm or sa_lstm, or their presets")
        options = settings.text_options
        given = {"train": data, "valid": options.valid, "test": options.test}
        self.parts = {part: read_texts(one, options.columns) for part, one in given.items() if is_data(one)}
        known = {part: pairs.fingerprint() for part, pairs in self.parts.items()}
        reading = {
            "data": known,
            "unlabelled": Unlabelled(options.unlabelled, options.text).fingerprint(),
            "options": options.plain(),
        }
        training = {"prepare": reading, "settings": settings.plain()}
        self.steps = [
            Step("prepare", "prepare", out / "data", reading, action=self.prepare),
            Step("vectors", "vectors", out / "vectors", training, action=self.vectors),
            Step("train", "train", out / "checkpoints", training, action=self.train, makes=[self.model]),
            Step("test", "test", None, training, action=self.test, makes=self.report),
        ]

    def prepare(self) -> None:
        """Read, look at and split the texts."""
        options = self.settings.text_options
        valid, test = (self.parts.get(part, getattr(options, part)) for part in ("valid", "test"))
        options = replace(options, valid=valid, test=test)
        self.say_all(prepare_labelled(self.parts["train"], self.out / "data", options).findings)

    @property
    def _prepared(self) -> PreparedTexts:
        return read_prepared(self.out / "data")

    def _pretrain(self, prepared: PreparedTexts) -> str:
        """What the classifier starts from."""
        return self.settings.pretrain or ("vectors" if prepared.level != "char" else "none")

    def vectors(self) -> None:
        """Train word vectors on all text."""
        prepared = self._prepared
        if self._pretrain(prepared) == "none":
            return
        flags = vectors_for(prepared)
        self.screen.say(f"word vectors of {flags['--dim']} numbers")
        seconds = self._seconds(prepared)
        make_vectors(
            prepared.folder / "pretrain",
            self.out / "vectors" / VECTORS_FILE,
            dim=int(str(flags["--dim"])),
            epochs=int(str(flags["--epochs"])),
            seed=self.settings.seed,
            # with several threads the vectors vary, as does all that ends by the clock
            workers=1 if seconds is None else max(1, min(8, os.cpu_count() or 1)),
            seconds=None if seconds is None else VECTORS_SHARE * seconds,
            say=self.screen.say,
        )

    def _seconds(self, prepared: PreparedTexts) -> Optional[float]:
        """For what is left to train."""
        texts = 2 * prepared.valid + prepared.test  # the first to calibrate, too
        return self.seconds_left(SECONDS_AFTER + SECONDS_A_TOKEN * texts * min(prepared.mean_length, LONGEST))

    def train(self) -> None:
        """Pretrain and fine-tune, and write the model file.

        Raises:
            UsageError: flags, data or settings do not fit.
            WorkError: a training failed.
        """
        prepared = self._prepared
        recipe = recipe_for(prepared)
        self.screen.say(f"recipe {recipe.name}: {recipe.reason}")
        seconds = self._seconds(prepared)
        trainings: List[Training] = []
        pretrain = self._pretrain(prepared)
        if pretrain in ARCHITECTURES:
            part = None if seconds is None else PRETRAINING_SHARE * seconds
            trainings.append(self._pretraining(prepared, ARCHITECTURES[pretrain], part))
            seconds = None if seconds is None else seconds * (1 - PRETRAINING_SHARE)
        trainings.append(self._finetuning(prepared, recipe, pretrain, seconds))
        save = Save(
            [str(self.folder(0) / BEST)],
            str(prepared.folder / "classify"),
            str(self.model),
            self.settings.licence,
            self.name,
            pairs=False,
        )
        self.run_jobs([Job(trainings, save, time.time())], ["model 1"])

    def _pretraining(self, prepared: PreparedTexts, arch: str, seconds: Optional[float]) -> Training:
        flags = merged(pretraining_of(arch), self._shape(prepared, arch), self._cutoffs(prepared, arch), self._start())
        return Training(
            data=str(prepared.folder / "pretrain"),
            folder=str(self._pretrained),
            arguments=[*words({**QUIET, **flags, "--seed": self.settings.seed}), *shaping(self.settings.flags)],
            updates=min(PRETRAIN_UPDATES, self.settings.updates or PRETRAIN_UPDATES),
            seconds=seconds,
            warmup=min(PRETRAIN_WARMUP, max(1, (self.settings.updates or PRETRAIN_UPDATES) // 10)),
            validate="none",
            precision=self.settings.precision,
        )

    def _finetuning(self, prepared: PreparedTexts, recipe: Recipe, pretrain: str, seconds: Optional[float]) -> Training:
        settings = self.settings
        arch = ARCHITECTURES.get(pretrain, "lm_lstm")
        start: Flags = {"--finetune-from-model": str(self._pretrained / BEST)}
        more = [self._shape(prepared, arch)]
        if pretrain in ARCHITECTURES:
            more += [self._cutoffs(prepared, arch), start]
        elif pretrain == "vectors":
            more.append(self._start())

        def arguments(flags: Flags) -> List[str]:
            flags = merged(flags, *more)
            return [*words({**QUIET, **flags, "--seed": settings.seed}), *settings.flags]

        updates = settings.updates or recipe.updates
        return Training(
            data=str(prepared.folder / "classify"),
            folder=str(self.folder(0)),
            arguments=arguments(recipe.flags),
            updates=updates,
            seconds=seconds,
            warmup=min(recipe.warmup, max(1, updates // 10)),
            validate="classes" if prepared.valid_held_out else "none",
            precision=settings.precision,
            tensorboard=settings.tensorboard,
            hurried=[
                Hurried(share * recipe.updates, arguments(recipe.within(share * recipe.updates - 1)))
                for share, _ in recipe.hurried
            ],
        )

    @property
    def _pretrained(self) -> Path:
        """Where the pretrained model is."""
        return self.out / "checkpoints" / "pretrained"

    def _start(self) -> Flags:
        return {"--decoder-embed-path": str(self.out / "vectors" / VECTORS_FILE)}

    def _shape(self, prepared: PreparedTexts, arch: str) -> Flags:
        """Architecture, and embeddings as long as the vectors."""
        flags: Flags = {"--arch": self.settings.arch or f"{arch}_small"}
        if self._pretrain(prepared) != "none":
            flags["--decoder-embed-dim"] = vectors_for(prepared)["--dim"]
        return flags

    @staticmethod
    def _cutoffs(prepared: PreparedTexts, arch: str) -> Flags:
        """The adaptive softmax, of a small dictionary with one cluster."""
        if prepared.symbols >= SMALLEST_CUT:
            return CUTOFFS
        return {**CUTOFFS, "--adaptive-softmax-cutoff": str(max(1, prepared.symbols // 2))}

    def test(self) -> None:
        """Classify what was held out, calibrate, and write the report."""
        prepared = self._prepared
        recipe, pretrain = recipe_for(prepared), self._pretrain(prepared)
        ended = [ended_of(self.folder(0))]
        facts = self.facts(f"{recipe.name}: {recipe.reason}", str(self._shape(prepared, "lm_lstm")["--arch"]), ended)
        facts["starts from"] = STARTS[pretrain]
        report = test_classes(prepared, self.out, self.model, self.folder(0), facts, self.name)
        self.screen.say(summary(report))


def shaping(flags: Sequence[str]) -> List[str]:
    """Those of a user's flags that give the model its shape, with their values: both trainings need them."""
    found: List[str] = []
    taken = False
    for word in flags:
        if word.startswith("--"):
            taken = word.startswith(SHAPING)
        if taken:
            found.append(word)
    return found
