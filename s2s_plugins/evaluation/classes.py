"""How good a classifier's predictions are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.calibration import Bin, calibration_error, reliability
from s2s_plugins.evaluation.intervals import Interval, share_interval
from s2s_plugins.evaluation.translations import as_text


class ClassItem(NamedTuple):
    """A text that was classified.

    Attributes:
        text: as it was given.
        label: the right one.
        predicted: the most probable one.
        probability: of the predicted label.
        own_probability: of the right label.
    """

    text: str
    label: str
    predicted: str
    probability: float
    own_probability: float

    @property
    def is_right(self) -> bool:
        """Whether the predicted label is the right one."""
        return self.label == self.predicted


class ClassScores(NamedTuple):
    """Scores of a class, in percent; 0 where there is nothing to divide by.

    Attributes:
        label: of the class.
        texts: of the class.
        predicted: texts that were predicted to be of the class.
        precision: of these, those that are.
        recall: of the texts of the class, those that were predicted to be.
        f1: harmonic mean of both.
    """

    label: str
    texts: int
    predicted: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, repr=False)
class ClassEvaluation:
    """Scores of a classifier on texts with known labels. Rates are in percent.

    Attributes:
        labels: of the C classes.
        items: the texts, in the order of the data.
        error_rate: texts whose most probable label is wrong.
        error_interval: its 95 % confidence interval, by the bootstrap over texts.
        macro_f1: mean F1 of the classes that occur, as right or as predicted labels.
        calibration_error: expected calibration error of the most probable labels, in points, of 10 bins.
        calibration: these bins.
        by_class: precision, recall and F1.
        confusion: (C, C), numbers of texts; a row is a right label, a column a predicted one.
    """

    kind: ClassVar[str] = "classifier"
    labels: Tuple[str, ...]
    items: Tuple[ClassItem, ...]
    error_rate: float
    error_interval: Interval
    macro_f1: float
    calibration_error: Optional[float]
    calibration: Tuple[Bin, ...]
    by_class: Tuple[ClassScores, ...]
    confusion: Tuple[Tuple[int, ...], ...]

    @property
    def sources(self) -> int:
        """Number of texts."""
        return len(self.items)

    @property
    def wrong(self) -> int:
        """Number of texts whose predicted label is wrong."""
        return sum(not item.is_right for item in self.items)

    def errors(self) -> List[ClassItem]:
        """The texts with a wrong prediction, the most probable one first: candidates for mistakes in the data."""
        return sorted((item for item in self.items if not item.is_right), key=lambda item: -item.probability)

    def figures(self) -> Dict[str, Any]:
        """All figures, as what JSON can say; without the predictions."""
        return {
            "kind": self.kind,
            "sources": self.sources,
            "wrong": self.wrong,
            "error_rate": self.error_rate,
            "error_interval": list(self.error_interval),
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "calibration": [one._asdict() for one in self.calibration],
            "by_class": [one._asdict() for one in self.by_class],
            "labels": list(self.labels),
            "confusion": [list(row) for row in self.confusion],
        }

    def rows(self) -> List[Tuple[str, str, str]]:
        """The main figures: name, value, interval or what it counts."""
        return [
            ("texts", f"{self.sources:,}", f"{len(self.labels):,} classes"),
            ("error rate", f"{self.error_rate:.2f} %", str(self.error_interval)),
            ("macro F1", f"{self.macro_f1:.2f} %", ""),
            ("calibration error", f"{self.calibration_error or 0:.2f}", "points"),
        ]

    def __str__(self) -> str:
        return as_text(self.rows())

    def __repr__(self) -> str:
        return f"<evaluation of {self.sources:,} texts: {self.error_rate:.2f} % wrong, {self.error_interval}>"


def class_evaluation_of(items: Iterable[ClassItem], labels: Sequence[str], seed: int = 1) -> ClassEvaluation:
    """Score classified texts.

    Args:
        items: one or more.
        labels: of the classes, all that items have.
        seed: of the bootstrap.

    Raises:
        UsageError: there is nothing to score.
    """
    given = tuple(items)
    if not given:
        raise UsageError("there is nothing to evaluate, the data has no text: give one or more")
    numbers = {label: number for number, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, ([numbers[one.label] for one in given], [numbers[one.predicted] for one in given]), 1)
    right = [item.is_right for item in given]
    bins = reliability([item.probability for item in given], right)
    by_class = _by_class(confusion, labels)
    return ClassEvaluation(
        labels=tuple(labels),
        items=given,
        error_rate=100 * (1 - sum(right) / len(given)),
        error_interval=share_interval([not one for one in right], seed),
        macro_f1=float(np.mean([one.f1 for one in by_class if one.texts or one.predicted])),
        calibration_error=calibration_error(bins),
        calibration=bins,
        by_class=by_class,
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def _by_class(confusion: "np.ndarray[Any, np.dtype[np.int64]]", labels: Sequence[str]) -> Tuple[ClassScores, ...]:
    counts, predicted, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    precision, recall = 100 * right / np.maximum(predicted, 1), 100 * right / np.maximum(counts, 1)
    f1 = 200 * right / np.maximum(counts + predicted, 1)
    columns = zip(labels, counts, predicted, precision, recall, f1)
    return tuple(ClassScores(one, int(n), int(k), float(p), float(r), float(f)) for one, n, k, p, r, f in columns)
