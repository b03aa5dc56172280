"""What a comparison asks of its data: how a model is trained on them, how it predicts, and how that is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List, Mapping, Optional, Sequence

from s2s_plugins.comparison.systems import System
from s2s_plugins.errors import UsageError
from s2s_plugins.steps import Runner, Step, checksum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from s2s_plugins.reports.diagram import Diagram

Json = Dict[str, Any]  # an object of results.json
TRAIN, PREDICT = "train", "predict"  # kinds of steps


@dataclass(frozen=True)
class Settings:
    """What all systems share.

    Args:
        out: folder for everything that is written.
        updates: of each training.
        seeds: each system is trained once with each of them.
        flags: for fairseq-train.
        own_flags: for the systems of these names, after ``flags``.
        checkpoint: ``best`` by validation loss, or ``last``.
        title: of the report; None: made of the name of the data.

    Raises:
        UsageError: ``updates`` is below 1.
    """

    out: Path
    updates: int
    seeds: Sequence[int] = (1,)
    flags: Sequence[str] = ()
    own_flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    checkpoint: str = "best"
    title: Optional[str] = None

    def __post_init__(self) -> None:
        at_least(1, updates=self.updates)


def at_least(least: int, **values: int) -> None:
    """Check what flags say.

    Raises:
        UsageError: a value is below ``least``.
    """
    for name, value in values.items():
        if value < least:
            raise UsageError(f"--{name.replace('_', '-')} {value} is too small: use {least} or more")


@dataclass(frozen=True)
class Run:
    """A system with one seed.

    Args:
        system: what is trained.
        seed: of the training.
        train: the step that trains.
        predictions: the step that predicts each split; its ``output`` is what it writes.
    """

    system: System
    seed: int
    train: Step
    predictions: Dict[str, Step]

    @property
    def checkpoint(self) -> Path:
        return self.train.required_folder / self.train.settings["checkpoint"]


@dataclass(frozen=True)
class Inside:
    """What the report draws of models.

    Args:
        maps: for each system with attention, heat maps as HTML.
        diagrams: drawings of the systems' decoders.
    """

    maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    diagrams: "Sequence[Diagram]" = ()


class Data(ABC):
    """Data of one kind: text, or series of numbers.

    Args:
        path: the folder.
        subsets: the splits to predict, the main one first.

    Attributes:
        kind: in results.json; the template of the report is called so.
        shared: in the settings of a training, beside ``train`` and ``valid``: files that all splits share.
        batch: the default of the flag that says how large a batch is.
        instead: flags that take the place of that one.
        units: what is counted per second, in training and in prediction: keys of results.json and column heads.

    Raises:
        UsageError: ``subsets`` is empty.
    """

    kind: ClassVar[str]
    shared: ClassVar[str]
    batch: ClassVar[Sequence[str]]
    instead: ClassVar[Sequence[str]]
    units: ClassVar[Mapping[str, str]]

    def __init__(self, path: Path, subsets: Sequence[str]) -> None:
        if not subsets:
            raise UsageError("--subset is empty: name a split, as test")
        self.path, self.subsets = path, list(subsets)
        self._checksums: Dict[str, Dict[str, int]] = {}

    @abstractmethod
    def check(self, systems: Sequence[System]) -> None:
        """See that these systems can take part.

        Raises:
            UsageError: one cannot.
        """

    @abstractmethod
    def files(self, part: str) -> List[Path]:
        """The files of a split, or those of :attr:`shared`."""

    @abstractmethod
    def task_flags(self) -> List[str]:
        """Flags for fairseq-train that say what the data are."""

    @abstractmethod
    def prediction(self, out: Path, name: str, subset: str, train: Step, checkpoint: Path) -> Step:
        """The step that predicts a split, of kind :data:`PREDICT`, with the path of what it writes as its output."""

    @abstractmethod
    def speed(self, step: Step, log: Path) -> float:
        """What a finished prediction did per second.

        Raises:
            StepError: it has not said so.
        """

    @property
    @abstractmethod
    def metrics(self) -> List[Json]:
        """``name``, ``title`` and ``rises`` of each score, the main one first; rises is null where neither more nor
        less is better."""

    @property
    @abstractmethod
    def baselines(self) -> List[Json]:
        """``name`` and ``about`` of the rows that have no training."""

    @abstractmethod
    def subset(self, name: str, runs: Sequence[Run]) -> Json:
        """What the report shows of a split, from finished predictions: at least ``name`` and ``scores`` by system and
        baseline, each a list with an object for each run."""

    @abstractmethod
    def about(self) -> Json:
        """The settings of results.json that this kind of data has."""

    @abstractmethod
    def figures(self, results: Json) -> "Dict[str, Figure]":
        """Plots of a comparison, by the name of their file."""

    def signatures(self) -> List[str]:
        """Lines about how scores were computed."""
        return []

    def look_inside(self, settings: Settings, runs: Sequence[Run], runner: Runner, results: Json) -> bool:
        """Write what the report draws of the models; returns whether it draws anything."""
        return False

    def inside(self, settings: Settings, results: Json) -> Inside:
        """What :meth:`look_inside` wrote."""
        return Inside()

    def checksums(self, part: str) -> Dict[str, int]:
        """File name -> checksum of each of :meth:`files`."""
        if part not in self._checksums:
            self._checksums[part] = {path.name: checksum(path) for path in self.files(part)}
        return self._checksums[part]
