"""What a user says about a training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.ngrams import check_weight
from s2s_plugins.inference.trained import NGRAMS_WEIGHT
from s2s_plugins.text.pairs.options import Options

PRECISIONS = ("auto", "fp32", "bf16")
DECIDED = {  # flags of fairseq-train that are ours to set, and what a user gives instead
    "--save-dir": "--out",
    "--max-update": "--updates",
    "--stop-time-hours": "--minutes",
    "--restore-file": "--from",
    "--finetune-from-model": "--from",
    "--tensorboard-logdir": "--tensorboard",
    "--seed": "--seed in front of --",
    "--arch": "--arch in front of --",
}


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained, beside what the data decides.

    Args:
        source: column of the source; None: the first of two.
        target: column of the target; None: the second of two.
        source_level: what a symbol of the source is, one of :data:`s2s_plugins.inference.spelling.LEVELS`; None:
            recognised.
        target_level: likewise of the target.
        valid: what the weights are chosen by: pairs, or the number of sources to hold out; None: a part of the data.
        test: what is predicted at the end; likewise.
        minutes: wall time from the start to the report; None: the recipe's number of updates.
        updates: of the weights, at most; None: the recipe's number.
        arch: an architecture; None: the recipe's.
        members: number of models that vote, with seeds that follow each other.
        ngrams: whether n-grams of the data are counted, and tested as voters beside the model.
        ngrams_weight: of the n-grams, 0 to 1.
        seed: of the split and of the first model.
        precision: of matrix products: ``"fp32"``, ``"bf16"``, or ``"auto"``, what is faster on this machine.
        licence: of the model, to stand in its file.
        tensorboard: folder for TensorBoard's curves.
        flags: for fairseq-train, as words; they win over the recipe's.

    Raises:
        UsageError: a value that makes no sense.
    """

    source: Optional[str] = None
    target: Optional[str] = None
    source_level: Optional[str] = None
    target_level: Optional[str] = None
    valid: Any = None
    test: Any = None
    minutes: Optional[float] = None
    updates: Optional[int] = None
    arch: Optional[str] = None
    members: int = 1
    ngrams: bool = False
    ngrams_weight: float = NGRAMS_WEIGHT
    seed: int = 1
    precision: str = "auto"
    licence: str = ""
    tensorboard: Optional[str] = None
    flags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0.1 <= self.minutes <= 100_000:
            raise UsageError(f"--minutes {self.minutes:g} is no time to train in: use 0.1 or more, at most 100,000")
        for name, least, most in (("updates", 1, 10**9), ("members", 1, 100), ("seed", 0, 2**31)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UsageError(f"--{name} {value} is out of range: use {least} to {most:,}")
        check_weight(self.ngrams_weight)
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision} is unknown: use one of {', '.join(PRECISIONS)}")
        for word in self.flags:
            name = word.partition("=")[0]
            if name in DECIDED:
                raise UsageError(f"{name} cannot stand behind --: use {DECIDED[name]}")

    @property
    def options(self) -> Options:
        """How the data is read and split."""
        names = ("source", "target", "source_level", "target_level", "seed", "valid", "test")
        return Options(**{name: getattr(self, name) for name in names})

    def plain(self) -> Dict[str, Any]:
        """What decides the model's weights, as JSON has it."""
        kept = ("minutes", "updates", "arch", "members", "seed", "precision", "licence")
        return {**{name: getattr(self, name) for name in kept}, "flags": list(self.flags)}

    def but(self, **changes: Any) -> "TrainSettings":
        """The same settings except for these."""
        return replace(self, **changes)
