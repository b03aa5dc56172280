"""Digit strings and what a rule makes of them.

    sorted       5 1 3 1 -> 1 1 3 5
    reversed     5 1 3 1 -> 1 3 1 5
    maxmin_dup   5 1 3 1 -> 5 1 3 1     the largest and the smallest digit, then all but the first two

Training has strings of 1 to 10 digits, the test set of 4 to 20, equally many of each length: too few shorter strings
exist to have unseen ones. No test string is trained on.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Callable, Collection, Dict, List, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs

SIZES = {"train": 50000, "valid": 500, "test": 2000}
TRAINED, SHORTEST_TEST, LONGEST = 10, 4, 20


Digits = List[str]


def maxmin_dup(digits: Digits) -> Digits:
    return [max(digits), min(digits), *digits[2:]]


RULES: Dict[str, Callable[[Digits], Digits]] = {
    "sorted": sorted,
    "reversed": lambda digits: digits[::-1],
    "maxmin_dup": maxmin_dup,
}


def strings(
    count: int, lengths: Sequence[int], draw: random.Random, known: Collection[Tuple[str, ...]] = ()
) -> List[Tuple[str, ...]]:
    """``count`` digit strings that are not ``known``; the ``lengths`` take turns."""
    found: List[Tuple[str, ...]] = []
    while len(found) < count:
        string = tuple(str(draw.randrange(10)) for _ in range(lengths[len(found) % len(lengths)]))
        if string not in known:
            found.append(string)
    return found


def main() -> None:
    parser = pairs.parser(__doc__, SIZES)
    parser.add_argument("--rule", choices=sorted(RULES), required=True, help="rule that makes the target")
    args = parser.parse_args()
    pairs.checked(args, SIZES)
    rule = RULES[args.rule]
    draw = random.Random(args.seed)
    test = strings(args.test, range(SHORTEST_TEST, LONGEST + 1), draw)
    valid = strings(args.valid, range(SHORTEST_TEST, TRAINED + 1), draw, set(test))
    train = strings(args.train, range(1, TRAINED + 1), draw, {*test, *valid})
    splits = {
        name: [(" ".join(string), " ".join(rule(list(string)))) for string in part]
        for name, part in (("train", train), ("valid", valid), ("test", test))
    }
    pairs.write(Path(args.out), splits, "digits", args.rule)


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
