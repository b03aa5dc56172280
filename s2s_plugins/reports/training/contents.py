"""What a report of a training is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Sequence, Tuple, Union

from s2s_plugins.evaluation.classes import ClassEvaluation
from s2s_plugins.evaluation.translations import Evaluation
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.reports.training.forecasts import Forecasts
from s2s_plugins.reports.training.points import Point

Scores = Union[Evaluation, ClassEvaluation]


@dataclass(frozen=True)
class TrainingReport:
    """All that the report of a training says.

    Attributes:
        title: of the page.
        test: scores on the test part; None without one.
        valid: scores on the validation part, by which the model was chosen; shown where there is no test part.
        histories: of each member of an ensemble, or of the only one, its moments in order.
        facts: how it was trained, by name, in the order in which they are shown.
        findings: what was said about the data.
        attention: sources with the weights of their outputs.
        figures: further figures by name.
        forecasts: of a forecaster, what it said; None of other models.
        kind: of the model, where neither scores nor forecasts tell it.
        absent: why something is not there, by the name of its part: ``"scores"``, ``"curves"``, ``"attention"``.
    """

    title: str
    test: Optional[Scores] = None
    valid: Optional[Scores] = None
    histories: Sequence[Sequence[Point]] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[str] = ()
    attention: Sequence[Alignment] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    forecasts: Optional[Forecasts] = None
    kind: str = "translator"
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> Optional[Scores]:
        """The scores that the page shows: of the test part if there is one."""
        return self.valid if self.test is None else self.test

    @property
    def part(self) -> str:
        """The name of the part that they are of; empty without scores."""
        return "" if self.shown is None else "validation" if self.test is None else "test"

    @property
    def points(self) -> Tuple[Point, ...]:
        """The moments of all members."""
        return tuple(point for history in self.histories for point in history)
