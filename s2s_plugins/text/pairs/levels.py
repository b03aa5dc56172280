"""What a token is, on each side: recognised by a sample of its texts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import List, Sequence, Tuple

# Which share of new texts' tokens would be unknown is estimated by that of the tokens that occur once (Good 1953,
# The population frequencies of species, Biometrika 40). Phones and the words of numbers: nearly none.
UNSEEN = 0.01
INVENTORY = 1000  # distinct tokens at most, where tokens are what spaces separate
OPEN = 0.05  # the same of symbols that are as short as phones: words of Chinese are as short, and many more
TELLING = 500  # tokens that tell it
SPACED = 0.9  # share of the texts of several characters that have a space in them
PHONE = 2.5  # letters of a token in the mean, where tokens look like phones
PHONES = 2.5  # tokens of a text in the mean
SENTENCE = 6.0  # words of a text in the mean, from which on it is made of sentences
IDEOGRAMS = 500  # distinct characters of a side that is not written by an alphabet
LONG = 15.0  # characters of a text in the mean, where it has no spaces
ENOUGH = 200  # distinct texts that a sentencepiece model is trained on, at least
CLASSES = 50  # distinct targets at most that are tokens of their own
OFTEN = 10  # occurrences of each of them in the mean


@dataclass(frozen=True)
class Level:
    """What the tokens of one side are.

    Args:
        name: ``"token"``, ``"char"`` or ``"sentencepiece"``.
        reason: what the texts look like, in words.
        words: of a text in the mean.
    """

    name: str
    reason: str
    words: float = 0.0


CHARACTERS = "characters"
SENTENCES = "sentences, in pieces of words"


def recognise_both(sources: Sequence[str], targets: Sequence[str]) -> Tuple[Level, Level]:
    """What the tokens of sources and targets should be: :func:`recognise` for each.

    Where one side just makes sentences and the other phrases, as in two languages, both are taken for what they are in
    the mean.
    """
    source, target = recognise(sources, is_target=False), recognise(targets, is_target=True)
    if {source.name, target.name} == {"char", "sentencepiece"} and min(source.words, target.words) >= SENTENCE / 2:
        words = (source.words + target.words) / 2
        name, reason = ("sentencepiece", SENTENCES) if words >= SENTENCE else ("char", CHARACTERS)
        source, target = Level(name, reason, source.words), Level(name, reason, target.words)
    return source, target


def recognise(texts: Sequence[str], is_target: bool) -> Level:
    """What the tokens of these texts should be.

    * Tokens separated by spaces: nearly all texts consist of short symbols, or their words come from a small inventory
      that new texts hardly add to.
    * Pieces of a sentencepiece model: they are sentences.
    * Characters otherwise: words, names, phrases.

    Args:
        texts: a sample of one side.
        is_target: a few targets that occur again and again are tokens of their own.
    """
    counts = Counter(" ".join(text.split()) for text in texts)
    counts.pop("", None)
    distinct = list(counts)
    if not distinct:
        return Level("char", "nothing to tell by")
    total = sum(counts.values())
    if is_target and 1 < len(distinct) <= CLASSES and total >= OFTEN * len(distinct):
        if not any(" " in text for text in distinct):
            return Level("token", f"{len(distinct)} distinct targets, each a token", 1.0)
    tokens = Counter(token for text in distinct for token in text.split())
    occurrences = sum(tokens.values())
    words = occurrences / len(distinct)
    several = [text for text in distinct if _letters(text) >= 4]
    spaced = sum(" " in text for text in several) / len(several) if several else 0.0
    letters = sum(_letters(token) * count for token, count in tokens.items()) / occurrences
    unseen = sum(count == 1 for count in tokens.values()) / occurrences
    is_closed = len(tokens) <= INVENTORY and (unseen <= OPEN or occurrences < TELLING)
    if spaced >= SPACED and letters <= PHONE and words >= PHONES and is_closed:
        return Level("token", "tokens separated by spaces", words)
    if len(tokens) <= INVENTORY and unseen <= UNSEEN:
        return Level("token", "tokens separated by spaces, from a small inventory", words)
    if _are_sentences(distinct, words):
        if len(distinct) < ENOUGH:
            return Level("char", f"{CHARACTERS}: too few sentences for a sentencepiece model", words)
        return Level("sentencepiece", SENTENCES, words)
    return Level("char", CHARACTERS, words)


def _are_sentences(distinct: List[str], words: float) -> bool:
    """Whether they are sentences: of many words, or of many ideograms."""
    if words >= SENTENCE:
        return True
    length = sum(map(len, distinct)) / len(distinct)
    return length >= LONG * words and len(set("".join(distinct))) > IDEOGRAMS and wide_share(distinct) > 0.5


def wide_share(texts: Sequence[str]) -> float:
    """The share of ideograms and kana among the characters, of which several stand for a word without spaces."""
    characters = Counter("".join(texts))
    wide = sum(count for character, count in characters.items() if unicodedata.east_asian_width(character) in "WF")
    return wide / sum(characters.values())


def _letters(text: str) -> int:
    """The number of characters, without spaces, accents and marks of length and tone."""
    if text.isascii():
        return len(text) - text.count(" ")
    plain = unicodedata.normalize("NFC", text)
    return sum(unicodedata.category(character) not in ("Mn", "Lm", "Sk", "Zs") for character in plain)
