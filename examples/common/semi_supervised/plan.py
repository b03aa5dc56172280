"""A table of experiments as a list of steps, each with the command that does it and the settings it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from common.engine import USER_DIR, prepare_step, train_command
from common.recipe import DEMO, Flags, number, options, words
from common.semi_supervised.recipe import PRESETS, Data, Experiment, Pretraining, Table
from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step, checksum
from s2s_plugins.text.vectors import make_vectors
from s2s_plugins.training.recipes_classes import OBJECTIVES

VECTORS = "vectors.txt"
DATA_SEED = 1  # the splits are the same for every seed of training


@dataclass(frozen=True)
class Run:
    """An experiment with one seed: the steps that make its figures. ``pretrain`` is empty from scratch."""

    experiment: Experiment
    seed: int
    pretrain: Tuple[Step, ...]
    finetune: Step
    test: Step


def checksums(folder: Path, files: Sequence[str]) -> Dict[str, int]:
    """The checksum of each file.

    Raises:
        UsageError: one cannot be read.
    """
    sums = {}
    for name in files:
        try:
            sums[name] = checksum(folder / name)
        except OSError as error:
            raise UsageError(f"--data {folder}: {name}: {error.strerror}; the table needs {', '.join(files)}") from None
    return sums


class Plan:
    """The steps of ``table``, each before what needs it.

    Args:
        table: what to run.
        size: ``demo``, ``default`` or ``full``.
        seeds: of the trainings.
        out: where everything goes.
        data: a folder of data of one's own in the form that ``prepare.py`` writes; None: prepare.py's.
        cache: where prepare.py keeps downloads; None: below ``out``.
        only: names of experiments; None: all.

    Attributes:
        steps: in the order in which they are done.
        runs: what the results are made of.

    Raises:
        UsageError: an unknown experiment, or data that cannot be read.
    """

    def __init__(
        self,
        table: Table,
        size: str,
        seeds: Sequence[int],
        out: Path,
        data: Optional[Path] = None,
        cache: Optional[Path] = None,
        only: Optional[Sequence[str]] = None,
    ) -> None:
        self.table, self.size, self.out, self.cache = table, size, out, cache
        known = [experiment.name for experiment in table.experiments]
        for name in only or ():
            if name not in known:
                raise UsageError(f"--only {name} is no experiment of {table.name}: choose among {', '.join(known)}")
        self.data = {entry.name: entry for entry in table.data}
        self.pretrainings = {entry.name: entry for entry in table.pretrainings}
        self._steps: Dict[str, Step] = {}
        self.texts = self._texts(data)
        chosen = [experiment for experiment in table.experiments if not only or experiment.name in only]
        self.runs = [self._run(experiment, seed) for seed in seeds for experiment in chosen]

    @property
    def steps(self) -> List[Step]:
        return list(self._steps.values())

    def _step(self, name: str, make: Callable[[], Step]) -> Step:
        """The step ``name``, made once; ``make`` asks for the steps before it, so these come first."""
        if name not in self._steps:
            self._steps[name] = make()
        return self._steps[name]

    def _texts(self, own: Optional[Path]) -> Step:
        """The step that provides the text files in its folder."""
        files = sorted({name for data in self.data.values() for name in self._files(data)})
        if own is not None:
            # nothing to run; with other files, all steps after it have other settings
            texts = Step("data", "data", own, {"files": checksums(own, files)}, keeps=True)
        else:
            folder = self.out / "data"
            flags: Flags = {"--seed": DATA_SEED}
            texts = self._step("data", lambda: prepare_step(self.table.name, folder, flags, self.cache, "data"))
        if self.size != DEMO:
            return texts
        count, part = self.table.demo_documents, self.out / "demo"
        settings = {"documents": count, "of": texts.settings}
        return self._step(
            "sample",
            lambda: Step(
                "sample", "sample", part, settings, action=lambda: sample(texts.required_folder, part, files, count)
            ),
        )

    @staticmethod
    def _files(data: Data) -> List[str]:
        return [data.train, data.valid, data.test, *data.unlabelled]

    def _prepare(self, name: str) -> Step:
        data, texts = self.data[name], self.texts.required_folder
        folder = self.out / "bin" / name
        before = self._prepare(data.tokens_from) if data.tokens_from else None

        def make() -> Step:
            # the tokens of the other folder are used as they are
            flags = {} if before else {"--level": "word", **data.flags.at(self.size)}
            command = ["s2s", "prepare"]
            for split in ("train", "valid", "test"):
                command += [f"--{split}", str(texts / getattr(data, split))]
            if data.unlabelled:
                command += ["--unlabelled", *(str(texts / file) for file in data.unlabelled)]
            command += ["--dest", str(folder)]
            if before:
                command += ["--tokens-from", str(before.required_folder)]
            settings = {"files": self._files(data), "flags": flags, "texts": self.texts.settings}
            if before:
                settings["tokens"] = before.settings
            return Step(f"prepare-{name}", "binarise", folder, settings, [*command, *words(flags)], resumes=False)

        return self._step(f"prepare-{name}", make)

    def _train(self, name: str, kind: str, data: Path, flags: Flags, settings: dict, start: Sequence[str] = ()) -> Step:
        folder = self.out / kind / name
        settings = {"flags": flags, **settings}
        command = [*train_command(data, folder, flags, {"--log-interval": 10}), *start]
        limits = {flag: number(flags, flag) for flag in ("--max-update", "--max-epoch") if flags.get(flag)}
        # needed to resume, and not afterwards
        leftovers = ["checkpoint_last.pt"]
        return Step(f"{kind}-{name}", kind, folder, settings, command, limits=limits, leftovers=leftovers)

    def _arch(self, arch: str) -> Flags:
        return {"--arch": f"{arch}_{PRESETS[self.size]}"}

    def _vectors(self, data: str, seed: int) -> Step:
        prepared, name = self._prepare(data), f"{data}-seed{seed}"
        folder = self.out / "vectors" / name
        flags = {**self.table.vectors.at(self.size), "--seed": seed}
        settings = {"flags": flags, "data": prepared.settings}
        return self._step(
            f"vectors-{name}",
            lambda: Step(
                f"vectors-{name}",
                "vectors",
                folder,
                settings,
                action=lambda: make_vectors(prepared.required_folder / "pretrain", folder / VECTORS, **options(flags)),
            ),
        )

    def _pretrain(self, pretraining: Pretraining, seed: int) -> Tuple[Step, ...]:
        """The steps, the last one being what a classifier starts from."""
        first = self._vectors(pretraining.data, seed)
        if pretraining.arch is None:
            return (first,)
        prepared = self._prepare(pretraining.data)
        table, size = self.table, self.size
        flags = {
            **OBJECTIVES[pretraining.arch],
            **self._arch(pretraining.arch),
            **table.model.at(size),
            **table.pretrain.at(size),
            **pretraining.flags.at(size),
            "--seed": seed,
        }
        name, text = f"{pretraining.name}-seed{seed}", prepared.required_folder / "pretrain"
        settings = {"data": prepared.settings, "vectors": first.settings}
        second = self._step(
            f"pretrain-{name}", lambda: self._train(name, "pretrain", text, flags, settings, self._start(first))
        )
        return first, second

    @staticmethod
    def _start(step: Step) -> List[str]:
        """The flags by which a training starts from what ``step`` made."""
        if step.kind == "vectors":
            return ["--decoder-embed-path", str(step.required_folder / VECTORS)]
        return ["--finetune-from-model", str(step.required_folder / "checkpoint_best.pt")]

    def _run(self, experiment: Experiment, seed: int) -> Run:
        prepared = self._prepare(experiment.data)
        pretrain: Tuple[Step, ...] = ()
        settings = {"data": prepared.settings}
        if experiment.pretraining:
            pretrain = self._pretrain(self.pretrainings[experiment.pretraining], seed)
            settings["pretraining"] = pretrain[-1].settings
        table, size, data = self.table, self.size, self.data[experiment.data]
        flags: Flags = {
            **{"--task": "text_classification", "--criterion": "text_classification"},
            **self._arch(experiment.arch),
            **table.model.at(size),
            **table.finetune.at(size),
            **data.finetune.at(size),
            **experiment.flags.at(size),
            **{"--best-checkpoint-metric": "accuracy", "--maximize-best-checkpoint-metric": True, "--seed": seed},
        }
        name = f"{experiment.name}-seed{seed}"
        documents = prepared.required_folder / "classify"
        start = self._start(pretrain[-1]) if pretrain else []
        finetune = self._step(
            f"finetune-{name}", lambda: self._train(name, "finetune", documents, flags, settings, start)
        )
        command = ["fairseq-validate", str(documents), *USER_DIR]
        command += ["--task", "text_classification", "--path", str(finetune.required_folder / "checkpoint_best.pt")]
        command += ["--valid-subset", "test", "--log-format", "json"]
        limits: Flags = {flag: flags.get(flag) for flag in ("--max-tokens", "--max-document-tokens", "--truncate")}
        test = self._step(
            f"test-{name}",
            lambda: Step(f"test-{name}", "test", None, finetune.settings, [*command, *words(limits)]),
        )
        return Run(experiment, seed, pretrain, finetune, test)


def sample(source: Path, destination: Path, files: Sequence[str], count: int) -> None:
    """The first ``count`` documents of each file, and the header of a table."""
    for name in files:
        path = destination / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with (source / name).open(encoding="utf-8", newline="\n") as lines:
            path.write_text("".join(islice(lines, count + name.endswith(".tsv"))), encoding="utf-8", newline="\n")
