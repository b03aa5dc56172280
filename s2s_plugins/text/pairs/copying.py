"""Whether targets copy symbols of their sources, and training pairs that teach to copy what has no symbol."""

from __future__ import annotations

import random
import unicodedata
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from s2s_plugins.text.features import MARK
from s2s_plugins.text.pairs.survey import hash_of
from s2s_plugins.text.pairs.writing import Numbers, numbers_of
from s2s_plugins.text.slots import Slots
from s2s_plugins.text.spaces import SPACE
from s2s_plugins.text.symbols import UNK

ENOUGH = 0.5  # of a target's symbols in its source: there is something to copy
MORE = 0.1  # than in the source of another target: where both have one alphabet, half may be there by chance
TAUGHT = 10  # one training pair in so many is there a second time, with slots: with every second, Turkish forms suffer
MOST = 3  # symbols of a pair that slots take the place of
TokenPair = Tuple[List[str], List[str]]


def is_copied(pairs: Sequence[Tuple[str, str]], levels: Sequence[str]) -> bool:
    """Whether targets copy from their sources: half of their symbols stand there, and not by chance.

    Args:
        pairs: as of :func:`copied_share`.
        levels: likewise.
    """
    share = copied_share(pairs, levels)
    if share < ENOUGH:
        return False
    others = [(source, other[1]) for (source, _), other in zip(pairs, [*pairs[1:], *pairs[:1]])]
    return share >= copied_share(others, levels) + MORE


def copied_share(pairs: Iterable[Tuple[str, str]], levels: Sequence[str]) -> float:
    """The share of the targets' symbols that stand in their own sources.

    Args:
        pairs: texts of sources and targets; features of sources are left out.
        levels: of source and target. Where they differ, or are pieces of words, nothing is taken for copied.
    """
    if levels[0] != levels[1] or levels[0] == "sentencepiece":
        return 0.0
    copied = total = 0
    for source, target in pairs:
        own, symbols = (_symbols(text.partition(MARK)[0], levels[0]) for text in (source, target))
        there = set(own)
        copied += sum(symbol in there for symbol in symbols)
        total += len(symbols)
    return copied / total if total else 0.0


def _symbols(text: str, level: str) -> List[str]:
    words = unicodedata.normalize("NFC", text).split()
    return words if level == "token" else list("".join(words))


def taught(pairs: Iterable[TokenPair], slots: Slots, seed: int) -> Iterator[Numbers]:
    """One in :data:`TAUGHT` of the pairs, in each of which slots stand for one to three of the symbols that both sides
    have. Their numbers are drawn at random, so that all of them are learnt.

    Which pairs and symbols depends on the pair and the seed, not on the order of the data.

    Args:
        pairs: tokens of sources and targets.
        slots: numbers of tokens.
        seed: of the choice.
    """
    for source, target in pairs:
        drawn = hash_of(f"{' '.join(source)}{MARK}{' '.join(target)}", seed)
        if drawn % TAUGHT == 0:
            found = _with_slots(source, target, slots, random.Random(drawn))
            if found is not None:
                yield found


def _with_slots(source: List[str], target: List[str], slots: Slots, draw: random.Random) -> Optional[Numbers]:
    numbers = numbers_of(slots, source, target)
    known = {token for own, one in zip(numbers, (source, target)) for token, number in zip(one, own) if number != UNK}
    taken = set(numbers[0])
    free = [place for place, number in enumerate(slots.of_source) if number not in taken]
    shared = [
        token
        for token, number in dict(zip(source, numbers[0])).items()
        if token in target and token in known and number not in slots.of_source
        if token != SPACE
    ]
    most = min(MOST, len(shared), len(free))
    if not most:
        return None
    count = draw.randint(1, most)
    chosen = dict(zip(draw.sample(shared, count), draw.sample(free, count)))
    return (
        [slots.of_source[chosen[token]] if token in chosen else own for token, own in zip(source, numbers[0])],
        [slots.of_target[chosen[token]] if token in chosen else own for token, own in zip(target, numbers[1])],
    )
