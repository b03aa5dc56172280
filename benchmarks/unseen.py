"""Whether letters that training never had come out as they went in.

    python -m benchmarks.unseen MODEL.safetensors conll2017/all/task1/turkish-dev

The lines are LEMMA<TAB>FORM<TAB>TAGS. In each, one letter, two, or all letters of what lemma and form share (their
longest common part) are replaced by Georgian ones on both sides, which the model must not know. A letter that also
stands elsewhere in the lemma or the form is not replaced, as it may belong to an ending. Counted are the lines whose
output has the Georgian letters of the form in its order, and those whose whole form is right, beside the lines as they
were.
"""

from __future__ import annotations

import argparse
import random
from difflib import SequenceMatcher
from typing import Any, List, NamedTuple, Optional, Sequence, Set

import s2s_plugins
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.text.features import joined

LETTERS = [chr(code) for code in range(ord("ა"), ord("ჰ") + 1)]
COUNTS = (1, 2, None)  # letters of a line that are replaced; None: all


class Case(NamedTuple):
    """A line: its source and its form, and both with other letters."""

    source: str
    form: str
    replaced_source: str
    replaced_form: str


def letters_of(lemma: str, form: str) -> List[str]:
    """The letters that stand in what ``lemma`` and ``form`` share, and nowhere else in either, in a fixed order."""
    shared = SequenceMatcher(None, lemma, form, autojunk=False).find_longest_match()
    stem = lemma[shared.a : shared.a + shared.size]
    found: Set[str] = {one for one in stem if one.isalpha()}
    return sorted(one for one in found if lemma.count(one) == form.count(one) == stem.count(one))


def cases(lines: Sequence[str], count: Optional[int], seed: int) -> List[Case]:
    """The lines that have a letter to replace, with at most ``count`` of their letters replaced.

    Raises:
        UsageError: a line has not three columns, or no line has such a letter.
    """
    draw, found = random.Random(seed), []
    for number, line in enumerate(lines, 1):
        columns = line.split("\t")
        if len(columns) != 3:
            raise UsageError(f"line {number} has {len(columns)} columns and not LEMMA<TAB>FORM<TAB>TAGS")
        lemma, form, tags = columns
        letters = letters_of(lemma, form)
        if count is not None:
            letters = draw.sample(letters, min(count, len(letters)))
        if not 0 < len(letters) <= len(LETTERS):
            continue
        other = str.maketrans(dict(zip(letters, draw.sample(LETTERS, len(letters)))))
        found.append(
            Case(joined(lemma, tags), form, joined(lemma.translate(other), tags), form.translate(other)),
        )
    if not found:
        raise UsageError("no line has a letter that lemma and form share: nothing to replace")
    return found


def _unseen(text: str) -> List[str]:
    return [one for one in text if one in LETTERS]


def measure(model: Any, lines: Sequence[str], seed: int) -> str:
    """The table."""
    rows = [
        "| letters replaced | lines | letters as they were % | whole form right % | as it was % |",
        "|---|---|---|---|---|",
    ]
    for count in COUNTS:
        chosen = cases(lines, count, seed)
        found = [one.text for one in model.predict([case.replaced_source for case in chosen])]
        before = [one.text for one in model.predict([case.source for case in chosen])]
        right = (
            sum(_unseen(text) == _unseen(case.replaced_form) for text, case in zip(found, chosen)),
            sum(text == case.replaced_form for text, case in zip(found, chosen)),
            sum(text == case.form for text, case in zip(before, chosen)),
        )
        shares = " | ".join(f"{100 * one / len(chosen):.1f}" for one in right)
        rows.append(f"| {'all' if count is None else count} | {len(chosen)} | {shares} |")
    return "\n".join(rows)


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("file", metavar="FILE", help="LEMMA<TAB>FORM<TAB>TAGS")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the letters (default: 1)")
    args = parser.parse_args(argv)
    with one_line_errors("benchmarks.unseen"):
        with open(args.file, encoding="utf-8") as file:
            lines = file.read().splitlines()
        known = sorted({letter for line in lines for letter in _unseen(line)})
        if known:
            raise UsageError(f"{args.file} has Georgian letters itself ({known[0]}): nothing to measure with")
        print(measure(s2s_plugins.load(args.model), lines, args.seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
