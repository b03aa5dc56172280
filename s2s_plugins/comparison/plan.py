"""The steps of a comparison: for each system and seed a training, and a decoding of each split."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Step, checksum

PACKAGE = Path(__file__).resolve().parent.parent
VALIDATIONS = 10  # per training: the number of points of its learning curve
LOG_LINES = 200  # at most, per training

# the words for a flag that the user leaves out
DEFAULTS = {
    "--optimizer": ["--optimizer", "adam"],
    "--lr": ["--lr", "0.002"],
    "--lr-scheduler": ["--lr-scheduler", "polynomial_decay", "--warmup-updates", "{warmup}"]
    + ["--total-num-update", "{updates}"],
    "--clip-norm": ["--clip-norm", "1"],
    "--max-tokens": ["--max-tokens", "4000"],
}
INSTEAD = {"--max-tokens": "--batch-size"}  # no default for the first flag if the second one is given


@dataclass(frozen=True)
class System:
    """A model in the comparison.

    Args:
        name: in the report and in file names.
        arch: ``--arch``.
        flags: for fairseq-train; only flags that this architecture has.
        left_out: flags for all systems that this architecture does not have.
    """

    name: str
    arch: str
    flags: Tuple[str, ...] = ()
    left_out: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A system with one seed."""

    system: System
    seed: int
    train: Step
    decodes: Dict[str, Step]  # by split
    texts: Dict[str, Path]  # what these write

    @property
    def checkpoint(self) -> Path:
        return self.train.folder / self.train.settings["checkpoint"]


@dataclass(frozen=True)
class Settings:
    """What all systems share.

    Args:
        data: folder of fairseq-preprocess.
        out: folder for everything that is written.
        updates: of each training.
        seeds: each system is trained once with each of them.
        flags: for fairseq-train.
        own_flags: for the systems of these names, after ``flags``.
        subsets: the splits to decode, the main one first.
        beam: width of the beam search.
        decode_flags: for fairseq-generate.
        checkpoint: ``best`` by validation loss, or ``last``.
        references: folder of text, ``SPLIT.LANG``, to score against instead of the binarised one.

    Raises:
        UsageError: there is no split, or ``updates`` or ``beam`` is below 1.
    """

    data: Path
    out: Path
    updates: int
    seeds: Sequence[int] = (1,)
    flags: Sequence[str] = ()
    own_flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subsets: Sequence[str] = ("test",)
    beam: int = 5
    decode_flags: Sequence[str] = ()
    checkpoint: str = "best"
    references: Optional[Path] = None

    def __post_init__(self) -> None:
        if not self.subsets:
            raise UsageError("--subset is empty: name a split, as test")
        for name in ("updates", "beam"):
            value = getattr(self, name)
            if value < 1:
                raise UsageError(f"--{name} {value} is too small: use 1 or more")


def groups(flags: Sequence[str]) -> Iterator[List[str]]:
    """Each flag with its values: ``--dropout 0.1 --residual`` -> ``[--dropout, 0.1]``, ``[--residual]``.

    Raises:
        UsageError: there is a value before the first flag.
    """
    group: List[str] = []
    for word in flags:
        if word.startswith("--"):
            if group:
                yield group
            group = [word]
        elif group:
            group.append(word)
        else:
            raise UsageError(f"{word!r} after -- belongs to no flag: flags for fairseq-train begin with --")
    if group:
        yield group


def name_of(group: Sequence[str]) -> str:
    """``[--dropout=0.1]`` -> ``--dropout``."""
    return group[0].split("=")[0]


def recurrent() -> List[str]:
    """This plugin's architectures with an encoder and a decoder."""
    from fairseq.models import ARCH_MODEL_INV_REGISTRY, MODEL_REGISTRY

    from s2s_plugins.models.seq2seq import RecurrentModel

    return [name for name in ARCH_MODEL_INV_REGISTRY if issubclass(MODEL_REGISTRY[name], RecurrentModel)]


def model_flags(arch: str) -> Set[str]:
    """The flags that an architecture adds to those of fairseq-train, without those that it rejects.

    Raises:
        UsageError: there is no such architecture.
    """
    from fairseq.models import ARCH_MODEL_REGISTRY

    from s2s_plugins.models.config import flag
    from s2s_plugins.models.seq2seq import RecurrentModel

    if arch not in ARCH_MODEL_REGISTRY:
        raise UsageError(
            f"--archs {arch} is no architecture: use one of this plugin's, as attention_lstm, or of fairseq's, as lstm "
            "or transformer"
        )
    model = ARCH_MODEL_REGISTRY[arch]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    model.add_args(parser)
    known = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    if issubclass(model, RecurrentModel):
        known -= {flag(name) for name in model.useless_fields()}
    return known


def build_systems(names: Sequence[str], settings: Settings) -> List[System]:
    """``["basic_lstm", "luong=attention_lstm"]`` -> systems; each gets the flags that its architecture has.

    Raises:
        UsageError: an unknown architecture, a name twice, or flags of a system that does not take part.
    """
    pairs = [tuple(name.split("=", 1)) if "=" in name else (name, name) for name in names]
    chosen = [name for name, _ in pairs]
    for name in chosen:
        if not name:
            raise UsageError(f"--archs {','.join(names)} has an empty name: write --archs peek_lstm,attention_lstm")
        if chosen.count(name) > 1:
            raise UsageError(f"--archs names {name} twice: give one another name, as in luong=attention_lstm")
        if set(name) & set("/\\ \t"):
            raise UsageError(f"--archs {name!r} names files too: leave out slashes and spaces")
    for name in settings.own_flags:
        if name not in chosen:
            raise UsageError(f"--flags {name} is for no system of --archs {','.join(chosen)}")
    flags = {arch: model_flags(arch) for _, arch in pairs}
    # flags of models that do not take part this time are no error either
    of_models = set().union(*flags.values(), *map(model_flags, [*recurrent(), "lstm"]))
    systems = []
    for name, arch in pairs:
        kept: List[str] = []
        left_out: List[str] = []
        for group in groups(settings.flags):
            flag = name_of(group)
            if flag in of_models and flag not in flags[arch]:
                left_out.append(flag)
            else:
                kept += group
        systems.append(System(name, arch, (*kept, *settings.own_flags.get(name, ())), tuple(left_out)))
    return systems


def with_defaults(flags: Sequence[str], updates: int) -> List[str]:
    """``flags``, after the defaults of flags that are not given."""
    given = {name_of(group) for group in groups(flags)}
    values = {"updates": updates, "warmup": min(100, updates // 10)}
    before: List[str] = []
    for flag, words in DEFAULTS.items():
        if flag not in given and INSTEAD.get(flag) not in given:
            before += [word.format(**values) for word in words]
    return [*before, *flags]


class Plan:
    """The steps of a comparison, each before what needs it.

    Args:
        names: architectures; ``NAME=ARCH`` gives one a name of its own.
        settings: what all systems share.

    Attributes:
        systems: in the order of ``names``.
        references: the lines to score against, by split, if the settings name a folder of them.
        runs: seed by seed, so that every system has a result early.

    Raises:
        UsageError: settings that make no sense.
    """

    def __init__(self, names: Sequence[str], settings: Settings) -> None:
        self.settings = settings
        self.source_lang, self.target_lang = languages(settings.data, settings.subsets)
        self.references = read_references(settings, self.source_lang, self.target_lang)
        self.systems = build_systems(names, settings)
        self.checksums = {name: self._checksums(name) for name in ("dict", "train", "valid", *settings.subsets)}
        self.runs = [self._run(system, seed) for seed in settings.seeds for system in self.systems]

    @property
    def steps(self) -> List[Step]:
        return [step for run in self.runs for step in (run.train, *run.decodes.values())]

    def _checksums(self, name: str) -> Dict[str, int]:
        """File name -> checksum, of a split or of the dictionaries (``dict``)."""
        both = {self.source_lang, self.target_lang}
        found = sorted(path for path in self.settings.data.glob(f"{name}.*") if both & set(path.name.split(".")))
        return {path.name: checksum(path) for path in found}

    def _run(self, system: System, seed: int) -> Run:
        settings, name = self.settings, f"{system.name}-seed{seed}"
        folder = settings.out / "train" / name
        flags = with_defaults(system.flags, settings.updates)
        every = max(1, settings.updates // VALIDATIONS)
        command = ["fairseq-train", str(settings.data), "--user-dir", str(PACKAGE), "--arch", system.arch]
        command += ["--source-lang", self.source_lang, "--target-lang", self.target_lang]
        command += ["--save-dir", str(folder), "--seed", str(seed), "--max-update", str(settings.updates)]
        command += ["--validate-interval-updates", str(every), "--save-interval-updates", str(every)]
        # small data has epochs of a few updates: validate and save by updates alone
        command += ["--validate-interval", "1000000", "--save-interval", "1000000", "--keep-interval-updates", "1"]
        command += ["--no-epoch-checkpoints", "--log-format", "json"]
        command += ["--log-interval", str(max(1, settings.updates // LOG_LINES)), *flags]
        checkpoint = f"checkpoint_{settings.checkpoint}.pt"
        train = Step(
            f"train-{name}",
            "train",
            folder,
            {
                "data": {name: self.checksums[name] for name in ("dict", "train", "valid")},
                "arch": system.arch,
                "updates": settings.updates,
                "seed": seed,
                "flags": flags,
                "checkpoint": checkpoint,
            },
            command,
            limits={"--max-update": settings.updates},
            leftovers=["checkpoint_[0-9]*_[0-9]*.pt"]
            + (["checkpoint_last.pt"] if settings.checkpoint == "best" else []),
        )
        decodes = {subset: self._decode(name, subset, train, folder / checkpoint) for subset in settings.subsets}
        texts = {subset: self._text(name, subset) for subset in settings.subsets}
        return Run(system, seed, train, decodes, texts)

    def _decode(self, name: str, subset: str, train: Step, checkpoint: Path) -> Step:
        settings = self.settings
        command = ["fairseq-generate", str(settings.data), "--user-dir", str(PACKAGE), "--path", str(checkpoint)]
        command += ["--source-lang", self.source_lang, "--target-lang", self.target_lang]
        command += ["--gen-subset", subset, "--beam", str(settings.beam)]
        if not {"--batch-size", "--max-tokens"} & {name_of(group) for group in groups(settings.decode_flags)}:
            command += ["--batch-size", "128"]
        command += settings.decode_flags
        flags = list(settings.decode_flags)
        return Step(
            f"decode-{subset}-{name}",
            "decode",
            None,
            {
                "train": train.settings,
                "subset": subset,
                "data": self.checksums[subset],
                "beam": settings.beam,
                "flags": flags,
            },
            command,
            output=self._text(name, subset),
        )

    def _text(self, name: str, subset: str) -> Path:
        return self.settings.out / "decoded" / f"{subset}-{name}.txt"


def languages(data: Path, subsets: Sequence[str]) -> Tuple[str, str]:
    """Source and target language of binarised data, by its file names.

    Raises:
        UsageError: the folder is missing or holds no such split.
    """
    from fairseq.data.data_utils import infer_language_pair

    if not data.is_dir():
        raise UsageError(f"DATA-BIN {data} is no folder: name what fairseq-preprocess wrote")
    source, target = infer_language_pair(str(data))
    if source is None or target is None:
        raise UsageError(f"DATA-BIN {data} holds no pair of languages: name what fairseq-preprocess wrote")
    for split in ("train", "valid", *subsets):
        if not (data / f"{split}.{source}-{target}.{target}.idx").is_file():
            raise UsageError(f"{data} has no {split} split with a {target} side: make it with fairseq-preprocess")
    return source, target


def read_references(settings: Settings, source_lang: str, target_lang: str) -> Dict[str, List[str]]:
    """The lines of ``--references`` by split; empty without the flag.

    Raises:
        UsageError: a file is missing, or does not have as many lines as the split has sentences.
    """
    from fairseq.data.data_utils import load_indexed_dataset

    found: Dict[str, List[str]] = {}
    if settings.references is None:
        return found
    for split in settings.subsets:
        path = settings.references / f"{split}.{target_lang}"
        if not path.is_file():
            raise UsageError(
                f"--references {settings.references} has no {path.name}: it takes a line for each sentence"
            )
        try:
            found[split] = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise UsageError(f"--references {path} is not UTF-8 text") from None
        sentences = len(load_indexed_dataset(str(settings.data / f"{split}.{source_lang}-{target_lang}.{target_lang}")))
        if len(found[split]) != sentences:
            raise UsageError(f"{path} has {len(found[split])} lines for the {sentences} sentences of {settings.data}")
    return found


def attention_step(plan: Plan, run: Run, sentences: Sequence[int], path: Path, action: Callable[[], None]) -> Step:
    """The step that writes the decoder of one system, and its attention over some sentences of the first split, into
    ``path``."""
    settings = {"train": run.train.settings, "beam": plan.settings.beam, "sentences": list(sentences), "decoder": True}
    return Step(f"attention-{run.system.name}", "attention", None, settings, action=action, output=path)
