"""Made pairs for languages with little data: real ones whose stem is another one.

After Anastasopoulos and Neubig 2019, "Pushing the limits of low-resource morphological inflection", arXiv:1908.05838,
section 3.1: what source and target share, three symbols or more in a row, is taken for the stem, and replaced by random
symbols of the language on both sides.
"""

from __future__ import annotations

import heapq
import random
from typing import Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.text.features import is_feature
from s2s_plugins.text.pairs.survey import hash_of

SHORTEST = 3  # symbols of a region
TokenPair = Tuple[List[str], List[str]]


class Region(NamedTuple):
    """What a source and a target share.

    Attributes:
        source: where it begins there.
        target: where it begins there.
        length: number of symbols.
    """

    source: int
    target: int
    length: int


def regions(source: Sequence[str], target: Sequence[str]) -> List[Region]:
    """The stretches of three symbols or more that an alignment with the fewest edits leaves as they are."""
    from rapidfuzz.distance import Levenshtein

    begin = sum(map(is_feature, source))  # features are the first tokens
    equal = [code for code in Levenshtein.opcodes(list(source[begin:]), list(target)) if code.tag == "equal"]
    found = (Region(begin + one.src_start, one.dest_start, one.src_end - one.src_start) for one in equal)
    return [region for region in found if region.length >= SHORTEST]


def hallucinated(pairs: Iterable[TokenPair], alphabet: Iterable[str], count: int, seed: int) -> Iterator[TokenPair]:
    """Made pairs, with the features of the real ones that they are made of.

    Args:
        pairs: tokens of the training part's sources and targets.
        alphabet: symbols to draw from.
        count: number of pairs to make.
        seed: of all that is drawn. The order of the pairs does not matter.

    Raises:
        UsageError: no pair has anything in common that could be replaced.
    """
    require("rapidfuzz", what="--augment")
    symbols = sorted(alphabet)
    keyed = ((hash_of(f"{' '.join(source)}\t{' '.join(target)}", seed), source, target) for source, target in pairs)
    chosen = heapq.nsmallest(count, (one for one in keyed if regions(*one[1:])))
    if not chosen:
        raise UsageError(
            f"--augment {count}: no source shares {SHORTEST} symbols in a row with its target, so that there is no "
            "stem to replace: leave it out"
        )
    draw = random.Random(seed)
    for number in range(count):
        _, source, target = chosen[number % len(chosen)]
        yield _with_stems(source, target, symbols, draw)


def _with_stems(source: List[str], target: List[str], symbols: List[str], draw: random.Random) -> TokenPair:
    made = list(source), list(target)
    for region in regions(source, target):
        stem = draw.choices(symbols, k=region.length)
        made[0][region.source : region.source + region.length] = stem
        made[1][region.target : region.target + region.length] = stem
    return made
