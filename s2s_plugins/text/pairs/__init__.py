"""Pairs of source and target: from whatever form they have to fairseq's binarised data."""

from s2s_plugins.text.pairs.options import Options
from s2s_plugins.text.pairs.pair import Columns, Pair, Pairs
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.text.pairs.prepared import Counts, Prepared, SideFacts, read_prepared, read_references
from s2s_plugins.text.pairs.sources import read_pairs

__all__ = [
    "Columns",
    "Counts",
    "Options",
    "Pair",
    "Pairs",
    "Prepared",
    "SideFacts",
    "prepare_pairs",
    "read_pairs",
    "read_prepared",
    "read_references",
]
