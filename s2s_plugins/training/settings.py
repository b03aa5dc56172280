"""What a user says about a training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.ngrams import check_weight
from s2s_plugins.inference.trained import NGRAMS_WEIGHT
from s2s_plugins.series.planning import Asked
from s2s_plugins.text.features import FEATURES_AS
from s2s_plugins.text.labelled.options import TextOptions
from s2s_plugins.text.pairs.options import Options
from s2s_plugins.training.choices import FAIRSEQS, PRECISIONS, PRETRAININGS, TASKS

NAMES = {"start": "--from"}  # flags that Python has no such names for
LIMITS = {"updates": (1, 10**9), "horizon": (1, 10**6), "members": (1, 100), "seed": (0, 2**31)}
COPY = ("attention_lstm", "transducer_lstm")  # architectures that can copy
DECIDED = {  # flags of fairseq-train that are ours to set, and what a user gives instead
    "--save-dir": "--out",
    "--max-update": "--updates",
    "--stop-time-hours": "--minutes",
    "--restore-file": "--from",
    "--finetune-from-model": "--from",
    "--tensorboard-logdir": "--tensorboard",
    "--seed": "--seed in front of --",
    "--arch": "--arch in front of --",
    "--copy": "--copy or --no-copy in front of --",
    "--features-as": "--features-as in front of --",
}


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained, beside what the data decides.

    Args:
        task: what the data is for: ``"pairs"``, ``"classes"`` or ``"series"``; None: recognised.
        source: column of the source; None: the first of two.
        target: column of the target; None: the second of two.
        features: column of features of the source, as in ``lemma, form, V;PST``; None: one of three columns, if it
            looks like features, or none.
        features_separator: between two features; None: recognised.
        features_as: what the model makes of them, one of :data:`~s2s_plugins.text.features.FEATURES_AS`: symbols before
            the source (``"joined"``), or what every step of the decoder sees, beside the source (``"bag"``); None:
            ``"bag"``, if the data has features and the architecture is not fairseq's.
        copy: whether symbols of the source are copied, of those that training lacks too; None: if half of a target's
            symbols stand in its source, and the architecture can.
        source_level: what a symbol of the source is, one of :data:`s2s_plugins.text.spelling.LEVELS`; None:
            recognised.
        target_level: likewise of the target.
        vocab_size: number of pieces on each side that is made of sentences; None: by the amount of text.
        longest: tokens of a source or target at most, characters of sentences; None: 200, and 1,000.
        text: column of the texts of a classifier; None: the one called ``text``, or the first of two.
        label: column of their labels; None: the one called ``label``, or the second of two.
        unlabelled: further text for a classifier: paths, or texts.
        pretrain: what a classifier starts from, one of :data:`~s2s_plugins.training.choices.PRETRAININGS`;
            None: the recipe's choice.
        time: column of the times of series; None: rows are counted.
        value: columns of series that are forecast, with commas between them; None: all that have no other role.
        horizon: number of steps to forecast; None: a season.
        series: column that tells the series of a table apart.
        past: columns of series that are known up to the origin of a forecast, with commas between them.
        known: columns that are known in the future too, likewise.
        static: columns that are constant in a series, likewise.
        step: distance of the times, an alias of pandas; None: what they show.
        valid: what the weights are chosen by: pairs or labelled texts, or the number of sources, texts or rows to hold
            out; None: a part of the data.
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
        start: a model file to start from, in place of random weights; its architecture is taken with it.
        tensorboard: folder for TensorBoard's curves.
        flags: for fairseq-train, as words; they win over the recipe's.

    Raises:
        UsageError: a value that makes no sense.
    """

    task: Optional[str] = None
    source: Optional[str] = None
    target: Optional[str] = None
    features: Optional[str] = None
    features_separator: Optional[str] = None
    features_as: Optional[str] = None
    copy: Optional[bool] = None
    source_level: Optional[str] = None
    target_level: Optional[str] = None
    vocab_size: Optional[int] = None
    longest: Optional[int] = None
    text: Optional[str] = None
    label: Optional[str] = None
    unlabelled: Any = ()
    pretrain: Optional[str] = None
    time: Optional[str] = None
    value: Optional[str] = None
    horizon: Optional[int] = None
    series: Optional[str] = None
    past: Optional[str] = None
    known: Optional[str] = None
    static: Optional[str] = None
    step: Optional[str] = None
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
    start: Optional[str] = None
    tensorboard: Optional[str] = None
    flags: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.minutes is not None and not 0.1 <= self.minutes <= 100_000:
            raise UsageError(f"--minutes {self.minutes:g} is no time to train in: use 0.1 or more, at most 100,000")
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UsageError(f"--{name} {value} is out of range: use {least} to {most:,}")
        check_weight(self.ngrams_weight)
        for name in ("arch", "features_as"):
            value, flag = getattr(self, name), f"--{name.replace('_', '-')}"
            if self.start is not None and value is not None:
                raise UsageError(f"{flag} {value} does not go with --from, whose model has its own: leave one out")
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision} is unknown: use one of {', '.join(PRECISIONS)}")
        for name, choices in (("task", TASKS), ("pretrain", PRETRAININGS), ("features_as", FEATURES_AS)):
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise UsageError(f"--{name.replace('_', '-')} {value} is unknown: use one of {', '.join(choices)}")
        if self.features_as == "bag" and self.arch == FAIRSEQS:
            raise UsageError(f"--features-as bag is of the plugin's architectures, and --arch is {FAIRSEQS}")
        if self.copy is False and self.arch is not None and self.arch.startswith("transducer_lstm"):
            raise UsageError(f"--no-copy does not go with --arch {self.arch}, one of whose edits is to copy")
        if self.copy and not self.can_copy:
            raise UsageError(f"--copy is of {' and '.join(COPY)}, and --arch is {self.arch}: leave one of them out")
        for word in self.flags:
            name = word.partition("=")[0]
            if name in DECIDED:
                raise UsageError(f"{name} cannot stand behind --: use {DECIDED[name]}")

    def _check_kinds(self) -> None:
        """Check that numbers are numbers.

        Raises:
            UsageError: one is something else.
        """
        for name, what in (("minutes", (int, float)), *((name, (int,)) for name in LIMITS)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, what)):
                raise UsageError(f"{name} {value!r} is no {'whole ' if what == (int,) else ''}number")

    @property
    def can_copy(self) -> bool:
        """Whether the architecture can copy symbols of the source."""
        return self.arch is None or any(self.arch == name or self.arch.startswith(f"{name}_") for name in COPY)

    @property
    def options(self) -> Options:
        """How the data is read and split."""
        names = [
            *("source", "target", "features", "features_separator", "source_level", "target_level"),
            *("vocab_size", "longest", "seed", "valid", "test"),
        ]
        copy = self.copy if self.can_copy else False
        return Options(copy=copy, **{name: getattr(self, name) for name in names})

    @property
    def text_options(self) -> TextOptions:
        """How labelled texts are read and split."""
        names = ("text", "label", "unlabelled", "seed", "valid", "test")
        return TextOptions(level=self.source_level, **{name: getattr(self, name) for name in names})

    @property
    def series_asked(self) -> Asked:
        """What is said about series."""
        names = ("time", "horizon", "series", "step", "valid", "test")
        columns: Dict[str, Any] = {name: _listed(getattr(self, name)) for name in ("value", "past", "known", "static")}
        for part in ("valid", "test"):
            value = getattr(self, part)
            if value is not None and not isinstance(value, (int, str)):
                raise UsageError(f"{part} of series is a number of rows, or a time, not a {type(value).__name__}")
        return Asked(**columns, **{name: getattr(self, name) for name in names})

    def given(self, names: Sequence[str]) -> List[str]:
        """Those of the settings ``names`` that the user has chosen, as flags."""
        plain = TrainSettings.__dataclass_fields__
        values = {name: getattr(self, name) for name in names}
        chosen = [name for name, value in values.items() if value is not plain[name].default and not _is_empty(value)]
        return [NAMES.get(name, f"--{name.replace('_', '-')}") for name in chosen]

    def plain(self) -> Dict[str, Any]:
        """What decides the model's weights, as JSON has it."""
        kept = ("minutes", "updates", "arch", "members", "seed", "precision", "pretrain", "start", "features_as")
        return {**{name: getattr(self, name) for name in kept}, "flags": list(self.flags)}

    def but(self, **changes: Any) -> "TrainSettings":
        """The same settings except for these."""
        return replace(self, **changes)


def _is_empty(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and not value


def _listed(names: Union[str, Sequence[str], None]) -> Tuple[str, ...]:
    """``"a,b"`` -> a, b."""
    found = names.split(",") if isinstance(names, str) else list(names or ())
    return tuple(name.strip() for name in found if name.strip())
