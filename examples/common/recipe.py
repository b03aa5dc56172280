"""The form of every ``recipe.py``: flags as dictionaries, more of them by size, and the systems that take part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from s2s_plugins.training.recipes import Flags, merged, words

__all__ = ["DEFAULT", "DEMO", "FULL", "SIZES", "Flags", "Sized", "System", "merged", "number", "options", "words"]

DEMO, DEFAULT, FULL = SIZES = ("demo", "default", "full")


def number(flags: Flags, flag: str) -> float:
    """The value of a flag that is a number."""
    return float(str(flags[flag]))


def options(flags: Flags) -> Dict[str, Any]:
    """``{"--max-len-b": 40}`` -> ``{"max_len_b": 40}``, as a function takes them."""
    return {flag.removeprefix("--").replace("-", "_"): value for flag, value in flags.items()}


@dataclass(frozen=True)
class Sized:
    """Flags for every size, and more for each: ``demo`` takes seconds, ``default`` two cores, ``full`` a GPU."""

    every: Flags = field(default_factory=dict)
    demo: Flags = field(default_factory=dict)
    default: Flags = field(default_factory=dict)
    full: Flags = field(default_factory=dict)

    def at(self, size: str) -> Flags:
        """The flags of one of :data:`SIZES`; a size's own replace those for every size."""
        return {**self.every, **getattr(self, size)}


@dataclass(frozen=True)
class System:
    """A model that takes part.

    Args:
        title: in reports.
        train: flags for fairseq-train, ``--arch`` among them.
        prepare: flags for ``prepare.py``, where a system needs data of its own.
    """

    title: str
    train: Sized
    prepare: Flags = field(default_factory=dict)

    def but(self, title: str, train: Optional[Flags] = None, prepare: Optional[Flags] = None) -> System:
        """The same system except for these flags, at every size; ``None`` as a value removes a flag."""
        changes = train or {}

        def unchanged(flags: Flags) -> Flags:
            return {flag: value for flag, value in flags.items() if flag not in changes}

        sizes = self.train
        return System(
            title,
            Sized(merged(sizes.every, changes), unchanged(sizes.demo), unchanged(sizes.default), unchanged(sizes.full)),
            self.prepare if prepare is None else prepare,
        )
