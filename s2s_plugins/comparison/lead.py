"""The beginning of the source as the output (lead-n): the usual baseline for headlines and summaries, untrained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, List, Sequence

from s2s_plugins.errors import UsageError


@dataclass(frozen=True)
class Lead:
    """The first tokens of the source.

    Args:
        tokens: number of tokens.
    """

    tokens: int

    @property
    def name(self) -> str:
        """In the report."""
        return f"lead-{self.tokens}"

    def outputs(self, sources: Sequence[str]) -> List[str]:
        """The first tokens of each of ``sources``."""
        return [" ".join(source.split()[: self.tokens]) for source in sources]


def named_apart(leads: Sequence[Lead], systems: Collection[str]) -> None:
    """See that no system has the name of a row of ``leads``.

    Raises:
        UsageError: one has.
    """
    for lead in leads:
        if lead.name in systems:
            raise UsageError(f"--lead {lead.tokens} is a row {lead.name}, as a system of --archs: rename that one")
