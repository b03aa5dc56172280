"""Pairs into train, valid and test without holding them in memory, and without a leak between them.

They are written to a file as they come; in memory stay two numbers a pair. A pair's group is hashed with the seed, and
the splits are ranges of these hashes: so a group is in one split alone, and a smaller --train is part of a larger one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Tuple

from headlines.texts import Item
from s2s_plugins.errors import UsageError

Pair = Tuple[str, str]
LARGEST = 2**64 - 1
MOST_OF_A_GROUP = 5  # some have hundreds: such a one would be the test set


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


class Spool:
    """The distinct pairs on disk.

    Args:
        path: of the file; the caller removes it.
        seed: of the splits.

    Attributes:
        copies: pairs that were left out, their text is there already.
        surplus: pairs that were left out, their group has five already.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.copies = self.surplus = 0
        self._groups = array("Q")

    def __len__(self) -> int:
        return len(self._groups)

    def fill(self, items: Iterable[Item], max_source_tokens: int) -> None:
        """Takes the pairs; texts that are alike as far as they are kept are one, and of a group five are enough."""
        seen = set()
        sizes: Counter = Counter()
        with self.path.open("w", encoding="utf-8", newline="\n") as file:
            for item in items:
                source = " ".join(item.text[:max_source_tokens])
                key = hashed(source)
                if key in seen:
                    self.copies += 1
                    continue
                seen.add(key)
                if item.group is not None:
                    sizes[item.group] += 1
                    if sizes[item.group] > MOST_OF_A_GROUP:
                        self.surplus += 1
                        continue
                self._groups.append(hashed(f"{self.seed} {key if item.group is None else item.group}"))
                file.write(f"{source}\t{' '.join(item.headline)}\n")

    def splits(self, held: Dict[str, int], train: Optional[int]) -> Dict[str, Iterable[Pair]]:
        """Each split's pairs, read from the file as they are wanted.

        Args:
            held: splits that are drawn, with their sizes.
            train: pairs to train on; None: all others.

        Raises:
            UsageError: more than half would be held out, or too few are left to train on.
        """
        if 2 * sum(held.values()) > len(self):
            wanted = ", ".join(f"--{name} {count}" for name, count in held.items())
            raise UsageError(f"{wanted} are more than half of the {len(self)} pairs there are: ask for fewer")
        ordered = sorted(self._groups)
        splits: Dict[str, Iterable[Pair]] = {}
        place = low = 0  # of the first pair that is in no split so far, and the lowest hash it may have
        for name, count in {**held, "train": train}.items():
            left = len(ordered) - place
            if left < (count or 1):
                raise UsageError(f"--{name} {count or 1} is more than the {left} pairs that are left: ask for fewer")
            # of the last group only the number that is wanted; the rest of it is in no split
            high = ordered[place + count - 1] if count is not None else LARGEST
            splits[name] = self._rows(low, high, count)
            place, low = bisect_right(ordered, high), high + 1
        return {"train": splits.pop("train"), **splits}

    def _rows(self, low: int, high: int, count: Optional[int]) -> Iterator[Pair]:
        def rows() -> Iterator[Pair]:
            with self.path.open(encoding="utf-8", newline="\n") as file:
                for group, line in zip(self._groups, file):
                    if low <= group <= high:
                        source, _, target = line.rstrip("\n").partition("\t")
                        yield source, target

        return islice(rows(), count)
