"""The first pass over labelled texts: what to leave out, what stands twice, and which class each text has.

No text is kept but a sample: memory grows by 13 bytes for each.
"""

from __future__ import annotations

from array import array
from typing import Dict, List, Optional

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.pair import Left, Pair, Pairs
from s2s_plugins.text.pairs.survey import hash_of, key_of, progress
from s2s_plugins.text.pairs.tokenizing import squashed

SAMPLE = 1000  # texts that the level is recognised by
CUT = 2000  # characters that the sample keeps of a text
KEPT, EMPTY_TEXT, EMPTY_LABEL, BROKEN, UNKNOWN, DOUBLE = range(6)
REASONS: Dict[int, str] = {
    EMPTY_TEXT: "labels without a text",
    EMPTY_LABEL: "texts without a label",
    BROKEN: "texts that are not UTF-8, or have half a character in them",
    UNKNOWN: "texts of classes that the training part lacks",
    DOUBLE: "texts that were there before, with the same label",
}


def text_hash(text: str, seed: int) -> int:
    """64 bits of a text; the same for texts that differ in case, white space and Unicode form alone."""
    return hash_of(key_of(text).lower(), seed)


class Survey:
    """What one pass finds out about labelled texts.

    Args:
        name: ``"train"``, ``"valid"`` or ``"test"``.
        pairs: of text and label.
        seed: of the hashes that texts are drawn by.
        classes: that there are; None: those that this data has.

    Attributes:
        texts: a hash of each text (seeded).
        labels: the number of each one's class in :attr:`classes`.
        codes: for each ``KEPT``, or why it is left out.
        classes: names, in the order of their first occurrence.
        sample: some of the texts that are kept, the first ones.
        ambiguous: number of texts that stand there with several labels.
        left: what is left out, by reason.

    Raises:
        UsageError: hardly any of it can be used.
    """

    def __init__(self, name: str, pairs: Pairs, seed: int, classes: Optional[List[str]] = None) -> None:
        self.name, self.pairs, self.seed = name, pairs, seed
        self.classes: List[str] = list(classes or [])
        self._numbers = {label: number for number, label in enumerate(self.classes)}
        self._fixed = classes is not None
        self._texts, self._labels, self._codes = array("Q"), array("i"), bytearray()
        self.sample: List[str] = []
        for pair in progress(pairs, f"read {name}"):
            self._add(pair)
        self.texts: NDArray[np.uint64] = np.frombuffer(self._texts, np.uint64)
        self.labels: NDArray[np.int32] = np.frombuffer(self._labels, np.int32)
        self.codes: NDArray[np.uint8] = np.frombuffer(self._codes, np.uint8)
        self.ambiguous = self._leave_out_doubles()
        self.left = self._count_left()

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Whether each text is used."""
        found: NDArray[np.bool_] = self.codes == KEPT
        return found

    def _add(self, pair: Pair) -> None:
        code, number, found = KEPT, -1, 0
        try:
            label = key_of(pair.target)
            label.encode()
            found = text_hash(pair.source, self.seed)
        except UnicodeEncodeError:
            code, label = BROKEN, ""
        else:
            code = EMPTY_TEXT if not squashed(pair.source) else EMPTY_LABEL if not label else KEPT
        if code == KEPT:
            if label not in self._numbers and not self._fixed:
                self._numbers[label] = len(self.classes)
                self.classes.append(label)
            number = self._numbers.get(label, -1)
            code = UNKNOWN if number < 0 else KEPT
        if code == KEPT and len(self.sample) < SAMPLE:
            self.sample.append(pair.source[:CUT])
        self._texts.append(found)
        self._labels.append(number)
        self._codes.append(code)

    def _leave_out_doubles(self) -> int:
        """Leave out what stands there with the same label; the number of texts with several labels."""
        kept = np.flatnonzero(self.codes == KEPT)
        order = kept[np.lexsort((kept, self.labels[kept], self.texts[kept]))]
        texts, labels = self.texts[order], self.labels[order]
        same = np.zeros(len(order), bool)
        same[1:] = texts[1:] == texts[:-1]
        double = same.copy()
        double[1:] &= labels[1:] == labels[:-1]
        self.codes[order[double]] = DOUBLE
        return len(np.unique(texts[same & ~double]))

    def _count_left(self) -> Left:
        left = Left()
        if (self.codes != KEPT).any():
            for number, pair in enumerate(self.pairs):
                if number < len(self.codes) and self.codes[number] != KEPT:
                    left.add(REASONS[int(self.codes[number])], pair.where)
        broken = int(((self.codes != KEPT) & (self.codes != DOUBLE)).sum()) + self.pairs.left.bad()
        total = len(self) + self.pairs.left.bad()
        if not total or 2 * broken > total or not self.kept.any():
            reasons = "; ".join([*self.pairs.left.lines(), *left.lines()]) or "there is none"
            remedy = "correct the file, or name its columns with --text and --label"
            raise UsageError(f"{self.pairs.name}: {broken:,} of {total:,} texts cannot be used ({reasons}): {remedy}")
        return left

    def lines(self) -> List[str]:
        """What was left out, a line for each reason."""
        return self.pairs.left.lines() + self.left.lines()

    def count(self, chosen: NDArray[np.bool_]) -> Dict[str, int]:
        """The number of texts of each class, of those that are ``chosen``."""
        counts = np.bincount(self.labels[chosen], minlength=len(self.classes))
        return {label: int(count) for label, count in zip(self.classes, counts)}
