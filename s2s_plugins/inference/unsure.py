"""Answers that are too improbable to be given: what a person should look at."""

from __future__ import annotations

from typing import Any, List, Optional

from s2s_plugins.errors import UsageError

COLUMN = {True: "unsure", False: "sure"}


def check_least(least: Any) -> None:
    """See that the least probability of an answer is one.

    Raises:
        UsageError: it is not.
    """
    if least is not None and not (isinstance(least, (int, float)) and 0 <= least <= 1):
        raise UsageError(f"--min-probability {least} is no probability: use a number from 0 to 1")


def is_unsure(probability: float, least: Optional[float]) -> bool:
    """Whether an answer is too improbable to be given."""
    return least is not None and probability < least


def columns(probability: float, unsure: bool) -> List[str]:
    """The columns that say so."""
    return [f"{probability:.4f}", COLUMN[unsure]]
