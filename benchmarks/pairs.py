"""Statistics of paired measurements: two systems take turns, and each adjacent pair has a ratio of its own.

A machine's speed wanders over minutes; within a pair it hardly does.
"""

from __future__ import annotations

import math
import statistics
from typing import Dict, List, Sequence


def summary(values: Sequence[float]) -> Dict[str, float]:
    """Median and range.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("a summary of 0 values: measure at least 1")
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def compare(baseline: Sequence[float], ours: Sequence[float]) -> dict:
    """Pairs in the order measured, with their ratios ours/baseline, and the summaries of all three.

    Raises:
        ValueError: the two lists are not of one length.
    """
    if len(baseline) != len(ours):
        raise ValueError(f"{len(baseline)} values of the baseline and {len(ours)} of ours: measure them in pairs")
    pairs: List[dict] = [{"baseline": b, "ours": o, "ratio": o / b} for b, o in zip(baseline, ours)]
    return {
        "pairs": pairs,
        "baseline": summary(baseline),
        "ours": summary(ours),
        "ratio": summary([pair["ratio"] for pair in pairs]),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The lowest value that a ``share`` of all values does not exceed, 0 < share <= 1."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
