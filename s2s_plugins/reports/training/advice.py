"""What a reader of a report may conclude from its figures, in sentences."""

from __future__ import annotations

from typing import List

from s2s_plugins.evaluation.translations import Evaluation
from s2s_plugins.reports.training.contents import Scores, TrainingReport

WIDE = 3.0  # points on either side from which an interval is called wide
SURE = 0.9  # a probability from which a prediction is called sure
RELIABLE = 90.0  # percent of right ones, from which sure predictions may be used without a look
LIKELY = 0.5  # a probability of a wrong prediction, from which the data may be what is wrong
HOPELESS = 90.0  # percent of wrong predictions, from which the model has learnt next to nothing
TRUE, MISCALIBRATED = 3.0, 10.0  # points of calibration error: up to which, and from which, something is said


def headline(scores: Scores, part: str) -> str:
    """What the error rate is, of what, and how well it is known."""
    what = "sources" if isinstance(scores, Evaluation) else "texts"
    return (
        f"of {scores.sources:,} {what} of the {part} part are predicted wrong; with 95 % confidence the rate lies "
        f"between {scores.error_interval.low:.2f} and {scores.error_interval.high:.2f} %."
    )


def advice(report: TrainingReport) -> List[str]:
    """Sentences about the scores that the page shows; none without."""
    scores = report.shown
    if scores is None:
        return []
    return [*_about_the_part(report, scores), *_about_probabilities(scores), *_about_errors(scores)]


def _about_the_part(report: TrainingReport, scores: Scores) -> List[str]:
    found = []
    if report.test is None:
        found.append(
            "There is no test part: these are the scores of the validation part, by which this model was chosen among "
            "those of the training. On new data, expect somewhat more errors."
        )
    half = (scores.error_interval.high - scores.error_interval.low) / 2
    if half > WIDE:
        found.append(
            f"The rate is known to about ± {half:.1f} points only. A smaller difference to another model says "
            "little; hold out more data to know better."
        )
    return found


def _about_probabilities(scores: Scores) -> List[str]:
    found = []
    sure = [item for item in scores.items if item.probability >= SURE]
    if sure:
        right = 100 * sum(item.is_right for item in sure) / len(sure)
        use = f"--min-probability {SURE} leaves the others to a person."
        found.append(
            f"{100 * len(sure) / len(scores.items):.0f} % of the predictions have a probability of {SURE} or more, and "
            f"{right:.1f} % of these are right: {use if right >= RELIABLE else 'they need a look too.'}"
        )
    error = scores.calibration_error
    if error is not None and error <= TRUE:
        found.append(f"The probabilities are what they say, to {error:.1f} points on average.")
    elif error is not None and error >= MISCALIBRATED:
        found.append(
            f"The probabilities are off by {error:.1f} points on average: compare them with each other, and do not "
            "read them as shares of right predictions."
        )
    return found


def _about_errors(scores: Scores) -> List[str]:
    found = []
    if scores.error_rate >= HOPELESS:
        found.append(
            "The model has learnt next to nothing: train longer, give more data, or see below whether columns and "
            "levels were recognised as you mean them."
        )
    if isinstance(scores, Evaluation) and scores.recall and scores.wrong:
        most, share = max(scores.recall.items())
        found.append(f"Of {share:.1f} % of the sources, a right output is among the {most} best predictions.")
    errors = scores.errors()
    if is_likely(scores):
        found.append(
            "Read the most probable errors below first: where a model is sure and the data says something else, the "
            f"data is often wrong. The first of them has a probability of {errors[0].probability:.2f}."
        )
    elif errors:
        found.append(
            f"The model is sure of none of its errors (the most probable one has {errors[0].probability:.2f}), so that "
            "they tell little of mistakes in the data."
        )
    return found


def is_likely(scores: Scores) -> bool:
    """Whether the model is so sure of an error that the data may be what is wrong."""
    errors = scores.errors()
    return bool(errors) and errors[0].probability >= LIKELY
