"""How the texts of prepared pairs become tokens."""

from __future__ import annotations

from s2s_plugins.inference.spelling import Spelled, Spelling
from s2s_plugins.text.pairs.prepared import SideFacts


def spelled(side: SideFacts) -> Spelled:
    """As a model file has it."""
    return Spelled(side.level, side.pieces, side.form, side.written)


def spelling_of(side: SideFacts) -> Spelling:
    """Ready to use."""
    return Spelling(*spelled(side))
