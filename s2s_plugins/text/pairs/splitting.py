"""Which sources are held out: those of the smallest hashes, wherever they stand in a file."""

from __future__ import annotations

from typing import Dict, Optional

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.survey import KEPT

HELD_OUT = {"valid": 2000, "test": 5000}  # sources at most, where no number is given
SHARE = {"valid": 20, "test": 10}  # one source in so many is held out
ENOUGH, LARGEST_SHARE = 50, 10  # so many are held out, unless that is more than one in so many
FEW = {"valid": 20, "test": 50}  # fewer sources than this: no such part
BLOCK = 2**16  # values that are looked up at once
OUT, TRAIN, VALID, TEST = 0, 1, 2, 4  # a pair can be of two parts, where too few are there to hold any out
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}


def sizes_of(sources: int, asked: Dict[str, Optional[int]]) -> Dict[str, int]:
    """The number of sources to hold out for each part.

    Args:
        sources: number of distinct ones.
        asked: for ``valid`` and ``test`` a number, or None: a twentieth and a tenth, and none of a small file.

    Raises:
        UsageError: more than half of the sources are asked for.
    """
    found = {}
    for part, size in asked.items():
        if size is None:
            least = min(ENOUGH, sources // LARGEST_SHARE)
            size = 0 if sources < FEW[part] else max(least, min(HELD_OUT[part], sources // SHARE[part]))
        found[part] = size
    if 2 * sum(found.values()) > sources:
        flags = " and ".join(f"--{part} {size}" for part, size in found.items())
        raise UsageError(f"{flags} hold out more than half of the {sources:,} sources: ask for fewer")
    return found


def assign(sources: NDArray[np.uint64], codes: NDArray[np.uint8], asked: Dict[str, Optional[int]]) -> NDArray[np.uint8]:
    """The part that each pair belongs to; all pairs of a source are in one.

    The order of lines does not matter, and further lines move few sources to another part.

    Args:
        sources: a hash of each pair's source.
        codes: ``KEPT`` for those that are used.
        asked: as :func:`sizes_of` takes it; parts that are not in it are given otherwise.

    Returns:
        ``OUT``, ``TRAIN``, ``VALID`` or ``TEST`` for each pair.

    Raises:
        UsageError: more than half of the sources are asked for.
    """
    parts = np.where(codes == KEPT, TRAIN, OUT).astype(np.uint8)
    rest = distinct(sources[codes == KEPT])
    sizes = sizes_of(len(rest), asked)
    for part in ("test", "valid"):
        size = sizes.get(part, 0)
        if size:
            # another order for each part: one more test source does not move a source of the validation part to it
            ranks = _mixed(rest) if part == "valid" else rest
            is_chosen = ranks <= np.partition(ranks, size - 1)[size - 1]
            del ranks
            parts[(parts == TRAIN) & _is_in(sources, rest[is_chosen])] = PARTS[part]
            rest = rest[~is_chosen]
    return parts


def smallest(sources: NDArray[np.uint64], among: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """The pairs of the ``size`` sources of the smallest hashes, of those ``among`` which they are sought."""
    found: NDArray[np.bool_] = among & _is_in(sources, distinct(sources[among])[:size])
    return found


def distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The distinct ``values``, sorted, which are sorted in place: ``numpy.unique`` takes twice the memory."""
    values.sort()
    is_new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=is_new[1:])
    return values[is_new]


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Other hashes of the same sources (multiplied by an odd number, as in Knuth 1973, section 6.4)."""
    mixed: NDArray[np.uint64] = hashes * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def _is_in(values: NDArray[np.uint64], chosen: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each value is among ``chosen``, which is sorted."""
    if not len(chosen):
        return np.zeros(len(values), bool)
    found = np.zeros(len(values), bool)
    for start in range(0, len(values), BLOCK):  # the places in between take eight bytes each
        block = values[start : start + BLOCK]
        places = np.minimum(np.searchsorted(chosen, block), len(chosen) - 1)
        found[start : start + BLOCK] = chosen[places] == block
    return found
