"""How a model is trained, by what the data is like: the one table that ``s2s train`` and the examples read.

Measured figures behind the choices: ``docs/results``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from s2s_plugins.training.choices import FAIRSEQS

Flags = Dict[str, Union[str, int, float, bool, None]]


def words(flags: Flags) -> List[str]:
    """``{"--lr": 0.1, "--linear-gain": True, "--x": None}`` -> ``--lr 0.1 --linear-gain``."""
    line: List[str] = []
    for flag, value in flags.items():
        if value is True:
            line.append(flag)
        elif value is not None and value is not False:
            line += [flag, str(value)]
    return line


def merged(*parts: Flags) -> Flags:
    """All flags, the last value of each; ``None`` removes a flag."""
    together: Flags = {}
    for part in parts:
        together.update(part)
    return {flag: value for flag, value in together.items() if value is not None}


# flags that only these choices of others have
DEPENDENT = {"--optimizer": ("--adam-betas",), "--criterion": ("--label-smoothing",), "--max-tokens": ("--batch-size",)}


def without(flags: Flags, given: Sequence[str]) -> Flags:
    """The flags less those that are ``given`` as words, and those that only the choice that they replace has."""
    names = {word.partition("=")[0] for word in given if word.startswith("--")}
    names |= {other for name in names for other in DEPENDENT.get(name, ())}
    return {flag: value for flag, value in flags.items() if flag not in names}


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Args:
        name: of the recipe.
        reason: what in the data asks for it, as a user reads it.
        flags: for fairseq-train.
        updates: that gain something.
        warmup: updates until the learning rate is at its peak.
        hurried: flags for fewer updates than ``updates``, where the time is short: the largest share of ``updates``
            that each is for, and what it changes, in rising order.
    """

    name: str
    reason: str
    flags: Flags
    updates: int
    warmup: int = 100
    hurried: Sequence[Tuple[float, Flags]] = ()

    def within(self, updates: Optional[float]) -> Flags:
        """The flags for a training of so many updates; None: of all of them."""
        if updates is not None:
            for share, changes in self.hurried:
                if updates < share * self.updates:
                    return merged(self.flags, changes)
        return self.flags


# what every pair recipe has
PAIRS: Flags = {
    "--encoder-bidirectional": True,
    "--criterion": "label_smoothed_cross_entropy",
    "--label-smoothing": 0.1,
    "--optimizer": "adam",
    "--adam-betas": "(0.9, 0.99)",
    "--clip-norm": 1,
    "--arch": "attention_lstm",
    "--attention": "general",
    "--attention-timing": "after",
}
# symbols of both sides come in the same order
MONOTONIC: Flags = {
    **PAIRS,
    "--attention-alignment": "monotonic",
    "--encoder-layers": 2,
    "--encoder-embed-dim": 128,
    "--decoder-embed-dim": 128,
    "--decoder-hidden-size": 256,
    "--batch-size": 64,
}
FEW_WORDS = 20_000  # fewer pairs than this to train on
FEW = Recipe(
    "few",
    f"under {FEW_WORDS:,} pairs whose symbols come in the same order",
    {**MONOTONIC, "--encoder-hidden-size": 128, "--dropout": 0.4, "--lr": 0.005},
    updates=3000,
    hurried=((0.15, {"--dropout": 0.1, "--lr": 0.01}), (0.5, {"--dropout": 0.3})),
)
MANY = Recipe(
    "many",
    "many pairs whose symbols come in the same order",
    {**MONOTONIC, "--encoder-hidden-size": 256, "--dropout": 0.3, "--lr": 0.002},
    updates=40_000,
    hurried=(
        (
            0.05,
            {
                "--attention-alignment": None,
                "--encoder-layers": None,
                "--encoder-hidden-size": 128,
                "--dropout": 0,
                "--batch-size": 256,
                "--lr": 0.01,
                "--label-smoothing": 0,
            },
        ),
        (0.15, {"--dropout": 0.1, "--lr": 0.005}),
        (0.4, {"--dropout": 0.2, "--lr": 0.004}),
    ),
)
# small alphabets in another order, or outputs that are many times longer
CROSSING = Recipe(
    "crossing",
    "small alphabets, symbols in another order, or in none that shows",
    {
        **PAIRS,
        "--encoder-layers": 1,
        "--encoder-embed-dim": 64,
        "--decoder-embed-dim": 64,
        "--encoder-hidden-size": 128,
        "--decoder-hidden-size": 256,
        "--dropout": 0.2,
        "--lr": 0.005,
        "--batch-size": 64,
    },
    updates=6000,
    hurried=((0.3, {"--dropout": 0.1}),),
)
FEATURES = replace(CROSSING, name="features", reason="features beside the sources")
FEW_FORMS = 5000  # fewer pairs than this to train on
EDITS = Recipe(
    "edits",
    f"under {FEW_FORMS:,} pairs with features beside the sources, and targets that copy from them",
    {**CROSSING.flags, "--arch": "transducer_lstm", "--dropout": 0.3},
    updates=6000,
    hurried=((0.3, {"--dropout": 0.1}),),
)
MANY_EDITS = replace(
    EDITS,
    name="many edits",
    reason="many pairs with features beside the sources, and targets that copy from them",
    updates=20_000,
)
TEXT = Recipe(
    "text",
    "sentences",
    {
        **PAIRS,
        "--encoder-embed-dim": 256,
        "--decoder-embed-dim": 256,
        "--encoder-hidden-size": 256,
        "--decoder-hidden-size": 512,
        "--dropout": 0.3,
        "--lr": 0.002,
        "--max-tokens": 2000,
    },
    updates=30_000,
    hurried=((0.2, {"--dropout": 0.1, "--lr": 0.004}),),
)
RECIPES = {recipe.name: recipe for recipe in (FEW, MANY, CROSSING, FEATURES, EDITS, MANY_EDITS, TEXT)}

IN_ORDER = 0.5  # a monotonicity from which attention may be monotonic
SMALL_ALPHABET = 1000  # symbols
# Of pairs of CMUdict and of 15 languages, 5 in shuffled order look monotonic one time of twenty, 10 one of a hundred;
# 50 in order look otherwise one time of fifty, 100 never.
FEWEST_IN_ORDER, FEWEST_CROSSING = 10, 100


def recipe_for(prepared: Any) -> Recipe:
    """The recipe for prepared pairs, by alphabets, order and amount."""
    sides = (prepared.source, prepared.target)
    if any(side.level == "sentencepiece" or side.symbols > SMALL_ALPHABET for side in sides):
        return TEXT
    pairs, in_order = prepared.train.pairs, prepared.monotonicity >= IN_ORDER
    if prepared.source.features is not None:
        return FEATURES if not prepared.copies else EDITS if pairs < FEW_FORMS else MANY_EDITS
    if pairs < (FEWEST_IN_ORDER if in_order else FEWEST_CROSSING):
        what = "1 pair is" if pairs == 1 else f"{pairs} pairs are"
        return replace(CROSSING, reason=f"{what} too few to tell the order of the symbols: attention for any order")
    if not in_order:
        return CROSSING
    return FEW if pairs < FEW_WORDS else MANY


def for_arch(flags: Flags, arch: str) -> Flags:
    """The same recipe for another architecture, without the flags that it does not have."""
    changes: Flags = {"--arch": arch}
    if not arch.startswith("attention_lstm"):
        flags_of_attention = ("--attention", "--attention-timing", "--attention-alignment", "--copy")
        changes.update(dict.fromkeys(flags_of_attention))
    if arch.startswith("basic_lstm"):
        changes["--decoder-embed-dim"] = None
    if arch == FAIRSEQS:  # it has as many layers on both sides, and an output of one size
        changes["--decoder-layers"] = flags.get("--encoder-layers")
        changes["--decoder-out-embed-dim"] = flags.get("--decoder-embed-dim")
    return merged(flags, changes)


def for_data(flags: Flags, prepared: Any, arch: Optional[str] = None, features_as: Optional[str] = None) -> Flags:
    """A recipe's flags for prepared pairs.

    Args:
        flags: the recipe's.
        prepared: the data, whose features and copied symbols are seen to.
        arch: the architecture; None: the recipe's.
        features_as: what it makes of features; None: every step sees them.
    """
    arch = arch or str(flags["--arch"])
    shaped: Flags = {**flags, "--copy": True if prepared.copies else None}
    if prepared.source.features is not None and arch != FAIRSEQS:
        shaped["--features-as"] = features_as or "bag"
    return for_arch(shaped, arch)
