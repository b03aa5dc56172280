"""Numbers and their words: 4 2 -> f o r t y - t w o.

    five               the five toy lines, 1 2 3 4 5 -> one two three four five, up to twenty five; train = test
    en, de, fr, ...    0 to 999,999 in a language of num2words (LGPL-2.1), a letter a token

All numbers below 1,000 are in the training set. Of the larger ones equally many have four, five and six digits; test
numbers are drawn from these, and are not trained on.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import List

from num2words import CONVERTER_CLASSES, num2words

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs
from s2s_plugins.errors import UsageError

SIZES = {"train": 30000, "valid": 500, "test": 2000}
RANGES = ((1000, 10_000), (10_000, 100_000), (100_000, 1_000_000))


def five_lines() -> List[pairs.Pair]:
    """1 2 3 4 5 -> one two three four five, and four more such lines."""
    lines = [range(start, start + 5) for start in (1, 6, 11, 16, 21)]
    return [(" ".join(map(str, line)), " ".join(num2words(n).replace("-", " ") for n in line)) for line in lines]


def as_pair(number: int, language: str) -> pairs.Pair:
    return " ".join(str(number)), pairs.letters(num2words(number, lang=language))


def main() -> None:
    parser = pairs.parser(__doc__, SIZES)
    parser.add_argument("--language", required=True, help="five, or a language of num2words")
    args = parser.parse_args()
    pairs.checked(args, SIZES)
    if args.language == "five":
        lines = five_lines()
        pairs.write(Path(args.out), {"train": lines, "valid": lines, "test": lines}, "digits", "words")
        return
    if args.language not in CONVERTER_CLASSES:
        known = ", ".join(sorted(CONVERTER_CLASSES))
        raise UsageError(f"--language {args.language} is not known: use five, or one of {known}")
    wanted = args.train + args.valid + args.test - 1000
    draw = random.Random(args.seed)
    larger = [number for low, high in RANGES for number in draw.sample(range(low, high), min(high - low, wanted // 3))]
    splits = pairs.held_out(larger, {"valid": args.valid, "test": args.test}, args.seed)
    splits["train"] += range(1000)
    pairs.write(
        Path(args.out),
        {name: [as_pair(number, args.language) for number in splits[name]] for name in ("train", "valid", "test")},
        "digits",
        "words",
    )


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
