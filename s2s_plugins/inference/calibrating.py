"""A trained model's probabilities, fitted to data with known outputs."""

from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.calibration import calibration_error, reliability
from s2s_plugins.inference.calibration import FOLDS, fit, fit_temperature, folds, probabilities_of, tempered
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.evaluation import NBEST, Names, labelled, predicted
from s2s_plugins.inference.trained import Trained
from s2s_plugins.inference.translator import Translator
from s2s_plugins.text.pairs.survey import key_of

FEWEST = 10  # sources


class Calibrated(NamedTuple):
    """What a calibration was fitted to, and what it changes.

    Attributes:
        sources: their number.
        right: of these, those whose best prediction is right.
        before: calibration error of the best predictions before, in points, of 10 bins.
        after: the same of a calibration that was fitted without the source, by 5-fold cross-validation.
        is_own: whether a translator's own probabilities do as well, and are left.
    """

    sources: int
    right: int
    before: float
    after: float
    is_own: bool = False

    def __str__(self) -> str:
        own = "; the model's own probabilities do as well, and are left" if self.is_own else ""
        return (
            f"calibration error: {self.before:.2f} points before, {self.after:.2f} after ({FOLDS}-fold "
            f"cross-validation, {self.sources:,} sources, {self.right:,} of them right){own}"
        )


def calibrate(model: Trained, data: Any, columns: Sequence[Optional[str]] = (None, None)) -> Calibrated:
    """As :meth:`s2s_plugins.inference.trained.Trained.calibrate`."""
    if isinstance(model, Translator):
        return _translator(model, data, columns)
    if isinstance(model, Classifier):
        return _classifier(model, data, columns[:2])
    raise UsageError(f"{model.name} is a {model.kind}, which gives no probabilities: name a translator or a classifier")


def _translator(model: Translator, data: Any, columns: Names) -> Calibrated:
    found = [one for one in predicted(model, data, columns, beam=NBEST) if one.guesses]
    logs = [[guess.log_probability for guess in one.guesses] for one in found]
    right = np.array([key_of(one.guesses[0].text) in map(key_of, one.references) for one in found], dtype=bool)
    _check_number(len(found))

    def held_out(rest: Sequence[int], part: Sequence[int]) -> List[float]:
        calibration = fit([logs[place] for place in rest], right[rest])
        return [probabilities_of(calibration, logs[place])[0] for place in part]

    before = [one.guesses[0].probability for one in found]
    model.calibration, model.calibrated_on = fit(logs, right), len(found)
    return _calibrated(right, before, held_out)._replace(is_own=model.calibration is None)


def _classifier(model: Classifier, data: Any, columns: Names) -> Calibrated:
    found = list(labelled(model, data, columns))
    _check_number(len(found))
    given = np.array([[one.probabilities[label] for label in model.labels] for _, one in found])
    own = tempered(given, 1 / model.temperature)  # as the model gives them
    places = np.array([model.labels.index(pair.target) for pair, _ in found])

    def held_out(rest: Sequence[int], part: Sequence[int]) -> List[float]:
        probabilities: List[float] = tempered(own[part], fit_temperature(own[rest], places[rest])).max(1).tolist()
        return probabilities

    model.temperature = fit_temperature(own, places)
    return _calibrated(given.argmax(1) == places, given.max(1).tolist(), held_out)


def _check_number(sources: int) -> None:
    if sources < FEWEST:
        raise UsageError(f"{sources} sources are too few to calibrate by: give {FEWEST} or more")


def _calibrated(
    right: NDArray[np.bool_], before: Sequence[float], held_out: Callable[[Any, Any], Sequence[float]]
) -> Calibrated:
    """The errors before, and by cross-validation."""
    after, numbers = np.empty(len(right)), folds(len(right))
    for number in range(FOLDS):
        rest, part = np.flatnonzero(numbers != number), np.flatnonzero(numbers == number)
        after[part] = held_out(rest, part)
    earlier, later = (calibration_error(reliability(values, right)) or 0.0 for values in (before, after.tolist()))
    return Calibrated(len(right), int(right.sum()), earlier, later)
