"""Texts and their headlines as tokens: Chinese characters or words, English words; names as ``<person>``."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.extras import naming_extras

# part-of-speech tags, which the People's Daily corpus and jieba share, of names of persons, places, organisations
ENTITIES = {"nr": "<person>", "ns": "<place>", "nt": "<organisation>"}
# a number or word in Latin letters is one token, also in full width; all else a character each
CHARACTERS = re.compile(r"[A-Za-z0-9]+(?:[.,][0-9]+)*|[Ａ-Ｚａ-ｚ０-９]+(?:[．，][０-９]+)*|\S")
# libc6-dev, c++, 0.8.1 and don't are words; a full stop at the end is none of it
ENGLISH = re.compile(r"[^\W_]+(?:[-'./_:@+]+[^\W_]+)*\+*|\S")


class Item(NamedTuple):
    """A text and its headline.

    Args:
        text: tokens.
        headline: tokens.
        group: what belongs together, as the packages of one source; None: it stands alone.
    """

    text: List[str]
    headline: List[str]
    group: Optional[str] = None


Tokenizer = Callable[[str], List[str]]


def characters(text: str) -> List[str]:
    """``北京的3.5万人`` -> ``北 京 的 3.5 万 人``."""
    return CHARACTERS.findall(text)


def english(text: str) -> List[str]:
    """``Tools for C++ (libfoo-dev).`` -> ``tools for c++ ( libfoo-dev ) .``."""
    return ENGLISH.findall(text.lower())


def with_entities(tagged: Sequence[Tuple[str, str]]) -> List[str]:
    """Words with their tags -> words, a name as the token of its kind.

    A run of one kind is one name: the corpus parts surname and given name, a city and its district.
    """
    words: List[str] = []
    for tag, run in groupby(tagged, key=lambda pair: pair[1]):
        words += [ENTITIES[tag]] if tag in ENTITIES else [word for word, _ in run]
    return words


def segmenter(entities: bool) -> Tokenizer:
    """Chinese words as jieba finds them (its Rust version: the same dictionary, some ten times faster).

    Raises:
        MissingExtra: it is not installed.
    """
    with naming_extras("--tokens words"):
        import rjieba
    if entities:
        return lambda text: with_entities([(word, tag) for word, tag in rjieba.tag(text) if word.strip()])
    return lambda text: [word for word in rjieba.cut(text) if word.strip()]


def tokenizer(tokens: str, entities: bool) -> Tokenizer:
    """What makes tokens of plain Chinese text: ``chars`` or ``words``."""
    return segmenter(entities) if tokens == "words" else characters


def counted(numbers: Dict[str, int]) -> str:
    """``{"without a headline": 3}`` -> ``3 without a headline``; nothing for zeros."""
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
