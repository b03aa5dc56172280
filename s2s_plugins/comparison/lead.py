"""The beginning of the source as the output (lead-n): the baseline of headlines and summaries, nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, List, Sequence

from s2s_plugins.errors import UsageError


@dataclass(frozen=True)
class Lead:
    """The first tokens of the source.

    Args:
        tokens: how many.
    """

    tokens: int

    @property
    def name(self) -> str:
        return f"lead-{self.tokens}"

    def outputs(self, sources: Sequence[str]) -> List[str]:
        return [" ".join(source.split()[: self.tokens]) for source in sources]


def leads_of(text: str, systems: Collection[str]) -> List[Lead]:
    """``8,15`` -> lead-8 and lead-15; none of an empty text.

    Args:
        text: as ``--lead`` takes it.
        systems: names that are taken.

    Raises:
        UsageError: it is no list of different numbers from 1 on, or a system has the name of one.
    """
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise UsageError(f"--lead {text} is no number of tokens, nor a list of some: use 8, or 8,15")
    leads = [Lead(int(part)) for part in parts]
    if len(set(leads)) < len(leads):
        raise UsageError(f"--lead {text} names a number twice: leave one out")
    for lead in leads:
        if lead.name in systems:
            raise UsageError(f"--lead {lead.tokens} is a row {lead.name}, as a system of --archs: rename that one")
    return leads
