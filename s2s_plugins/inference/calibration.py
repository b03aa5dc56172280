"""Probabilities that say how often predictions are right, fitted on predictions of which that is known.

The probability of an output as a model gives it is not the probability that the output is right. Label smoothing alone
takes a tenth from each token, so that a long word that is right nine times of ten may have 0.5; a model without it is
too sure. What says most is how far an output is from the best other one that the search found: what both lack cancels
out, and whether the search followed two outputs or ten makes no difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
LOWEST = 0.05  # of a slope: the more probable output never has the smaller probability
GAIN = 1.0  # of log-likelihood over the model's own probabilities, below which these are left
SURE = 1e-7  # what a log-probability is at least below 0: the odds of 1 are not finite
STEEPEST = 700.0  # math.exp takes no more
WIDTH = 3.0  # of the natural logarithm of a classifier's temperature, to either side
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """From the log-probabilities of the outputs for a source to probabilities that they are right.

    Two logistic functions, ``1 / (1 + exp(-(x / temperature + offset)))``, as in Platt 1999, "Probabilistic outputs for
    support vector machines", section 2.1; the slope is written as a temperature, as in Guo et al. 2017,
    arXiv:1706.04599, section 4.2. x is the distance of an output's log-probability to that of the best other one. Of an
    output that was found alone, as by greedy search, x is the log-odds of its probability, and the function another
    one; so it is of all outputs of some models, whose own probabilities say more than the distance does.

    Args:
        temperature: for the distance to the best other output; above 0.
        offset: for the same.
        alone_temperature: for the log-odds; above 0.
        alone_offset: for the same.
        by_odds: the log-odds are used whether one output was found or several.
    """

    temperature: float
    offset: float
    alone_temperature: float
    alone_offset: float
    by_odds: bool = False

    def probabilities(self, log_probabilities: Sequence[float]) -> List[float]:
        """The probability of each output that it is right, which does not rise from one to the next.

        A search ranks outputs by the mean log-probability of a token, as fairseq's does, or else short ones would win.
        So the whole of a lower one may be the more probable; the search still prefers the other.

        Args:
            log_probabilities: of all outputs that a search found for a source, best first, each of the whole output.
        """
        if len(log_probabilities) == 1 or self.by_odds:
            odds = (_log_odds(one) / self.alone_temperature + self.alone_offset for one in log_probabilities)
            return list(accumulate(map(_logistic, odds), min))
        distances = map(_distance, [log_probabilities] * len(log_probabilities), range(len(log_probabilities)))
        each = (_logistic(distance / self.temperature + self.offset) for distance in distances)
        return list(accumulate(each, min))


def probabilities_of(calibration: Optional[Calibration], log_probabilities: Sequence[float]) -> List[float]:
    """As :meth:`Calibration.probabilities`; without a calibration, what the model gives each output."""
    if calibration is not None:
        return calibration.probabilities(log_probabilities)
    return [math.exp(min(one, 0.0)) for one in log_probabilities]  # options of fairseq's search raise scores above 0


def _log_odds(log_probability: float) -> float:
    low = min(log_probability, -SURE)
    return low - math.log(-math.expm1(low))


def _distance(log_probabilities: Sequence[float], place: int) -> float:
    """That of the log-probability at a place to the highest other one."""
    others = (value for other, value in enumerate(log_probabilities) if other != place)
    return log_probabilities[place] - max(others)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(min(-x, STEEPEST)))


class Prior(NamedTuple):
    """What a logistic function is taken to be until data say otherwise: normal distributions of slope and offset."""

    slope: float
    slope_deviation: float
    offset: float
    offset_deviation: float


# what the models of docs/using.md gave, with and without label smoothing
DISTANCE = Prior(0.9, 0.3, -0.8, 0.5)
ALONE = Prior(1.2, 0.5, 0.5, 1.5)


def fit(
    log_probabilities: Sequence[Sequence[float]], right: Union[Sequence[bool], NDArray[np.bool_]]
) -> Optional[Calibration]:
    """The calibration that makes what is known most probable, a little drawn to what is usual.

    Args:
        log_probabilities: for each source those of all outputs that a search found, the best first; of the whole
            output, natural logarithms.
        right: for each source whether its best output is right.

    Returns:
        None where the model's own probabilities do as well, by cross-validation: then nothing is to be mended, or too
        little is known.
    """
    truth = np.asarray(right, dtype=bool)
    if len(truth) < FOLDS:
        return None
    numbers, costs = folds(len(truth)), [0.0, 0.0, 0.0]
    for number in range(FOLDS):
        rest, part = np.flatnonzero(numbers != number), np.flatnonzero(numbers == number)
        known = _most_probable([log_probabilities[place] for place in rest.tolist()], truth[rest])
        for which, calibration in enumerate((None, known, replace(known, by_odds=True))):
            given = [probabilities_of(calibration, log_probabilities[place])[0] for place in part.tolist()]
            costs[which] += _surprise(given, truth[part])
    if costs[0] <= min(costs[1:]) + GAIN:
        return None
    return replace(_most_probable(log_probabilities, truth), by_odds=costs[2] < costs[1])


def _surprise(probabilities: Sequence[float], truth: NDArray[np.bool_]) -> float:
    """The negative log-likelihood of what is right."""
    values = np.asarray(probabilities, dtype=np.float64)
    return -float(np.log(np.maximum(np.where(truth, values, 1 - values), SURE)).sum())


def _most_probable(log_probabilities: Sequence[Sequence[float]], truth: NDArray[np.bool_]) -> Calibration:
    several = np.array([len(values) > 1 for values in log_probabilities], dtype=bool)
    distances = np.array([_distance(values, 0) for values in log_probabilities if len(values) > 1], dtype=np.float64)
    alone = np.array([_log_odds(values[0]) for values in log_probabilities], dtype=np.float64)
    slope, offset = _fitted(distances, truth[several], DISTANCE)
    alone_slope, alone_offset = _fitted(alone, truth, ALONE)
    return Calibration(1 / slope, offset, 1 / alone_slope, alone_offset)


def _fitted(x: Float, truth: NDArray[np.bool_], prior: Prior) -> Tuple[float, float]:
    """Slope and offset, by Newton's method on a function that has one minimum."""
    features = np.stack([x, np.ones_like(x)])  # 2 N
    mean = np.array([prior.slope, prior.offset])
    precision = np.array([prior.slope_deviation, prior.offset_deviation]) ** -2.0
    found = mean.copy()
    cost = _cost(found, features, truth, mean, precision)
    for _ in range(100):
        expected = 1 / (1 + np.exp(-np.clip(found @ features, -STEEPEST, STEEPEST)))
        gradient = features @ (expected - truth) + precision * (found - mean)
        curvature = (features * (expected * (1 - expected))) @ features.T + np.diag(precision)
        step, part = np.linalg.solve(curvature, gradient), 1.0
        new = _cost(found - step, features, truth, mean, precision)
        while new > cost and part > 1e-6:
            part /= 2
            new = _cost(found - part * step, features, truth, mean, precision)
        if cost - new < 1e-10 * max(1.0, cost):
            break
        found, cost = found - part * step, new
    return max(float(found[0]), LOWEST), float(found[1])


def _cost(found: Float, features: Float, truth: NDArray[np.bool_], mean: Float, precision: Float) -> float:
    z = found @ features
    return float(np.logaddexp(0, np.where(truth, -z, z)).sum() + (precision * (found - mean) ** 2).sum() / 2)


def fit_temperature(probabilities: NDArray[np.floating], right: Union[Sequence[int], NDArray[np.integer]]) -> float:
    """The temperature by which a classifier's logits are divided so that what is known is most probable.

    After Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599, section 4.2; 1 is a little more probable than others, so
    that few documents change little.

    Args:
        probabilities: (N, C), as the classifier gives them.
        right: for each document the place of its class.
    """
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), np.finfo(np.float32).tiny))
    places = np.arange(len(logits)), np.asarray(right, dtype=int)

    def cost(width: float) -> float:
        scaled = logits / math.exp(width)
        highest = scaled.max(1, keepdims=True, initial=-np.inf)
        total = highest[:, 0] + np.log(np.exp(scaled - highest).sum(1))
        return float((total - scaled[places]).sum() + width**2 / 2)

    return math.exp(_lowest(cost, -WIDTH, WIDTH))


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is lowest, to 1e-4: golden section."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = cost(left), cost(right)
    while high - low > 1e-4:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = cost(right)
    return (low + high) / 2


def tempered(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Probabilities (N, C) of logits divided by a temperature; each row sums to 1, and its order stays."""
    if temperature == 1:
        return np.asarray(probabilities, dtype=np.float32)
    values = np.asarray(probabilities, dtype=np.float64)
    powers = (values / values.max(1, keepdims=True, initial=0)) ** (1 / temperature)
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


def folds(sources: int, parts: int = FOLDS) -> NDArray[np.int64]:
    """For each source the part that it is held out with, dealt by a fixed seed."""
    return np.random.default_rng(1).permutation(sources) % parts
