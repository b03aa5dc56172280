"""Which texts are held out: of each class the same share, those of the smallest hashes."""

from __future__ import annotations

from typing import Dict, Optional

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.text.pairs.splitting import OUT, PARTS, TRAIN, sizes_of


def assign(
    texts: NDArray[np.uint64], labels: NDArray[np.int32], kept: NDArray[np.bool_], asked: Dict[str, Optional[int]]
) -> NDArray[np.uint8]:
    """The part that each text belongs to; a text that stands there several times is in one, whatever its labels.

    Of each class as large a share is held out, and at least one text is left to train on. The order of lines does not
    matter.

    Args:
        texts: a hash of each.
        labels: the number of its class.
        kept: whether it is used.
        asked: for ``valid`` and ``test`` a number of texts, or None: a tenth, and none of a few; parts that are not in
            it are given otherwise.

    Returns:
        ``OUT``, ``TRAIN``, ``VALID`` or ``TEST`` for each.

    Raises:
        UsageError: more than half of the texts are asked for.
    """
    parts = np.where(kept, TRAIN, OUT).astype(np.uint8)
    places = np.flatnonzero(kept)
    places = places[np.lexsort((labels[places], texts[places]))]
    distinct, first = np.unique(texts[places], return_index=True)
    classes = labels[places[first]]  # of several labels the first by number
    sizes = sizes_of(len(distinct), asked)
    chosen = np.full(len(distinct), TRAIN, np.uint8)
    for part in ("test", "valid"):
        for number, size in _shares(classes[chosen == TRAIN], sizes.get(part, 0)).items():
            left = np.flatnonzero((chosen == TRAIN) & (classes == number))  # sorted by hash, as distinct is
            chosen[left[:size]] = PARTS[part]
    where = np.searchsorted(distinct, texts[places])
    parts[places] = chosen[where]
    return parts


def _shares(classes: NDArray[np.int32], size: int) -> Dict[int, int]:
    """How many texts of each class are held out: in proportion, by largest remainders; never all of a class."""
    if not size:
        return {}
    numbers, counts = np.unique(classes, return_counts=True)
    wanted = counts * (size / len(classes))
    found = wanted.astype(np.int64)
    for place in np.argsort(found - wanted, kind="stable"):
        if found.sum() >= size:
            break
        found[place] += found[place] < counts[place] - 1
    return dict(zip(numbers.tolist(), found.tolist()))
