"""The systems of a comparison, and the flags of fairseq-train that each of them gets."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Iterator, List, Mapping, Sequence, Set, Tuple

from s2s_plugins.errors import UsageError

# the words for a flag that the user leaves out
DEFAULTS = {
    "--optimizer": ["--optimizer", "adam"],
    "--lr": ["--lr", "0.002"],
    "--lr-scheduler": ["--lr-scheduler", "polynomial_decay", "--warmup-updates", "{warmup}"]
    + ["--total-num-update", "{updates}"],
    "--clip-norm": ["--clip-norm", "1"],
}


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


def build_systems(names: Sequence[str], flags: Sequence[str], own_flags: Mapping[str, Sequence[str]]) -> List[System]:
    """``["basic_lstm", "luong=attention_lstm"]`` -> systems; each gets the flags that its architecture has.

    Args:
        names: architectures; ``NAME=ARCH`` gives one a name of its own.
        flags: for all systems.
        own_flags: for the systems of these names, after ``flags``.

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
    for name in own_flags:
        if name not in chosen:
            raise UsageError(f"--flags {name} is for no system of --archs {','.join(chosen)}")
    known = {arch: model_flags(arch) for _, arch in pairs}
    # flags of models that do not take part this time are no error either
    of_models = set().union(*known.values(), *map(model_flags, [*recurrent(), "lstm"]))
    systems = []
    for name, arch in pairs:
        kept: List[str] = []
        left_out: List[str] = []
        for group in groups(flags):
            flag = name_of(group)
            if flag in of_models and flag not in known[arch]:
                left_out.append(flag)
            else:
                kept += group
        systems.append(System(name, arch, (*kept, *own_flags.get(name, ())), tuple(left_out)))
    return systems


def with_defaults(flags: Sequence[str], updates: int, size: Sequence[str], instead: Sequence[str] = ()) -> List[str]:
    """``flags``, after the defaults of flags that are not given.

    Args:
        flags: for fairseq-train.
        updates: of the training.
        size: the default flag and value that say how large a batch is.
        instead: no such default if one of these is given.
    """
    given = {name_of(group) for group in groups(flags)}
    values = {"updates": updates, "warmup": min(100, updates // 10)}
    before: List[str] = []
    for flag, words in DEFAULTS.items():
        if flag not in given:
            before += [word.format(**values) for word in words]
    return [*before, *(() if given & {size[0], *instead} else size), *flags]
