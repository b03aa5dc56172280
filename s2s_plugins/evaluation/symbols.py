"""What is compared of a prediction and a reference: the symbols that errors are counted in."""

from __future__ import annotations

from typing import Iterable, List, Sequence

from s2s_plugins.text.pairs.survey import key_of

UNITS = ("character", "token", "word")
LONG_TEXT, LONG_WORD = (
    4,
    3,
)  # from so many words, of so many letters each, a reference is text and not a list of symbols


def symbols_of(text: str, unit: str) -> List[str]:
    """The symbols of a text.

    Args:
        text: of one line.
        unit: ``"character"``, or ``"token"`` or ``"word"``, which spaces separate.
    """
    return list(key_of(text)) if unit == "character" else key_of(text).split()


def unit_of(level: str, references: Sequence[str]) -> str:
    """The unit of a target side: that of its level; of sentencepiece's texts words, or characters without spaces.

    Args:
        level: one of :data:`s2s_plugins.text.spelling.LEVELS`.
        references: texts of that side.
    """
    if level == "char":
        return "character"
    if level == "token":
        return "token"
    spaced = sum(" " in key_of(text) for text in references)
    return "word" if 2 * spaced >= len(references) else "character"


def is_text(level: str, references: Iterable[str]) -> bool:
    """Whether references are sentences, for which BLEU and chrF mean something: those of sentencepiece, and tokens that
    are many, and long as words are; pronunciations are not."""
    if level != "token":
        return level == "sentencepiece"
    lengths = [list(map(len, text.split())) for text in references]
    words = sum(map(len, lengths))
    return words >= LONG_TEXT * len(lengths) and sum(map(sum, lengths)) >= LONG_WORD * words > 0
