"""The systems and their hyperparameters: the file to change; and the steps of it, for one language after the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from flags import Flags, words

from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step, checksum

ROOT = Path(__file__).resolve().parents[2]
USER_DIR = ["--user-dir", str(ROOT / "s2s_plugins")]
TRAIN, DEV = "_train.tsv", "_dev.tsv"  # how the files of a language are called, behind its name


@dataclass(frozen=True)
class System:
    """What a column of the table trains.

    Args:
        title: of the column.
        train: flags for fairseq-train.
        updates: of a training.
        demo: flags for the smaller size, on top.
        prepare: flags for prepare.py.
    """

    title: str
    train: Flags
    updates: int
    demo: Flags = field(default_factory=dict)
    prepare: Sequence[str] = ()

    def but(self, title: str, train: Flags, **others) -> "System":
        """The same system but for these flags (None: left out) and fields."""
        flags = {flag: value for flag, value in {**self.train, **train}.items() if value is not None}
        return replace(self, title=title, train=flags, **others)


COMMON: Flags = {
    "--encoder-bidirectional": True,
    "--criterion": "label_smoothed_cross_entropy",
    "--label-smoothing": 0.1,
    "--optimizer": "adam",
    "--clip-norm": 1,
    "--batch-size": 256,
}
SMALL: Flags = {"--encoder-embed-dim": 16, "--encoder-hidden-size": 16, "--decoder-hidden-size": 16}
SYSTEMS = {
    # the task's encoder-decoder (Gorman et al. 2020, section 4), untuned: one batch size and dropout for all languages
    "lstm": System(
        "fairseq's lstm",
        {
            **COMMON,
            "--arch": "lstm",
            "--encoder-embed-dim": 128,
            "--encoder-hidden-size": 512,
            "--decoder-embed-dim": 128,
            "--decoder-out-embed-dim": 128,
            "--decoder-hidden-size": 512,
            "--share-decoder-input-output-embed": True,
            "--dropout": 0.3,
            "--lr": 0.001,
        },
        updates=4000,
        demo={**SMALL, "--decoder-embed-dim": 16, "--decoder-out-embed-dim": 16},
    ),
    "attention_lstm": System(
        "attention_lstm",
        {
            **COMMON,
            "--arch": "attention_lstm",
            "--attention": "general",
            "--attention-timing": "after",
            "--attention-alignment": "monotonic",
            "--encoder-layers": 2,
            "--encoder-embed-dim": 128,
            "--encoder-hidden-size": 128,
            "--decoder-embed-dim": 128,
            "--decoder-hidden-size": 256,
            "--dropout": 0.4,
            "--batch-size": 64,
            "--lr": 0.005,
            "--adam-betas": "(0.9, 0.99)",
            "--lr-scheduler": "polynomial_decay",
            "--warmup-updates": 100,
        },
        updates=3000,
        demo={**SMALL, "--decoder-embed-dim": 16},
        prepare=["--decompose"],
    ),
}
OURS = "attention_lstm"
DEFAULT = list(SYSTEMS)
# the recipe but for one thing each: what that thing is worth
SYSTEMS.update(
    {
        "soft": SYSTEMS[OURS].but("soft attention", {"--attention-alignment": "soft"}),
        "hard": SYSTEMS[OURS].but("not monotonic", {"--attention-alignment": "hard"}),
        "composed": SYSTEMS[OURS].but("characters whole", {}, prepare=()),
        "one_layer": SYSTEMS[OURS].but("one encoder layer", {"--encoder-layers": 1}),
        "sharp": SYSTEMS[OURS].but("no label smoothing", {"--label-smoothing": 0}),
        "dropout_03": SYSTEMS[OURS].but("dropout 0.3", {"--dropout": 0.3}),
        "constant_lr": SYSTEMS[OURS].but(
            "lr 0.001 throughout", {"--lr": 0.001, "--lr-scheduler": None, "--warmup-updates": None}
        ),
    }
)
ABLATION = [name for name in SYSTEMS if name != "lstm"]
ENSEMBLE, NGRAMS = "ensemble", "ngrams"
# who votes: these with the first seed, then with the next; other settings err on other words, other seeds less so
MEMBERS = [OURS, "one_layer", "dropout_03"]
DEMO_UPDATES = 30


class Decoding(NamedTuple):
    """What a cell of the table is the mean of: the step that decodes a language's words with a system's models.

    Attributes:
        step: its output has the predictions.
        references: the file of the right ones.
        trainings: the steps that made the models.
    """

    language: str
    column: str
    step: Step
    references: Path
    trainings: Sequence[Step]


def languages(folder: Path) -> Dict[str, Dict[str, Path]]:
    """Name -> its files ``train`` and ``dev``, of those below ``folder`` that are called ``NAME_train.tsv`` and so on.

    Raises:
        UsageError: there is none, or a language has but one of them, or several.
    """
    if not folder.is_dir():
        raise UsageError(f"--data {folder} is no folder: name one with files LANGUAGE{TRAIN} and LANGUAGE{DEV}")
    found: Dict[str, Dict[str, Path]] = {}
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


class Plan:
    """The steps of all languages, a language after the other.

    Args:
        files: of :func:`languages`.
        systems: names in :data:`SYSTEMS`.
        members: how many models of :data:`MEMBERS` vote; from 2 on there is a column for their ensemble.
        seed: the first of all seeds.
        out: where everything goes.
        seeds: how many models of each system are trained and decoded.
        demo: few updates of small models.
        ngrams: whether n-grams of letters and phones vote with the models of ``members``, in a column of their own.

    Attributes:
        decodings: what the table is made of.
    """

    def __init__(
        self,
        files: Dict[str, Dict[str, Path]],
        systems: Sequence[str],
        members: int,
        seed: int,
        out: Path,
        seeds: int = 1,
        demo: bool = False,
        ngrams: bool = False,
    ) -> None:
        self.files, self.systems, self.members, self.seeds, self.ngrams = files, systems, members, seeds, ngrams
        self.seed, self.out, self.demo = seed, out, demo
        self.steps: List[Step] = []
        self.decodings: List[Decoding] = []
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
        folders: Dict[Tuple[str, ...], Tuple[Path, Step]] = {}
        trainings: Dict[str, Step] = {}

        def training(name: str, seed: int) -> Tuple[Path, Step]:
            """The folder of the data that a model reads, and its training: one step, whoever asks for it."""
            prepare = tuple(SYSTEMS[name].prepare)
            if prepare not in folders:
                folders[prepare] = self._data(language, prepare)
            data, binarise = folders[prepare]
            step = self._train(language, name, seed, data, binarise)
            if step.name not in trainings:
                trainings[step.name] = step
                self.steps.append(step)
            return data, trainings[step.name]

        for name in self.systems:
            for seed in range(self.seed, self.seed + self.seeds):
                data, step = training(name, seed)
                self._decode(language, name, f"{name}-seed{seed}", data, [step])
        if self.members > 1 or self.ngrams:
            voting = [(number // len(MEMBERS), MEMBERS[number % len(MEMBERS)]) for number in range(self.members)]
            found = [training(name, self.seed + further) for further, name in voting]
            data, models = found[0][0], [step for _, step in found]
            if self.members > 1:
                self._decode(language, ENSEMBLE, f"{ENSEMBLE}-of-{self.members}", data, models)
            if self.ngrams:
                self._vote(language, data, models)

    def _data(self, language: str, flags: Sequence[str]) -> Tuple[Path, Step]:
        """A folder of data, and the step that completes it."""
        name = "-".join(["data", *(flag.lstrip("-") for flag in flags)])
        files, folder = self.files[language], self.out / language / name
        command = [sys.executable, str(ROOT / "examples" / "g2p" / "prepare.py"), "--out", str(folder), *flags]
        command += ["--train", str(files["train"]), "--valid", str(files["dev"]), "--test", str(files["dev"])]
        settings = {"files": {kind: checksum(path) for kind, path in files.items()}, "flags": list(flags)}
        prepare = Step(f"prepare-{language}-{name}", "prepare", folder, settings, command)
        command = ["fairseq-preprocess", "--source-lang", "graphemes", "--target-lang", "phonemes"]
        for flag, split in (("--trainpref", "train"), ("--validpref", "valid"), ("--testpref", "test")):
            command += [flag, str(folder / split)]
        command += ["--destdir", str(folder / "bin")]
        settings = {"prepare": prepare.settings}
        binarise = Step(f"binarise-{language}-{name}", "binarise", folder / "bin", settings, command, goes_on=False)
        self.steps += [prepare, binarise]
        return folder, binarise

    def _train(self, language: str, name: str, seed: int, data: Path, binarise: Step) -> Step:
        system = SYSTEMS[name]
        updates = DEMO_UPDATES if self.demo else system.updates
        flags: Flags = {**system.train, **(system.demo if self.demo else {}), "--seed": seed, "--max-update": updates}
        if "--lr-scheduler" in flags:
            flags["--total-num-update"] = updates
        if self.demo and "--warmup-updates" in flags:
            flags["--warmup-updates"] = DEMO_UPDATES // 10
        folder = self.out / language / f"{name}-seed{seed}"
        command = [
            "fairseq-train",
            str(data / "bin"),
            *USER_DIR,
            "--save-dir",
            str(folder),
            *words(flags),
        ]
        # the last update is decoded: nothing is chosen by the words that are scored
        command += ["--disable-validation", "--save-interval-updates", "1000", "--keep-interval-updates", "1"]
        command += ["--no-epoch-checkpoints", "--log-format", "json", "--log-interval", "10"]
        return Step(
            f"train-{language}-{name}-seed{seed}",
            "train",
            folder,
            {"flags": flags, "data": binarise.settings},
            command,
            limits={"--max-update": updates},
            leftovers=["checkpoint_*_*.pt"],
        )

    def _decode(self, language: str, column: str, name: str, data: Path, trainings: List[Step]) -> None:
        paths = [training.folder / "checkpoint_last.pt" for training in trainings]
        flags: Flags = {"--beam": 5, "--batch-size": 256}
        command = ["fairseq-generate", str(data / "bin"), *USER_DIR, "--path", ":".join(map(str, paths))]
        step = Step(
            f"decode-{language}-{name}",
            "decode",
            None,
            {"flags": flags, "trainings": [training.settings for training in trainings]},
            command + words(flags),
            output=self.out / language / f"{name}.txt",
        )
        self.steps.append(step)
        self.decodings.append(Decoding(language, column, step, data / "test.tsv", trainings))

    def _vote(self, language: str, data: Path, trainings: List[Step]) -> None:
        """The n-grams of a language, and what they and the models say together."""
        script, folder = [sys.executable, str(ROOT / "examples" / "g2p" / "ngrams.py")], self.out / language
        command = [*script, "train", "--out", str(folder / "ngrams.fst")]
        command += ["--graphemes", str(data / "train.graphemes"), "--phonemes", str(data / "train.phonemes")]
        count = Step(f"ngrams-{language}", "ngrams", None, {"data": trainings[0].settings["data"]}, command)
        flags: Flags = {"--beam": 10, "--nbest": 10, "--json": True}
        command = ["s2s", "predict", *(str(training.folder / "checkpoint_last.pt") for training in trainings)]
        candidates = Step(
            f"candidates-{language}-of-{self.members}",
            "candidates",
            None,
            {"flags": flags, "trainings": [training.settings for training in trainings]},
            [*command, *words(flags)],
            input=data / "test.graphemes",
            output=folder / f"candidates-of-{self.members}.json",
        )
        vote = Step(
            f"decode-{language}-{NGRAMS}-of-{self.members}",
            "decode",
            None,
            {"candidates": candidates.settings, "ngrams": count.settings},
            [*script, "vote", "--model", str(folder / "ngrams.fst")],
            input=candidates.output,
            output=folder / f"{NGRAMS}-of-{self.members}.tsv",
        )
        self.steps += [count, candidates, vote]
        self.decodings.append(Decoding(language, NGRAMS, vote, data / "test.tsv", [*trainings, count]))
