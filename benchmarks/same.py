"""Checks that the fast paths compute what the slow ones do, on the systems that are measured.

A check takes a :class:`Subject` and returns the largest difference that it saw; add one by adding it to ``CHECKS``
with the largest difference that passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List

from benchmarks.lab import Decoding, Training

BEAM = 5


@dataclass
class Subject:
    """One system under check.

    Args:
        flags: of fairseq-train, without the data folder.
        data, batches: training data, and sentence numbers of batches.
        test_data, test_batches: data to decode.
        checkpoint: a trained model of the system.
    """

    flags: List[str]
    data: dict
    batches: List[List[int]]
    test_data: dict
    test_batches: List[List[int]]
    checkpoint: str


def training_loss_without_dropout_equals_evaluation_loss(subject: Subject) -> float:
    """Relative difference of the loss with gradients in training mode, and without in evaluation mode."""
    training = Training([*subject.flags, "--dropout", "0"], subject.data, subject.batches[:1])
    training.model.train()
    loss, size, _ = training.criterion(training.model, training.samples[0])
    with_gradients, without = float(loss.detach()) / float(size), training.loss(0)
    return abs(with_gradients - without) / abs(without)


def search_of_the_task_equals_fairseqs_plain_search(subject: Subject) -> float:
    """Largest difference of a score, where ours ends as fairseq's does; infinite where the hypotheses differ."""
    decoding = Decoding(subject.test_data, subject.test_batches[:1], subject.checkpoint)
    generator = decoding.generator(BEAM)
    generator.patient = False
    _, ours = decoding.decode(generator, 0)
    _, expected = decoding.decode(decoding.generator(BEAM, plain=True), 0)
    worst = 0.0
    for one, other in zip(ours, expected):
        if len(one) != len(other):
            return math.inf
        for mine, theirs in zip(one, other):
            if mine["tokens"].tolist() != theirs["tokens"].tolist():
                return math.inf
            worst = max(worst, abs(float(mine["score"]) - float(theirs["score"])))
    return worst


CHECKS = [
    (training_loss_without_dropout_equals_evaluation_loss, 1e-4),
    (search_of_the_task_equals_fairseqs_plain_search, 1e-4),
]


def run_checks(subject: Subject) -> List[dict]:
    """A row for each check: its name, the difference, the limit, whether it passed."""
    rows = []
    for check, limit in CHECKS:
        difference = check(subject)
        rows.append(
            {
                "check": check.__name__.replace("_", " "),
                "difference": difference if math.isfinite(difference) else str(difference),  # JSON knows no infinity
                "limit": limit,
                "passed": difference <= limit,
            }
        )
    return rows
