"""The binarised parts, and the references that outputs are scored by."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, List, Set, TextIO

from s2s_plugins.text.indexed import IndexedWriter
from s2s_plugins.text.pairs.inputs import Chosen, Input
from s2s_plugins.text.pairs.pair import Pair
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.splitting import PARTS, TRAIN
from s2s_plugins.text.pairs.tokenizing import squashed
from s2s_plugins.text.symbols import UNK


class Unknown:
    """Symbols of a held-out part that the training part lacks.

    Attributes:
        texts: number of texts with one, by side.
        symbols: how often each occurs, by side.
    """

    def __init__(self, sides: Iterable[Side]) -> None:
        self.texts: Dict[str, int] = {side.name: 0 for side in sides}
        self.symbols: Dict[str, Counter[str]] = {side.name: Counter() for side in sides}

    def add(self, side: Side, tokens: List[str]) -> None:
        """Look at the tokens of one text."""
        lacking = [token for token in tokens if side.number(token) == UNK]
        if lacking:
            self.texts[side.name] += 1
            self.symbols[side.name].update(lacking)


class PartWriter:
    """Writes one part, to be used in a ``with`` statement.

    A pair of ``train`` is a line. Of a source of the other parts the first target is one, and all of them stand in
    ``PART.tsv`` as they are spelled in the data.

    Args:
        folder: where.
        part: ``"train"``, ``"valid"`` or ``"test"``.
        sides: of source and target.
    """

    def __init__(self, folder: Path, part: str, sides: List[Side]) -> None:
        self.part, self.sides = part, sides
        self.unknown = Unknown(sides)
        self._seen: Set[int] = set()
        self._stack = contextlib.ExitStack()
        prefix = folder / f"{part}.source-target"
        self._writers = [
            self._stack.enter_context(IndexedWriter(Path(f"{prefix}.{side.name}"), len(side.table))) for side in sides
        ]
        self._references: List[TextIO] = []
        if part != "train":
            file = open(folder / f"{part}.tsv", "w", encoding="utf-8", newline="\n")
            self._references.append(self._stack.enter_context(file))

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, pair: Pair, source_hash: int) -> None:
        """Write a pair.

        Args:
            pair: itself.
            source_hash: the same for the same source.
        """
        texts = [squashed(text) for text in pair[:2]]
        for file in self._references:
            file.write("\t".join(texts) + "\n")
            if source_hash in self._seen:
                return
            self._seen.add(source_hash)
        for side, writer, text in zip(self.sides, self._writers, texts):
            tokens = side.tokens(text)
            writer.add(side.numbers(tokens))
            if self.part != "train":
                self.unknown.add(side, tokens)


def write_parts(folder: Path, inputs: Iterable[Input], sides: List[Side], parts: Iterable[str]) -> Dict[str, Unknown]:
    """Write the dictionaries and the ``parts``.

    Returns:
        The symbols of each part that the training part lacks.

    Raises:
        UsageError: data has changed since it was surveyed.
    """
    for side in sides:
        side.table.save(folder / f"dict.{side.name}.txt")
    with contextlib.ExitStack() as stack:
        writers = {part: stack.enter_context(PartWriter(folder, part, sides)) for part in parts}
        for data in inputs:
            for chosen in data.of(sum(PARTS.values()), f"write {data.name}"):
                _write(chosen, int(data.survey.sources[chosen.number]), writers)
    return {part: writer.unknown for part, writer in writers.items() if PARTS[part] != TRAIN}


def _write(chosen: Chosen, source_hash: int, writers: Dict[str, PartWriter]) -> None:
    for part, writer in writers.items():
        if chosen.part & PARTS[part]:
            writer.add(chosen.pair, source_hash)
