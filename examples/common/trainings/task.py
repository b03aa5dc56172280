"""What an example trains, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from common.recipe import Flags


@dataclass(frozen=True)
class System:
    """A model that takes part, as changes to what ``s2s train`` chooses.

    Args:
        title: in tables.
        changes: flags of the architecture and of fairseq-train; they win over the recipe's.
        settings: flags of ``s2s train`` itself, by the names that its settings have.
    """

    title: str
    changes: Flags = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def no_kinds(source: str, target: str) -> Sequence[str]:
    """Of no kind."""
    return ()


@dataclass(frozen=True)
class Task:
    """An example.

    Args:
        name: of its folder.
        title: of its report and in the gallery.
        shows: a sentence for the gallery: what to look for.
        sets: data sets, their folder to their title.
        systems: all that can be trained, by name.
        default: names of those that are, if the user names none.
        minutes: of each training.
        licence: of each set, to stand in model files.
        train: pairs of a set to train on at most.
        kinds: what the report counts apart: of a source and its first target the kinds, in the report's words.
        kind: what these are called.
        further: further test files beside ``test.tsv``, their name to their title.
    """

    name: str
    title: str
    shows: str
    sets: Mapping[str, str]
    systems: Mapping[str, System]
    default: Sequence[str]
    minutes: float
    licence: Mapping[str, str]
    train: int
    kinds: Callable[[str, str], Sequence[str]] = no_kinds
    kind: str = "kind"
    further: Mapping[str, str] = field(default_factory=dict)
