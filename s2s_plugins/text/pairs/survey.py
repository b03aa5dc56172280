"""The first pass over pairs: what to leave out, what stands twice, and a sample of them.

No pair is kept but the sample: memory grows by some 30 bytes for each, 60 while they are sorted.
"""

from __future__ import annotations

import hashlib
import heapq
import sys
import unicodedata
from array import array
from functools import partial
from typing import Dict, Iterable, Iterator, List, Set, Tuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.text.features import MARK
from s2s_plugins.text.pairs.pair import Pair, Pairs
from s2s_plugins.text.pairs.tokenizing import squashed, squashed_source
from s2s_plugins.text.shares import Share, in_shares, together
from s2s_plugins.text.slots import SLOTS
from s2s_plugins.text.symbols import FILLER, SPECIAL

SAMPLE = 5000  # pairs that levels and monotonicity are recognised by
BLOCK = 2**16  # pairs that are compared at once
CUT = 2000  # characters that the sample keeps of a text
MOST = 65_535  # lengths are counted up to it
KEPT, EMPTY_SOURCE, EMPTY_TARGET, BROKEN, RESERVED_SOURCE, RESERVED_TARGET = range(6)
LONG_SOURCE, LONG_TARGET, DOUBLE, TABS = range(6, 10)
REASONS: Dict[int, str] = {
    EMPTY_SOURCE: "pairs without a source",
    EMPTY_TARGET: "pairs without a target",
    BROKEN: "pairs that are not UTF-8, or have half a character in them",
    RESERVED_SOURCE: "sources with a symbol of the model's own, as </s>",
    RESERVED_TARGET: "targets with a symbol of the model's own, as </s>",
    DOUBLE: "pairs that were there before",
    TABS: "sources without features, or with several tabs",
}
Drawn = Tuple[int, str, str]  # less than zero: the hash of a pair; source and target
T = TypeVar("T")


def progress(items: Iterable[T], what: str) -> Iterator[T]:
    """``items``; their number so far is shown on stderr."""
    from tqdm import tqdm

    return iter(tqdm(items, desc=what, unit=" pairs", delay=1, mininterval=1 if sys.stderr.isatty() else 10))


def key_of(text: str) -> str:
    """What texts have in common that are the same: composed, every run of white space one space."""
    return unicodedata.normalize("NFC", squashed(text))


def hash_of(text: str, seed: int = 0) -> int:
    """64 bits that look drawn by chance, the same wherever the program runs."""
    key = seed.to_bytes(16, "little", signed=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=key).digest(), "little")


class Gathered:
    """What one pass finds in a share of the pairs.

    Args:
        seed: of the hashes that sources are drawn by.
        has_features: whether sources have features.

    Attributes:
        sources: a hash of each pair's source (seeded).
        pairs: a hash of each pair.
        codes: for each pair ``KEPT``, or why it is left out.
        lengths: of each text, by side, and whether in words or in characters.
        reserved: whether each text has a symbol of the model's own, by side.
        drawn: the pairs of the smallest hashes, as a heap, the largest hash first.
        characters: the distinct ones of the sources, without features, and of the targets, composed.
    """

    def __init__(self, seed: int, has_features: bool) -> None:
        self.seed, self.has_features = seed, has_features
        self.sources, self.pairs, self.codes = array("Q"), array("Q"), bytearray()
        self.lengths: Dict[Tuple[int, bool], array[int]] = {
            (side, words): array("H") for side in (0, 1) for words in (False, True)
        }
        self.reserved: Tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self.drawn: List[Drawn] = []
        self._in_sample: Set[int] = set()
        self.characters: Tuple[Set[str], Set[str]] = (set(), set())

    def add(self, pair: Pair) -> None:
        """Look at a pair."""
        source, target = squashed_source(pair.source, self.has_features), squashed(pair.target)
        plain = source.partition(MARK)[0]
        code = EMPTY_SOURCE if not plain else EMPTY_TARGET if not target else KEPT
        if self.has_features and code == KEPT and source.count(MARK) != 1:
            code = TABS
        try:
            keys = [unicodedata.normalize("NFC", text) for text in (source, target)]
            source_hash = hash_of(keys[0], self.seed)
            pair_hash = hash_of("\t".join(keys))
        except UnicodeEncodeError:
            code, source_hash, pair_hash, keys = BROKEN, 0, 0, ["", ""]
        self.sources.append(source_hash)
        self.pairs.append(pair_hash)
        self.codes.append(code)
        for side, text in enumerate((plain, target)):
            self.lengths[side, False].append(min(MOST, len(text)))
            self.lengths[side, True].append(min(MOST, text.count(" ") + 1))
            self.reserved[side].append(_has_reserved(text))
            self.characters[side].update(keys[side].partition(MARK)[0])
        if code == KEPT:
            self.draw((-pair_hash, plain[:CUT] + source[len(plain) :], target[:CUT]))

    def draw(self, pair: Drawn) -> None:
        """Keep a pair if its hash is one of the smallest."""
        if len(self.drawn) == SAMPLE and pair[0] <= self.drawn[0][0] or pair[0] in self._in_sample:
            return
        self._in_sample.add(pair[0])
        heapq.heappush(self.drawn, pair)
        if len(self.drawn) > SAMPLE:
            self._in_sample.discard(heapq.heappop(self.drawn)[0])


def gathered(pairs: Pairs, seed: int, what: str, share: Share) -> Gathered:
    """Read a share of the pairs once, as :class:`Survey` does."""
    found = Gathered(seed, pairs.features is not None)
    for pair in share.of(pairs if share.number else progress(pairs, what)):
        found.add(pair)
    return found


class Survey:
    """What one pass finds out about pairs.

    Args:
        pairs: are read once.
        seed: of the hashes that sources are drawn by.
        what: for the progress that is shown.
        processes: that share the work.

    Attributes:
        sources: a hash of each pair's source (seeded).
        codes: for each pair ``KEPT``, or why it is left out, as far as that does not depend on levels.
        sample: the pairs that are drawn by their hashes; the order of lines does not matter.
        characters: the distinct ones of the sources, without features, and of the targets, composed.
    """

    def __init__(self, pairs: Pairs, seed: int, what: str, processes: int = 1) -> None:
        shares = in_shares(partial(gathered, pairs, seed, what), processes)
        self.sources: NDArray[np.uint64] = together([np.frombuffer(one.sources, np.uint64) for one in shares])
        self.codes: NDArray[np.uint8] = together([np.frombuffer(one.codes, np.uint8) for one in shares])
        self._lengths = {
            which: together([np.frombuffer(one.lengths[which], np.uint16) for one in shares])
            for which in shares[0].lengths
        }
        self._reserved = [
            together([np.frombuffer(one.reserved[side], np.uint8) for one in shares]) > 0 for side in (0, 1)
        ]
        first = shares[0]
        for other in shares[1:]:
            for pair in other.drawn:
                first.draw(pair)
        self.characters = tuple(set().union(*(one.characters[side] for one in shares)) for side in (0, 1))
        self.sample = [Pair(source, target, "") for _, source, target in sorted(first.drawn, reverse=True)]
        hashes = together([np.frombuffer(one.pairs, np.uint64) for one in shares])
        del shares, first
        self._leave_out_doubles(hashes)

    def __len__(self) -> int:
        return len(self.codes)

    def _leave_out_doubles(self, hashes: NDArray[np.uint64]) -> None:
        order = np.argsort(hashes, kind="stable")  # of those that are the same, the first comes first
        for start in range(0, len(order), BLOCK):  # what is in between takes 16 bytes each
            places = order[max(0, start - 1) : start + BLOCK]
            again = places[1:][hashes[places[1:]] == hashes[places[:-1]]]
            self.codes[again[self.codes[again] == KEPT]] = DOUBLE

    def leave_out(self, side: int, level: str, longest: int) -> None:
        """Leave out what is too long at this level, or has a symbol that the level reserves.

        Args:
            side: 0 for the source, 1 for the target.
            level: of the side.
            longest: tokens, or characters of sentences, at most.
        """
        lengths = self._lengths[side, level == "token"]
        self.codes[(self.codes == KEPT) & (lengths > longest)] = (LONG_SOURCE, LONG_TARGET)[side]
        if level == "token":
            self.codes[(self.codes == KEPT) & self._reserved[side]] = (RESERVED_SOURCE, RESERVED_TARGET)[side]

    def characters_of(self, side: int, chosen: NDArray[np.bool_]) -> int:
        """The number of characters in the texts of a side, of the pairs that are ``chosen``."""
        return int(self._lengths[side, False][chosen].sum(dtype=np.int64))


def _has_reserved(text: str) -> bool:
    """Whether one of the words is a symbol that fairseq's dictionaries have for themselves."""
    if "<" not in text and FILLER not in text:
        return False
    return any(word in SPECIAL or word in SLOTS or word.startswith(FILLER) for word in text.split())
