"""The first pass over pairs: what to leave out, what stands twice, and a sample of them.

No pair is kept but the sample: memory grows by some 30 bytes for each, 60 while they are sorted.
"""

from __future__ import annotations

import hashlib
import heapq
import sys
import unicodedata
from array import array
from typing import Dict, Iterable, Iterator, List, Set, Tuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.text.features import MARK
from s2s_plugins.text.pairs.pair import Pair, Pairs
from s2s_plugins.text.pairs.tokenizing import squashed, squashed_source
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


class Survey:
    """What one pass finds out about pairs.

    Args:
        pairs: are read once.
        seed: of the hashes that sources are drawn by.
        what: for the progress that is shown.

    Attributes:
        sources: a hash of each pair's source (seeded).
        codes: for each pair ``KEPT``, or why it is left out, as far as that does not depend on levels.
        sample: the pairs that are drawn by their hashes; the order of lines does not matter.
        characters: the distinct ones of the sources, without features, and of the targets, composed.
    """

    def __init__(self, pairs: Pairs, seed: int, what: str) -> None:
        self.seed, self.has_features = seed, pairs.features is not None
        self._sources, self._pairs, self._codes = array("Q"), array("Q"), bytearray()
        self._lengths: Dict[Tuple[int, bool], array[int]] = {
            (side, words): array("H") for side in (0, 1) for words in (False, True)
        }
        self._reserved: Tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._drawn: List[Tuple[int, str, str]] = []  # a heap, the largest hash first
        self._in_sample: Set[int] = set()
        self.characters: Tuple[Set[str], Set[str]] = (set(), set())
        for pair in progress(pairs, what):
            self._add(pair)
        self.sources: NDArray[np.uint64] = np.frombuffer(self._sources, np.uint64)
        self.codes: NDArray[np.uint8] = np.frombuffer(self._codes, np.uint8)
        self._leave_out_doubles()
        self.sample = [Pair(source, target, "") for _, source, target in sorted(self._drawn, reverse=True)]

    def __len__(self) -> int:
        return len(self.codes)

    def _add(self, pair: Pair) -> None:
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
        self._sources.append(source_hash)
        self._pairs.append(pair_hash)
        self._codes.append(code)
        for side, text in enumerate((plain, target)):
            self._lengths[side, False].append(min(MOST, len(text)))
            self._lengths[side, True].append(min(MOST, text.count(" ") + 1))
            self._reserved[side].append(_has_reserved(text))
            self.characters[side].update(keys[side].partition(MARK)[0])
        if code == KEPT:
            self._draw(pair_hash, plain[:CUT] + source[len(plain) :], target[:CUT])

    def _draw(self, pair_hash: int, source: str, target: str) -> None:
        if len(self._drawn) == SAMPLE and -pair_hash <= self._drawn[0][0] or pair_hash in self._in_sample:
            return
        self._in_sample.add(pair_hash)
        heapq.heappush(self._drawn, (-pair_hash, source, target))
        if len(self._drawn) > SAMPLE:
            self._in_sample.discard(-heapq.heappop(self._drawn)[0])

    def _leave_out_doubles(self) -> None:
        hashes = np.frombuffer(self._pairs, np.uint64)
        order = np.argsort(hashes, kind="stable")  # of those that are the same, the first comes first
        for start in range(0, len(order), BLOCK):  # what is in between takes 16 bytes each
            places = order[max(0, start - 1) : start + BLOCK]
            again = places[1:][hashes[places[1:]] == hashes[places[:-1]]]
            self.codes[again[self.codes[again] == KEPT]] = DOUBLE
        del hashes
        self._pairs = array("Q")

    def leave_out(self, side: int, level: str, longest: int) -> None:
        """Leave out what is too long at this level, or has a symbol that the level reserves.

        Args:
            side: 0 for the source, 1 for the target.
            level: of the side.
            longest: tokens, or characters of sentences, at most.
        """
        lengths = np.frombuffer(self._lengths[side, level == "token"], np.uint16)
        self.codes[(self.codes == KEPT) & (lengths > longest)] = (LONG_SOURCE, LONG_TARGET)[side]
        if level == "token":
            reserved = np.frombuffer(self._reserved[side], np.uint8) > 0
            self.codes[(self.codes == KEPT) & reserved] = (RESERVED_SOURCE, RESERVED_TARGET)[side]

    def characters_of(self, side: int, chosen: NDArray[np.bool_]) -> int:
        """The number of characters in the texts of a side, of the pairs that are ``chosen``."""
        return int(np.frombuffer(self._lengths[side, False], np.uint16)[chosen].sum(dtype=np.int64))


def _has_reserved(text: str) -> bool:
    """Whether one of the words is a symbol that fairseq's dictionaries have for themselves."""
    if "<" not in text and FILLER not in text:
        return False
    return any(word in SPECIAL or word in SLOTS or word.startswith(FILLER) for word in text.split())
