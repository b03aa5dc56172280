"""Slots for what the dictionaries lack: places of a sentence's own symbols, from which they can be copied.

In a sentence the first distinct unknown symbol is ``<copy1>``, the second ``<copy2>``, and so on, in the output too.
So binarised data, training, search and exports see plain numbers, and a slot is turned back into the sentence's own
symbol when an output is written.
"""

from __future__ import annotations

from typing import Container, Dict, List, Mapping, Sequence

from s2s_plugins.text.features import is_feature
from s2s_plugins.text.symbols import BOS, SPECIAL, UNK, SymbolTable

SLOTS = tuple(f"<copy{number}>" for number in range(1, 17))


class _Everything(Container[str]):
    """Has all symbols in it."""

    def __contains__(self, symbol: object) -> bool:
        return True


EVERYTHING: Container[str] = _Everything()


def add_slots(table: SymbolTable) -> None:
    """Let a table end with the slots."""
    for slot in SLOTS:
        table.add(slot, 1)


class Slots:
    """The numbers of a sentence's tokens, unknown ones among them.

    Args:
        source: symbols of the source.
        target: symbols of the target. Without slots in both tables unknown tokens have the number of ``<unk>``.
    """

    def __init__(self, source: SymbolTable, target: SymbolTable) -> None:
        self._source, self._target = source, target
        there = [slot for slot in SLOTS if slot in source.indices and slot in target.indices]
        self.of_source = [source.indices[slot] for slot in there]
        self.of_target = [target.indices[slot] for slot in there]
        self._own = {*SPECIAL, *there}  # words that look like these are unknown

    def __bool__(self) -> bool:
        return bool(self.of_source)

    def known(self, table: SymbolTable) -> Container[str]:
        """The symbols that a text may be spelled with: with slots, all of them, since others are copied as they are."""
        return EVERYTHING if self else table.indices

    def number(self, table: SymbolTable, token: str) -> int:
        """The number of a token in one of the tables, ``UNK`` if it has none."""
        return UNK if token in self._own else table.indices.get(token, UNK)

    def source_number(self, token: str) -> int:
        """The number of a source's token, ``UNK`` if it has none; with slots ``BOS`` of an unknown feature, so that
        nothing of it is copied."""
        number = self.number(self._source, token)
        return BOS if self and number == UNK and is_feature(token) else number

    def source_numbers(self, tokens: Sequence[str]) -> List[int]:
        """The numbers of a sentence's tokens, :meth:`source_number`, and slots in place of ``UNK``."""
        numbers = [self.source_number(token) for token in tokens]
        if not self or UNK not in numbers:
            return numbers
        slots: Dict[str, int] = {}
        for token, number in zip(tokens, numbers):
            if number == UNK and token not in slots and len(slots) < len(self.of_source):
                slots[token] = self.of_source[len(slots)]
        return [slots.get(token, number) if number == UNK else number for token, number in zip(tokens, numbers)]

    def held(self, tokens: Sequence[str], numbers: Sequence[int]) -> Dict[int, str]:
        """What the target's slots stand for: of a source's tokens those whose numbers are slots."""
        if not self or not set(self.of_source).intersection(numbers):
            return {}
        places = dict(zip(self.of_source, self.of_target))
        return {places[number]: token for token, number in zip(tokens, numbers) if number in places}

    def target_numbers(self, tokens: Sequence[str], held: Mapping[int, str]) -> List[int]:
        """The numbers of a target's tokens, beside a source whose slots are ``held``."""
        slots = {token: number for number, token in held.items()}
        numbers = [self.number(self._target, token) for token in tokens]
        return [slots.get(token, number) if number == UNK else number for token, number in zip(tokens, numbers)]

    def written(self, numbers: Sequence[int], held: Mapping[int, str]) -> List[str]:
        """The tokens that a target's numbers stand for; of a slot that holds nothing, ``<unk>``."""
        symbols = self._target.symbols
        if not self:
            return [symbols[number] for number in numbers]
        empty = {number: SPECIAL[UNK] for number in self.of_target}
        return [held.get(number) or empty.get(number) or symbols[number] for number in numbers]
