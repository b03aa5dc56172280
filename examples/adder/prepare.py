"""Sums as strings of digits: 3 8 + 7 -> 4 5.

Both numbers have one to three digits in training; a + b and b + a count as two sums.

    test     sums of numbers with two or three digits that are not trained on
    test1    sums of two numbers with four digits, which training never shows
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import List, Sequence, Set, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs

SIZES = {"train": 60000, "valid": 500, "test": 2000, "longer": 500}


Sum = Tuple[int, int]


def sums(count: int, lengths: Sequence[int], draw: random.Random, known: Set[Sum]) -> List[Sum]:
    """``count`` pairs of numbers, their numbers of digits drawn from ``lengths``; adds them to ``known``."""
    found: List[Sum] = []
    while len(found) < count:
        a, b = (
            draw.randrange(10 ** (length - 1) if length > 1 else 0, 10**length) for length in draw.choices(lengths, k=2)
        )
        if (a, b) not in known:
            known.add((a, b))
            found.append((a, b))
    return found


def as_pair(a: int, b: int) -> pairs.Pair:
    return " ".join(f"{a}+{b}"), " ".join(str(a + b))


def main() -> None:
    args = pairs.parser(__doc__, SIZES).parse_args()
    pairs.checked(args, SIZES)
    draw = random.Random(args.seed)
    known: Set[Sum] = set()
    drawn = {"test": sums(args.test, [2, 3], draw, known), "valid": sums(args.valid, [2, 3], draw, known)}
    drawn["longer"] = sums(args.longer, [4], draw, known)
    # so many different sums of one digit there are not: they come again and again, those above do not
    drawn["train"] = sums(args.train, [1, 2, 3], draw, known)
    splits = {name: [as_pair(a, b) for a, b in drawn[name]] for name in ("train", "valid", "test", "longer")}
    pairs.write(Path(args.out), splits, "sum", "result")


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
