"""Whether a model was trained on the lexicon that it is to check: then it agrees with its mistakes."""

from __future__ import annotations

import math
from typing import Dict, Iterable, Iterator, Optional

from s2s_plugins.inference.translator import Translator
from s2s_plugins.training.check.judging import Judged
from s2s_plugins.training.testing import FINGERPRINT

HELD_OUT = ("test error rate %", "valid error rate %")  # of a model file's figures
FEWEST = 50  # sources to compare errors on
REMEDY = "leave MODEL out, and models are trained that have not"


def seen(translator: Translator, fingerprint: str, judged: Iterable[Judged]) -> Iterator[str]:
    """Warnings, a line each.

    A file that is the training data itself is known by its checksum. A part of it, or an older version, shows by far
    fewer errors than the model made on what was held out from its training.

    Args:
        translator: of a model file.
        fingerprint: of the lexicon.
        judged: its entries.
    """
    figures = {} if translator.about is None else translator.about.figures
    if figures.get(FINGERPRINT) == fingerprint:
        yield f"{translator.name} was trained on this file, and agrees with its mistakes: {REMEDY}"
        return
    expected = next((figures[name] for name in HELD_OUT if name in figures), None)
    found = error_rate(judged)
    if not isinstance(expected, (int, float)) or found is None or not 0 < expected < 100:
        return
    rate, sources = found
    deviation = 100 * math.sqrt(expected / 100 * (1 - expected / 100) / sources)
    if rate < expected / 2 and rate < expected - 4 * deviation:
        yield (
            f"{translator.name} errs on {rate:.1f} % of these {sources:,} sources, and on {expected:.1f} % of those "
            f"that were held out from its training: it has probably seen most of them, and agrees with their mistakes: "
            f"{REMEDY}"
        )


def error_rate(judged: Iterable[Judged]) -> "Optional[tuple[float, int]]":
    """The percentage of sources none of whose targets is more probable than the suggestion, and the number of sources;
    None of too few."""
    right: Dict[str, bool] = {}
    for one in judged:
        right[one.source] = right.get(one.source, False) or one.log_probability >= one.suggested
    if len(right) < FEWEST:
        return None
    return 100 * (1 - sum(right.values()) / len(right)), len(right)
