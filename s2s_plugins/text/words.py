"""Words, and the punctuation marks and symbols between them, by Unicode's categories.

The tokens are those of NIST's mteval-v14 with ``--international-tokenization``, which sacrebleu calls ``intl``.
"""

from __future__ import annotations

import unicodedata
from typing import Dict, Iterator, List, Tuple

# Numbers, punctuation and symbols that Unicode has added in versions 15 to 18. Python 3.11 knows version 14: without
# this table a model would see other tokens on another Python.
NEWER = {
    "N": "10D40-10D49 116D0-116E3 11BF0-11BF9 11DE0-11DE9 11F50-11F59 1246F 12475-1247F 12550-12686 16130-16139 "
    "16D70-16D79 16FF4-16FF6 1CCF0-1CCF9 1D2C0-1D2D3 1E4F0-1E4F9 1E5F1-1E5FA",
    "P": "1B4E-1B4F 1B7F 2E60-2E63 10D6E 10ED0 113D4-113D5 113D7-113D8 11B00-11B09 11BE1 11F43-11F4F 16D6D-16D6F 1E5FF",
    "S": "20C1-20C4 2427-2429 2B96 2FFC-2FFF 31E4-31E5 31EF FBC3-FBD2 FD90-FD91 FDC8-FDCE 10D8E-10D8F 10EC9-10ECA "
    "10ED1-10ED8 1CC00-1CCEF 1CCFA-1CCFC 1CD00-1CEB3 1CEBA-1CED0 1CED2-1CED4 1CEDD-1CEFD 1D1EB-1D1FF 1D253-1D25A "
    "1D25D-1D25E 1D260-1D27F 1DB00-1DB1C 1F1AE 1F6D8-1F6D9 1F6DC 1F774-1F77F 1F7D9-1F7DB 1F7F1-1F7FF 1F8B2-1F8BB "
    "1F8C0-1F8C1 1F8D0-1F8D8 1FA54-1FA57 1FA75-1FA77 1FA87-1FA8F 1FAAD-1FAAF 1FABB-1FABF 1FAC6 1FAC8 1FACC-1FACF "
    "1FADA-1FADD 1FADF 1FAE8-1FAEB 1FAEF 1FAF7-1FAFA 1FBCB-1FBEF 1FBFA",
}


def newer_ranges() -> Dict[str, List[Tuple[int, int]]]:
    """First and last code of the ranges of :data:`NEWER`, by kind."""
    parts = {kind: [part.partition("-") for part in ranges.split()] for kind, ranges in NEWER.items()}
    return {kind: [(int(first, 16), int(last or first, 16)) for first, _, last in own] for kind, own in parts.items()}


def newer_characters() -> Iterator[Tuple[str, str]]:
    """The characters of :data:`NEWER`, each with its kind."""
    for kind, ranges in newer_ranges().items():
        for first, last in ranges:
            for code in range(first, last + 1):
                yield chr(code), kind


_KINDS: Dict[str, str] = dict(newer_characters())


def kind_of(character: str) -> str:
    """The first letter of a character's general category: ``N`` number, ``P`` punctuation, ``S`` symbol, or another."""
    category = unicodedata.category(character)
    return _KINDS.get(character, "C") if category == "Cn" else category[0]


def split_words(text: str) -> List[str]:
    """The words, punctuation marks and symbols of ``text``; what is within numbers stays there.

    ``"It cost $3.50, (really)."`` -> ``It cost $ 3.50 , ( really ) .``

    A symbol is a token. So is a punctuation mark, but for one that stands between two numbers, as in ``3.50``. Of
    several marks in a row behind a word, the first, third, ... are tokens, and the others where no number follows.
    """
    words: List[str] = []
    for word in text.split():
        if word.isalnum():  # no mark and no symbol is: most words end here
            words.append(word)
        else:
            words += _split(word)
    return words


def _split(word: str) -> List[str]:
    kinds = [kind_of(character) for character in word]
    parts: List[str] = []
    before, was_parted = " ", False  # a space stands around the word
    for character, kind, after in zip(word, kinds, [*kinds[1:], " "]):
        # the rule of mteval takes marks in pairs with the character before: one that is parted parts no second one
        was_parted = kind == "P" and before != "N" and not was_parted
        alone = kind == "S" or was_parted or (kind == "P" and after != "N")
        parts.append(f" {character} " if alone else character)
        before = kind
    return "".join(parts).split()
