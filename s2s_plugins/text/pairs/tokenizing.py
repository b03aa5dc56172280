"""How the texts of one side are written: the Unicode form that their tokens get, and what nobody sees in them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Iterable, Literal

from s2s_plugins.text.features import MARK
from s2s_plugins.text.spaces import SPACE

# A composed alphabet this many times as large as the decomposed one is decomposed on the target side too: Hangul,
# Vietnamese. Elsewhere a composed target is shorter, and no accent can stand where no letter takes it.
LARGER = 2
# what nobody sees and a keyboard rarely types, though some scripts and emoji need the joiners
INVISIBLE = {"\u00a0": "non-breaking space", "\u202f": "narrow non-breaking space", "\u00ad": "soft hyphen"}
INVISIBLE.update({"\u200b": "zero-width space", "\u200c": "zero-width non-joiner", "\u200d": "zero-width joiner"})
INVISIBLE.update({"\u2060": "word joiner", "\ufeff": "byte order mark", "\u200e": "left-to-right mark"})
INVISIBLE.update({"\u200f": "right-to-left mark", "\ufffd": "replacement character"})


Form = Literal["NFC", "NFD"]  # Unicode's normalisation forms
JOINERS = ("zero-width joiner", "zero-width non-joiner")


def squashed(text: str) -> str:
    """``text`` without white space around it, every run of it one space."""
    return " ".join(text.split())


def squashed_source(text: str, has_features: bool) -> str:
    """:func:`squashed`; of a text with features, each of the two, and the tab between them stays."""
    return MARK.join(map(squashed, text.split(MARK))) if has_features else squashed(text)


def form_of_tokens(characters: Iterable[str], level: str, is_target: bool) -> Form:
    """The Unicode form in which a model sees these texts.

    Characters of a source are decomposed: letters with and without accents share what they have in common, and a
    Hangul syllable is its two or three parts. Characters of a target are composed unless that makes the alphabet more
    than twice as large. Tokens and pieces are composed.

    Args:
        characters: the distinct ones of the texts, composed.
        level: of the side.
        is_target: as said above.
    """
    if level != "char":
        return "NFC"
    if not is_target:
        return "NFD"
    composed = set(characters)
    decomposed = set(unicodedata.normalize("NFD", "".join(composed)))
    return "NFD" if len(composed) > LARGER * len(decomposed) else "NFC"


class Writing:
    """How texts are spelled: the commonest Unicode form, and characters that nobody sees.

    Attributes:
        composed: number of texts in NFC that are not in NFD.
        decomposed: number of texts in NFD that are not in NFC.
        invisible: number of texts with each unseen character, by its name.
        spaces: number of texts in which ``▁`` stands, which is a space to the model.
    """

    def __init__(self) -> None:
        self.composed = self.decomposed = self.spaces = 0
        self.invisible: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Look at one text."""
        if text.isascii():
            if not text.isprintable():
                self._look(text)
            return
        if unicodedata.is_normalized("NFC", text):
            self.composed += not unicodedata.is_normalized("NFD", text)
        else:
            self.decomposed += unicodedata.is_normalized("NFD", text)
        self._look(text)

    def add_all(self, other: "Writing") -> None:
        """Add what was seen of other texts."""
        self.composed += other.composed
        self.decomposed += other.decomposed
        self.spaces += other.spaces
        self.invisible.update(other.invisible)

    def _look(self, text: str) -> None:
        self.spaces += SPACE in text
        if not text.isprintable() or "\ufffd" in text:  # joiners, marks and strange spaces are not printable
            for character in set(text):
                if character in INVISIBLE:
                    self.invisible[INVISIBLE[character]] += 1
                elif unicodedata.category(character) == "Cc" and character != "\t":
                    self.invisible[f"control character U+{ord(character):04X}"] += 1

    @property
    def form(self) -> Form:
        """The commonest form, NFC if there is no telling."""
        return "NFD" if self.decomposed > self.composed else "NFC"
