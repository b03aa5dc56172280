"""How monotonic the alignment of sources and targets is, without training anything."""

from __future__ import annotations

from collections import Counter
from typing import Iterable, List, Sequence, Tuple

import numpy as np

PAIRS = 2000  # at most
CELLS = 1_000_000  # cooccurrences that are counted at most
LONGEST = 100  # tokens of a side; longer pairs are left out


def monotonicity(pairs: Iterable[Tuple[Sequence[str], Sequence[str]]]) -> float:
    """The correlation, over all pairs, of where a target symbol stands and where its source symbol does.

    Each target symbol is linked with the source symbol of the pair that it is most associated with, by the
    coefficient of Dice 1945: twice the number of pairs with both, divided by the sum of those with either. Symbols
    that occur twice in a text are left out, since it is unknown which of the two is meant.

    Args:
        pairs: tokens of sources and targets.

    Returns:
        1: targets follow their sources from left to right, as in pronunciation; -1: from right to left; about 0: the
        order is another one, or nothing can be linked.
    """
    sample: List[Tuple[Sequence[str], Sequence[str]]] = []
    cells = 0
    for source, target in pairs:
        if len(source) > LONGEST or len(target) > LONGEST:
            continue
        cells += len(source) * len(target)
        sample.append((source, target))
        if cells > CELLS or len(sample) == PAIRS:
            break
    of_source: Counter[str] = Counter()
    of_target: Counter[str] = Counter()
    together: Counter[Tuple[str, str]] = Counter()
    for source, target in sample:
        one, other = set(source), set(target)
        of_source.update(one)
        of_target.update(other)
        together.update((s, t) for s in one for t in other)

    def association(source: str, target: str) -> float:
        return 2 * together[source, target] / (of_source[source] + of_target[target])

    places: List[Tuple[float, float]] = []
    for source, target in sample:
        if len(source) < 2 or len(target) < 2:
            continue
        once = [s for s, count in Counter(source).items() if count == 1]
        for t, count in Counter(target).items():
            if count > 1:
                continue
            best = max(source, key=lambda s: association(s, t))  # noqa: B023 (called at once)
            if best in once and association(best, t) > 0:
                places.append((source.index(best) / (len(source) - 1), target.index(t) / (len(target) - 1)))
    if len(places) < 3:
        return 0.0
    x, y = np.array(places).T
    if not x.std() or not y.std():
        return 0.0
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
