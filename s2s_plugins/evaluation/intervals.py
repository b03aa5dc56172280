"""Confidence intervals by the bootstrap (Efron 1979, doi:10.1214/aos/1176344552)."""

from __future__ import annotations

from typing import NamedTuple, Sequence, Union

import numpy as np
from numpy.typing import NDArray

CONFIDENCE, RESAMPLES = 0.95, 1000
LARGEST = 1 << 18  # numbers that are drawn at a time: 2 MB, which stays in a processor's cache
Numbers = Union[Sequence[float], NDArray[np.integer], NDArray[np.floating]]


class Interval(NamedTuple):
    """An interval that covers the true value in 95 of 100 samples like this one.

    Attributes:
        low: percent.
        high: percent.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.2f}–{self.high:.2f}"


def ratio_interval(numerators: Numbers, denominators: Numbers, seed: int = 1) -> Interval:
    """The interval of ``100 * sum(numerators) / sum(denominators)``, by the percentile bootstrap over the items.

    Where many items have the same two numbers, a resample is drawn as the numbers of items of each kind: the same
    distribution, in a fraction of the time.

    Args:
        numerators: (N,), of each item.
        denominators: (N,), at least 0.
        seed: of the resamples.

    Raises:
        ValueError: there are no items.
    """
    items = np.stack([np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)], axis=1)
    if not len(items):
        raise ValueError("an interval of no items")
    kinds, counts = np.unique(items, axis=0, return_counts=True)
    columns = np.ascontiguousarray(items.T)
    generator = np.random.default_rng(seed)
    step = max(1, LARGEST // len(items))
    sums = []
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        if 4 * len(kinds) < len(items):
            sums.append(generator.multinomial(len(items), counts / len(items), size=size) @ kinds)
        else:
            chosen = generator.integers(len(items), size=(size, len(items)))
            sums.append(np.stack([column.take(chosen).sum(axis=1) for column in columns], axis=1))
    above, below = np.concatenate(sums).T
    ratios = 100 * above / np.where(below > 0, below, 1)
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ratios, (outside, 1 - outside))
    return Interval(float(low), float(high))


def share_interval(right: Union[Sequence[bool], NDArray[np.bool_]], seed: int = 1) -> Interval:
    """The interval of a share, in percent, by the bootstrap.

    If none or all are right, that has no width, and the interval is the exact one (Clopper and Pearson 1934,
    doi:10.1093/biomet/26.4.404).

    Args:
        right: (N,), what the share counts.
        seed: of the resamples.

    Raises:
        ValueError: there are no items.
    """
    values = np.asarray(right, dtype=np.float64)
    if 0 < values.sum() < len(values):
        return ratio_interval(values, np.ones(len(values)), seed)
    if not len(values):
        raise ValueError("an interval of no items")
    bound = 100 * ((1 - CONFIDENCE) / 2) ** (1 / len(values))
    return Interval(0.0, 100 - bound) if not values.any() else Interval(bound, 100.0)
