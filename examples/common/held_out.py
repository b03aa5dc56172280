"""Lines of pairs in parts: no source of the development and test files is in the training file."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Hashable, List, Mapping, Sequence, TypeVar

from common.corpora import shuffled, write_lines
from s2s_plugins.errors import UsageError, WorkError

Key = TypeVar("Key", bound=Hashable)
TRAIN, DEV, TEST = PARTS = ("train", "dev", "test")


def part_file(folder: Path, part: str) -> Path:
    """Where a part of a data set is."""
    return folder / f"{part}.tsv"


def parted(keys: Sequence[Key], held: int, seed: int, what: str) -> Dict[str, List[Key]]:
    """The keys by part, in an order drawn with ``seed``: ``held`` each for development and test, the rest to train.

    Args:
        keys: what is not to stand in two parts.
        held: number of keys of the development part, and of the test part.
        seed: of the draw.
        what: the keys are, for the draw and for messages.

    Raises:
        WorkError: fewer keys would be left to train on than are held out.
    """
    unique = list(dict.fromkeys(keys))
    if 4 * held > len(unique):
        raise WorkError(f"{len(unique):,} {what} are too few to hold out {held:,} for development and test each")
    mixed = shuffled(unique, seed, what)
    return {DEV: mixed[:held], TEST: mixed[held : 2 * held], TRAIN: mixed[2 * held :]}


def write_parts(folder: Path, parts: Mapping[str, Sequence[str]], base: Path) -> None:
    """A file for each part, and a line on the screen that counts their lines."""
    for part, lines in parts.items():
        write_lines(part_file(folder, part), lines)
    counts = ", ".join(f"{len(lines):,} {part}" for part, lines in parts.items())
    print(f"{folder.relative_to(base)}: {counts}", flush=True)


def check_least(flag: str, value: int, least: int = 1) -> None:
    """See that a number is not too small.

    Raises:
        UsageError: it is.
    """
    if value < least:
        raise UsageError(f"{flag} {value} is too small: use {least} or more")
