"""Measures of a classifier from its confusion matrix, computed by scikit-learn.

Shape letters: C classes.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np
from fairseq.logging.meters import Meter
from sklearn.metrics import classification_report, f1_score

WIDEST_MATRIX = 30


def _pairs(matrix: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nonzero cells of a confusion matrix: true class, predicted class and count."""
    true, predicted = np.nonzero(matrix)
    return true, predicted, matrix[true, predicted]


def macro_f1(matrix: np.ndarray) -> float:
    """The mean F1 of the classes that occur, as label or as prediction; from 0 to 1.

    Args:
        matrix: (C, C), counts by true class (row) and predicted class (column).
    """
    true, predicted, counts = _pairs(matrix)
    if not len(true):
        return 0.0
    return float(f1_score(true, predicted, sample_weight=counts, average="macro", zero_division=0))


def describe(matrix: np.ndarray, labels: Sequence[str]) -> str:
    """A table of precision, recall, F1 and count of each class, and the confusion matrix.

    Args:
        matrix: (C, C), counts by true class (row) and predicted class (column).
        labels: C names.
    """
    true, predicted, counts = _pairs(matrix)
    table = classification_report(
        true,
        predicted,
        labels=list(range(len(labels))),
        target_names=list(labels),
        sample_weight=counts,
        digits=3,
        zero_division=0,
    )
    return table + "\n" + _confusion(matrix, labels)


def _confusion(matrix: np.ndarray, labels: Sequence[str]) -> str:
    """The matrix as text, a row for each true class; of many classes, the most frequent mistakes."""
    if len(labels) > WIDEST_MATRIX:
        mistakes = matrix.copy()
        np.fill_diagonal(mistakes, 0)
        order = np.argsort(-mistakes, axis=None, kind="stable")[:WIDEST_MATRIX]
        cells = [np.unravel_index(cell, matrix.shape) for cell in order]
        lines = [
            f"{mistakes[cell]:>6} {labels[cell[0]]} taken for {labels[cell[1]]}" for cell in cells if mistakes[cell]
        ]
        return "\n".join(["most frequent mistakes:", *lines])
    width = max(len(label) for label in labels)
    cell = max(4, len(str(matrix.max(initial=0))) + 1)
    lines = [f"{'true class':>{width}}     predicted as class"]
    lines.append(" " * (width + 4) + "".join(f"{number:>{cell}}" for number in range(len(labels))))
    for number, label in enumerate(labels):
        lines.append(f"{label:>{width}}{number:>4}" + "".join(f"{count:>{cell}}" for count in matrix[number]))
    return "\n".join(lines)


class ConfusionMeter(Meter):
    """The sum of confusion matrices, (C, C)."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.matrix: np.ndarray = np.zeros((0, 0), dtype=np.int64)

    def update(self, matrix: np.ndarray) -> None:
        self.matrix = matrix if self.matrix.size == 0 else self.matrix + matrix

    def state_dict(self) -> dict:
        rows: List[list] = self.matrix.tolist()
        return {"matrix": rows}

    def load_state_dict(self, state_dict: dict) -> None:
        self.matrix = np.array(state_dict["matrix"], dtype=np.int64)

    @property
    def smoothed_value(self) -> float:
        return 100.0 * macro_f1(self.matrix)
