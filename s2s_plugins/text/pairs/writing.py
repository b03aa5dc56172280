"""The binarised parts, and the references that outputs are scored by."""

from __future__ import annotations

import contextlib
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Set, TextIO, Tuple

from s2s_plugins.text.indexed import IndexedWriter
from s2s_plugins.text.pairs.inputs import Chosen, Parted
from s2s_plugins.text.pairs.pair import Pair
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.splitting import PARTS, TRAIN
from s2s_plugins.text.pairs.survey import hash_of
from s2s_plugins.text.pairs.tokenizing import squashed, squashed_source
from s2s_plugins.text.slots import Slots
from s2s_plugins.text.symbols import EOS, is_unknown

TOKENS = ".tokens"  # ends the name of the file with a source's tokens, which binarised slots stand for
Numbers = Tuple[List[int], List[int]]  # of a source and a target, without ``</s>``


class Unknown:
    """Symbols of a held-out part that the training part lacks.

    Attributes:
        texts: number of texts with one, by side.
        symbols: how often each occurs, by side.
    """

    def __init__(self, sides: Iterable[Side]) -> None:
        self.texts: Dict[str, int] = {side.name: 0 for side in sides}
        self.symbols: Dict[str, Counter[str]] = {side.name: Counter() for side in sides}

    def add(self, side: Side, tokens: Sequence[str], numbers: Sequence[int]) -> None:
        """Look at the tokens of one text."""
        lacking = [token for token, number in zip(tokens, numbers) if is_unknown(number)]
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
        slots: numbers of tokens.
    """

    def __init__(self, folder: Path, part: str, sides: List[Side], slots: Slots) -> None:
        self.part, self.sides, self.slots = part, sides, slots
        self.unknown = Unknown(sides)
        self._seen: Set[int] = set()
        self._stack = contextlib.ExitStack()
        prefix = folder / f"{part}.source-target"
        self._writers = [
            self._stack.enter_context(IndexedWriter(Path(f"{prefix}.{side.name}"), len(side.table))) for side in sides
        ]
        self._references: List[TextIO] = []
        self._tokens: List[TextIO] = []
        if part != "train":
            self._references.append(self._open(folder / f"{part}.tsv"))
            if slots:
                self._tokens.append(self._open(Path(f"{prefix}.source{TOKENS}")))

    def _open(self, path: Path) -> TextIO:
        return self._stack.enter_context(open(path, "w", encoding="utf-8", newline="\n"))

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, pair: Pair) -> None:
        """Write a pair."""
        texts = [squashed_source(pair.source, self.sides[0].features is not None), squashed(pair.target)]
        for file in self._references:
            file.write("\t".join(texts) + "\n")
            source_hash = hash_of(unicodedata.normalize("NFC", texts[0]))
            if source_hash in self._seen:
                return
            self._seen.add(source_hash)
        tokens = [side.tokens(text) for side, text in zip(self.sides, texts)]
        numbers = numbers_of(self.slots, *tokens)
        self.add_numbers(numbers)
        for file in self._tokens:
            file.write(" ".join(tokens[0]) + "\n")
        if self.part != "train":
            for side, one, own in zip(self.sides, tokens, numbers):
                self.unknown.add(side, one, own)

    def add_numbers(self, numbers: Numbers) -> None:
        """Write a pair as numbers."""
        for writer, own in zip(self._writers, numbers):
            writer.add([*own, EOS])


def numbers_of(slots: Slots, source: Sequence[str], target: Sequence[str]) -> Numbers:
    """The numbers of the tokens of a pair."""
    own = slots.source_numbers(source)
    return own, slots.target_numbers(target, slots.held(source, own))


def write_parts(
    folder: Path, inputs: Iterable[Parted], sides: List[Side], parts: Iterable[str], more: Iterable[Numbers] = ()
) -> Dict[str, Unknown]:
    """Write the dictionaries and the ``parts``.

    Args:
        folder: where.
        inputs: the data.
        sides: of source and target.
        parts: names of the parts.
        more: what the training part has behind its pairs.

    Returns:
        The symbols of each part that the training part lacks.

    Raises:
        UsageError: data has changed since it was surveyed.
    """
    for side in sides:
        side.table.save(folder / f"dict.{side.name}.txt")
    slots = Slots(sides[0].table, sides[1].table)
    with contextlib.ExitStack() as stack:
        writers = {part: stack.enter_context(PartWriter(folder, part, sides, slots)) for part in parts}
        for data in inputs:
            for chosen in data.of(sum(PARTS.values()), f"write {data.name}"):
                _write(chosen, writers)
        for numbers in more:
            writers["train"].add_numbers(numbers)
    return {part: writer.unknown for part, writer in writers.items() if PARTS[part] != TRAIN}


def _write(chosen: Chosen, writers: Dict[str, PartWriter]) -> None:
    for part, writer in writers.items():
        if chosen.part & PARTS[part]:
            writer.add(chosen.pair)
