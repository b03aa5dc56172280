"""Features beside a text, as of a lemma to be inflected: ``walk<TAB>V;PST`` is one text.

Each feature is a symbol of its own, ``⟦PST⟧``, before the tokens of the text (Kann and Schütze 2016, "Single-model
encoder-decoder with explicit morphological representation for reinflection", section 3.1).
"""

from __future__ import annotations

from typing import List, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.spaces import SPACE

OPEN, CLOSE = "\u27e6", "\u27e7"  # ⟦⟧: around a feature
FEATURES_AS = ("joined", "bag")  # what a model makes of features: symbols before the others, or what each step sees
SEPARATORS = (";", "|", ",", "+", " ")
MARK = "\t"  # between a text and its features


def check_separator(separator: str) -> None:
    """See that features may be separated by this.

    Raises:
        UsageError: they may not.
    """
    if separator not in SEPARATORS:
        known = " ".join(SEPARATORS[:-1])
        raise UsageError(f"features are separated by {known} or a space, not by {separator!r}: use one of these")


def is_feature(token: str) -> bool:
    """Whether a token is the symbol of a feature."""
    return len(token) > 2 and token[0] == OPEN and token[-1] == CLOSE


def name_of(token: str) -> str:
    """What the symbol of a feature says: ``⟦PST⟧`` -> ``PST``."""
    return token[1:-1].replace(SPACE, " ")


def split_features(features: str, separator: str) -> List[str]:
    """``"V; PST;"`` -> V, PST."""
    names = (" ".join(name.split()) for name in features.split(separator))
    return [name for name in names if name]


def symbols_of(features: str, separator: str) -> List[str]:
    """The symbols of a list of features, none of which has white space in it."""
    return [f"{OPEN}{name.replace(' ', SPACE)}{CLOSE}" for name in split_features(features, separator)]


def parted(text: str) -> Tuple[str, str]:
    """A text without its features, and these.

    Raises:
        UsageError: there is no tab between the two, or a second one.
    """
    plain, mark, features = text.partition(MARK)
    if not mark:
        raise UsageError("no features stand behind it, and the model needs them: write TEXT<TAB>FEATURES")
    if MARK in features:
        raise UsageError("two tabs are in it: write TEXT<TAB>FEATURES")
    return plain, features


def joined(text: str, features: str) -> str:
    """A text with its features, as one text."""
    return f"{text.replace(MARK, ' ')}{MARK}{features.replace(MARK, ' ')}"
