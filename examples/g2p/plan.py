"""The steps of the table: a training of each system on each language, and what models say together."""

from __future__ import annotations

import sys
import time
import unicodedata
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from common.corpora import write_lines
from common.recipe import Flags, merged, words
from common.trainings.run import command_of
from g2p.recipe import MEMBERS, OURS, SYSTEMS, TINY, TINY_UPDATES, System
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.ngrams import FILE
from s2s_plugins.reports.training.files import SCORES
from s2s_plugins.steps import Step, checksum
from s2s_plugins.text.pairs.prepared import read_prepared
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.training.job import BEST, Job, Save
from s2s_plugins.training.ngrams import FOLDER, Votes, count_ngrams
from s2s_plugins.training.progress import Screen
from s2s_plugins.training.run import train_in
from s2s_plugins.training.settings import TrainSettings
from s2s_plugins.training.testing import test_pairs
from s2s_plugins.training.workers import run_workers

TRAIN, DEV = "_train.tsv", "_dev.tsv"  # what a language's files are called, after its name
ENSEMBLE, NGRAMS = "ensemble", "ngrams"
MODEL = "model-1"  # the folder of a training's checkpoints

Files = Dict[str, Path]  # train and dev: WORD<TAB>PH PH lines


class Cell(NamedTuple):
    """A test; a cell of the table is the mean of one or several.

    Attributes:
        language: of the words.
        column: of the table.
        step: that makes the scores.
        scores: the file with them.
        trainings: the steps that made the models.
    """

    language: str
    column: str
    step: Step
    scores: Path
    trainings: Sequence[Step]


def languages(folder: Path) -> Dict[str, Files]:
    """Name -> its files, of those below ``folder`` that are called ``NAME_train.tsv`` and ``NAME_dev.tsv``.

    Raises:
        UsageError: there is none, or a language has but one of them, or several.
    """
    if not folder.is_dir():
        raise UsageError(f"--data {folder} is no folder: name one with files LANGUAGE{TRAIN} and LANGUAGE{DEV}")
    found: Dict[str, Files] = {}
    for kind, ending in (("train", TRAIN), ("dev", DEV)):
        for path in sorted(folder.rglob(f"*{ending}")):
            files = found.setdefault(path.name[: -len(ending)], {})
            if kind in files:
                raise UsageError(f"{files[kind]} and {path} are both of one language: name the folder of one of them")
            files[kind] = path
    for name, files in found.items():
        for kind, ending in (("train", TRAIN), ("dev", DEV)):
            if kind not in files:
                raise UsageError(f"--data {folder} has no {name}{ending} beside {next(iter(files.values())).name}")
    if not found:
        raise UsageError(f"--data {folder} has no file LANGUAGE{TRAIN}, of WORD<TAB>PH PH lines")
    return dict(sorted(found.items()))


def settings_of(system: System, test: Path, seed: int, demo: bool) -> TrainSettings:
    """How a system is trained: on all of the training words, so that nothing is chosen by words that are scored.

    Args:
        system: what is trained.
        test: the words that are scored.
        seed: of the training.
        demo: few updates of a small model.
    """
    tiny: Flags = {**TINY, **({"--decoder-out-embed-dim": 16} if system.arch == "lstm" else {})}
    return TrainSettings(
        task="pairs",
        valid=0,
        test=str(test),
        seed=seed,
        arch=system.arch,
        updates=TINY_UPDATES if demo else system.updates,
        source_level="token" if system.composed else None,
        flags=tuple(words(merged(system.changes, tiny if demo else {}))),
    )


def separated(path: Path) -> Iterator[str]:
    """``WORD<TAB>PH PH`` lines with the characters of the word, composed, as tokens."""
    for pair in read_pairs(path):
        yield f"{' '.join(unicodedata.normalize('NFC', pair.source))}\t{pair.target}"


def vote(data: Path, trainings: Sequence[Path], out: Path, weight: Optional[float]) -> None:
    """Test trained models together, and if asked for, with n-grams.

    Args:
        data: the words that they were trained on.
        trainings: their folders; all have read the same symbols.
        out: where the models go as one, and the scores.
        weight: of the n-grams; None: without any.
    """
    screen, prepared = Screen(sys.stdout), read_prepared(trainings[0] / "data")
    models = [training / "checkpoints" / MODEL for training in trainings]
    votes = None
    if weight is not None:
        votes = Votes(out / FILE, weight)
        count_ngrams(prepared, votes.path, out / "logs" / "ngrams.log", screen.say)
    save = Save([str(model / BEST) for model in models], str(prepared.folder), str(out / "model.safetensors"))
    run_workers([Job([], save, time.time())], [out / "logs" / "model-file.log"], screen.show)
    facts = {"models": ", ".join(training.name for training in trainings)}
    fingerprint = read_pairs(data).fingerprint()
    test_pairs(prepared, out, Path(save.path), models, facts, out.parent.name, fingerprint, votes)


class Languages:
    """The steps of all languages, a language after the other.

    Args:
        files: of :func:`languages`.
        systems: names in :data:`SYSTEMS`.
        out: where everything goes.
        members: how many models of :data:`MEMBERS` vote; from 2 on there is a column for their ensemble.
        seed: the first of all seeds.
        seeds: how many models of each system are trained.
        demo: few updates of small models.
        ngrams: whether n-grams of letters and phones vote with the models of ``members``, in a column of their own.

    Attributes:
        steps: in order.
        cells: what the table is made of.
    """

    def __init__(
        self,
        files: Dict[str, Files],
        systems: Sequence[str],
        out: Path,
        members: int = 1,
        seed: int = 1,
        seeds: int = 1,
        demo: bool = False,
        ngrams: bool = False,
    ) -> None:
        self.files, self.systems, self.members, self.seeds, self.ngrams = files, systems, members, seeds, ngrams
        self.seed, self.out, self.demo = seed, out, demo
        self.steps: List[Step] = []
        self.cells: List[Cell] = []
        for language in files:
            self._language(language)

    @property
    def columns(self) -> Dict[str, str]:
        """Name -> title, in the table's order."""
        found = {name: SYSTEMS[name].title for name in self.systems}
        if self.members > 1:
            found[ENSEMBLE] = f"{self.members} together"
        if self.ngrams:
            found[NGRAMS] = f"{self.members if self.members > 1 else SYSTEMS[OURS].title} and n-grams"
        return found

    def _language(self, language: str) -> None:
        trainings: Dict[Tuple[str, int], Step] = {}

        def training(name: str, seed: int) -> Step:
            """The training of a model, which is one step, whoever asks for it."""
            if (name, seed) not in trainings:
                trainings[name, seed] = self._train(language, name, seed)
                self.steps.append(trainings[name, seed])
            return trainings[name, seed]

        for name in self.systems:
            for seed in range(self.seed, self.seed + self.seeds):
                step = training(name, seed)
                self.cells.append(Cell(language, name, step, step.required_folder / SCORES, [step]))
        if self.members > 1 or self.ngrams:
            voting = [(number // len(MEMBERS), MEMBERS[number % len(MEMBERS)]) for number in range(self.members)]
            self._vote(language, [training(name, self.seed + further) for further, name in voting])

    def _train(self, language: str, name: str, seed: int) -> Step:
        folder, files = self.out / language / f"{name}-seed{seed}", self.files[language]
        if SYSTEMS[name].composed:
            files = self._separated(language)
        settings = settings_of(SYSTEMS[name], files["dev"], seed, self.demo)
        known: Dict[str, Any] = {kind: checksum(path) for kind, path in self.files[language].items()}
        return Step(
            f"train-{language}-{name}-seed{seed}",
            "train",
            folder,
            {"files": known, "settings": settings.plain()},
            command_of(files["train"], folder, settings),
            action=lambda: train_in(str(files["train"]), folder, settings),
        )

    def _separated(self, language: str) -> Files:
        """The step that writes a language's words with spaces between the characters."""
        folder, given = self.out / language / "separated", self.files[language]
        files = {kind: folder / path.name for kind, path in given.items()}

        def write() -> None:
            for kind, path in given.items():
                write_lines(files[kind], list(separated(path)))

        step = Step(
            f"separate-{language}",
            "prepare",
            folder,
            {"files": {kind: checksum(path) for kind, path in given.items()}},
            action=write,
        )
        if all(step.name != other.name for other in self.steps):
            self.steps.append(step)
        return files

    def _vote(self, language: str, trainings: List[Step]) -> None:
        """What several models say together, and what they and n-grams say."""
        weight = TrainSettings().ngrams_weight if self.ngrams else None
        out = self.out / language / f"of-{self.members}"
        folders, data = [training.required_folder for training in trainings], self.files[language]["train"]
        step = Step(
            f"vote-{language}-of-{self.members}{'-ngrams' if self.ngrams else ''}",
            "vote",
            out,
            {"trainings": [training.settings for training in trainings], "weight": weight},
            action=lambda: vote(data, folders, out, weight),
        )
        self.steps.append(step)
        if self.members > 1:
            self.cells.append(Cell(language, ENSEMBLE, step, out / SCORES, trainings))
        if self.ngrams:
            self.cells.append(Cell(language, NGRAMS, step, out / FOLDER / SCORES, trainings))
