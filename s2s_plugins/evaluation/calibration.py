"""Whether probabilities mean what they say: of the predictions with probability 0.8, are 80 of 100 right?

After Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599, section 2.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

BINS = 10


class Bin(NamedTuple):
    """The predictions whose probability lies in a range.

    Attributes:
        low: where the range begins.
        high: where it ends; 1 is in the last one.
        predictions: their number.
        probability: their mean; None without any.
        right: the share of them that is right; None without any.
    """

    low: float
    high: float
    predictions: int
    probability: Optional[float]
    right: Optional[float]


def reliability(
    probabilities: Union[Sequence[float], NDArray[np.floating]],
    right: Union[Sequence[bool], NDArray[np.bool_]],
    bins: int = BINS,
) -> Tuple[Bin, ...]:
    """Predictions by their probability, in ranges of equal width.

    Args:
        probabilities: (N,), from 0 to 1.
        right: (N,), whether each prediction is right.
        bins: number of ranges.
    """
    values, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=bool)
    places = np.minimum((values * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        chosen = places == place
        count = int(chosen.sum())
        mean, share = (float(values[chosen].mean()), float(truth[chosen].mean())) if count else (None, None)
        found.append(Bin(place / bins, (place + 1) / bins, count, mean, share))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> Optional[float]:
    """The expected calibration error, in points: the distance of probability and share of right predictions, a bin's by
    its number of predictions; None without any.
    """
    full = [one for one in bins if one.probability is not None and one.right is not None]
    total = sum(one.predictions for one in full)
    if not total:
        return None
    return 100 * sum(one.predictions * abs((one.probability or 0) - (one.right or 0)) for one in full) / total
