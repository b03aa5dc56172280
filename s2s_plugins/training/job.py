"""What the worker is asked to do, and what it says meanwhile: JSON in, a JSON object a line out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Type, TypeVar, Union

T = TypeVar("T")
# what a training leaves in its folder
LAST, BEST = "checkpoint_last.pt", "checkpoint_best.pt"
HISTORY, ENDED = "history.jsonl", "ended.json"
CHOSEN = "arguments.json"  # of one that measured its speed: a resumed one is of the same


@dataclass(frozen=True)
class Hurried:
    """Other arguments for a training that the time cuts short.

    Args:
        below: the number of updates that they are for, at most.
        arguments: in place of the training's.
    """

    below: float
    arguments: List[str]


@dataclass(frozen=True)
class Training:
    """One training.

    Args:
        data: folder of prepared data.
        folder: where checkpoints go.
        arguments: for fairseq-train, as words.
        updates: most updates; None: as many as the time allows.
        seconds: for all of it; None: no limit.
        warmup: updates until the learning rate is at its peak.
        validate: ``"written"``: by the error of what the model writes; ``"classes"``: by that of the classes it gives;
            ``"none"``; or the name of a figure of the criterion.
        rises: that figure is better if higher.
        precision: ``"fp32"``, ``"bf16"`` or ``"auto"``: what is faster here.
        threads: of PyTorch; None: its own choice.
        patience: validations that are worse than the best by more than chance before the training ends early; 0: never.
        tensorboard: folder for TensorBoard.
        hurried: arguments for fewer updates, in rising order; the speed is measured first.
        start: model file whose weights are the first ones; None: they are drawn at random.
    """

    data: str
    folder: str
    arguments: List[str]
    updates: Optional[int] = None
    seconds: Optional[float] = None
    warmup: int = 100
    validate: str = "written"
    rises: bool = False
    precision: str = "auto"
    threads: Optional[int] = None
    patience: int = 8
    tensorboard: Optional[str] = None
    hurried: List[Hurried] = field(default_factory=list)
    start: Optional[str] = None


@dataclass(frozen=True)
class Save:
    """A model file of one or several checkpoints.

    Args:
        checkpoints: of the models.
        data: folder of prepared data.
        path: of the model file.
        licence: under which the model may be used.
        trained_on: what it was trained on, as a user reads it.
        pairs: whether the data is pairs; what else there is needs nothing of it.
    """

    checkpoints: List[str]
    data: str
    path: str
    licence: str = ""
    trained_on: str = ""
    pairs: bool = True


@dataclass(frozen=True)
class Job:
    """What a worker does: trainings, one after the other, then a model file.

    Args:
        trainings: in order.
        save: the model file; None: none.
        asked: when the job was given, in seconds since 1970: what starting takes counts as time of the first training.
    """

    trainings: List[Training]
    save: Optional[Save] = None
    asked: float = 0.0

    def write(self, path: Path) -> None:
        """As a file for the worker."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Job":
        """From a file of :meth:`write`."""
        values = json.loads(path.read_text(encoding="utf-8"))
        save = None if values["save"] is None else Save(**values["save"])
        trainings = []
        for one in values["trainings"]:
            hurried = [Hurried(**other) for other in one.pop("hurried")]
            trainings.append(Training(**one, hurried=hurried))
        return cls(trainings, save, values["asked"])


@dataclass(frozen=True)
class Said:
    """A line of what the worker says, for people.

    Args:
        text: the line.
    """

    text: str


@dataclass(frozen=True)
class Progress:
    """How far the training is.

    Args:
        updates: done so far.
        planned: updates of the whole training, as it is planned now.
        share: of the training that is done, 0 to 1.
        loss: mean of the last updates, in bits a token as fairseq's logs have it.
        seconds: of the training so far.
        left: seconds that are left; None: not known yet.
    """

    updates: int
    planned: int
    share: float
    loss: float
    seconds: float
    left: Optional[float]


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Args:
        source: as the user wrote it.
        prediction: of the model.
        reference: the first accepted target.
    """

    source: str
    prediction: str
    reference: str


@dataclass(frozen=True)
class Validation:
    """A validation.

    Args:
        updates: before it.
        seconds: of the training before it.
        error: of what the model writes, in percent, or the criterion's figure.
        train_loss: mean since the last validation, in bits a token.
        learning_rate: at this point.
        best: whether no earlier one was better.
        worst: up to five wrong predictions, the furthest from their references first.
        sources: number of sources that were predicted.
        figure: what ``error`` is: ``"error"``, in percent, or ``"loss"``.
    """

    updates: int
    seconds: float
    error: float
    train_loss: float
    learning_rate: float
    best: bool
    worst: List[Mistake] = field(default_factory=list)
    sources: int = 0
    figure: str = "error"


@dataclass(frozen=True)
class Ended:
    """The training is at its end.

    Args:
        checkpoint: of the model that was chosen.
        why: it was, and the training ended.
        error: of the chosen model at validation; None without one.
        updates: done.
        seconds: of training.
        precision: ``"fp32"`` or ``"bf16"``.
    """

    checkpoint: str
    why: str
    error: Optional[float]
    updates: int
    seconds: float
    precision: str


@dataclass(frozen=True)
class Failed:
    """The training cannot go on.

    Args:
        message: one line.
        code: exit code: 2: the user's flags or files, 1: something else.
    """

    message: str
    code: int


Event = Union[Said, Progress, Validation, Ended, Failed]
EVENTS: Dict[str, Type[Any]] = {kind.__name__: kind for kind in (Said, Progress, Validation, Ended, Failed)}


def to_line(event: Event) -> str:
    """An event as a line of JSON."""
    return json.dumps({"event": type(event).__name__, **asdict(event)}, ensure_ascii=False)


def from_line(line: str) -> Event:
    """An event from a line of :func:`to_line`."""
    values: Mapping[str, Any] = json.loads(line)
    kind = EVENTS[values["event"]]
    found = {name: value for name, value in values.items() if name != "event"}
    if kind is Validation:
        found["worst"] = [Mistake(**one) for one in found["worst"]]
    event: Event = kind(**found)
    return event
