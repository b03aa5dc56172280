"""How monotonic the alignment of sources and targets is, without training anything."""

from __future__ import annotations

import math
from collections import Counter
from typing import Iterable, List, NamedTuple, Sequence, Tuple

import numpy as np

TokenPair = Tuple[Sequence[str], Sequence[str]]
PAIRS = 2000  # at most
CELLS = 1_000_000  # cooccurrences that are counted at most
LONGEST = 100  # tokens of a side; longer pairs are left out


class Link(NamedTuple):
    """A target symbol and the source symbol that it is most associated with.

    Attributes:
        source: where the source symbol stands, from 0 for the first to 1 for the last.
        target: where the target symbol stands.
        weight: the square of their association.
    """

    source: float
    target: float
    weight: float


def monotonicity(pairs: Iterable[TokenPair]) -> float:
    """The correlation, over all pairs, of where a target symbol stands and where its source symbol does.

    Each target symbol is linked with the source symbol of its pair that it is most associated with, by the
    coefficient phi of whether they occur (Yule 1912, On the methods of measuring association between two attributes).
    The correlation is weighted by the square of phi: symbols without a counterpart, as an inflection adds them, count
    little. Where two would do equally, as symbols that occur twice in a text, there is no link.

    Args:
        pairs: tokens of sources and targets.

    Returns:
        1: targets follow their sources from left to right, as in pronunciation; -1: from right to left; about 0: the
        order is another one, or nothing can be linked.
    """
    sample = _sample(pairs)
    links = _links(sample)
    if len(links) < 3:
        return 0.0
    x, y, weight = np.array(links).T
    weight /= weight.sum()
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    spread = float((weight * x * x).sum() * (weight * y * y).sum())
    if spread < 1e-12:
        return 0.0
    return float(np.clip((weight * x * y).sum() / math.sqrt(spread), -1, 1))


def _sample(pairs: Iterable[TokenPair]) -> List[TokenPair]:
    sample: List[TokenPair] = []
    cells = 0
    for source, target in pairs:
        if len(source) > LONGEST or len(target) > LONGEST:
            continue
        cells += len(source) * len(target)
        sample.append((source, target))
        if cells > CELLS or len(sample) == PAIRS:
            break
    return sample


def _links(sample: Sequence[TokenPair]) -> List[Link]:
    association = _Association(sample)
    links: List[Link] = []
    for source, target in sample:
        if len(source) < 2 or len(target) < 2:
            continue
        for symbol, count in Counter(target).items():
            if count > 1:
                continue
            found = [association(other, symbol) for other in source]
            phi = max(found)
            if phi > 0 and found.count(phi) == 1:
                place = found.index(phi)
                links.append(Link(place / (len(source) - 1), target.index(symbol) / (len(target) - 1), phi * phi))
    return links


class _Association:
    """The coefficient phi of a source and a target symbol, by the pairs that they occur in."""

    def __init__(self, sample: Sequence[TokenPair]) -> None:
        self.pairs = len(sample)
        self.source: Counter[str] = Counter()
        self.target: Counter[str] = Counter()
        self.both: Counter[Tuple[str, str]] = Counter()
        for source, target in sample:
            one, other = set(source), set(target)
            self.source.update(one)
            self.target.update(other)
            self.both.update((s, t) for s in one for t in other)

    def __call__(self, source: str, target: str) -> float:
        n, s, t = self.pairs, self.source[source], self.target[target]
        spread = s * (n - s) * t * (n - t)
        return (n * self.both[source, target] - s * t) / math.sqrt(spread) if spread else 0.0
