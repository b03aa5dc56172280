"""The symbols of a text and their numbers, as fairseq's ``dict.txt`` has them."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

from s2s_plugins.errors import UsageError
from s2s_plugins.text.indexed import REMEDY

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # in every table, in no file
BOS, PAD, EOS, UNK = range(len(SPECIAL))
OVERWRITE = "#fairseq:overwrite"  # at the end of a line that takes the place of an earlier one
FILLER = "madeupword"  # begins the symbols that fairseq-preprocess fills a dictionary up with


def is_unknown(number: int) -> bool:
    """Whether a number of a source stands for an unknown symbol: ``<unk>``, or ``<s>``, of which nothing is written."""
    return number in (UNK, BOS)


class SymbolTable:
    """Symbols, numbered in the order in which they came; the special ones of fairseq are the first four.

    Attributes:
        symbols: by number.
        counts: how often each symbol occurs.
        indices: the number of each symbol.
    """

    def __init__(self) -> None:
        self.symbols: List[str] = []
        self.counts: List[int] = []
        self.indices: Dict[str, int] = {}
        for symbol in SPECIAL:
            self.add(symbol)

    def __len__(self) -> int:
        return len(self.symbols)

    def add(self, symbol: str, count: int = 1) -> int:
        """Count ``symbol``, and give it the next number if it is new.

        Returns:
            The number of the symbol.
        """
        number = self.indices.get(symbol)
        if number is None:
            return self._append(symbol, count)
        self.counts[number] += count
        return number

    def _append(self, symbol: str, count: int) -> int:
        self.indices[symbol] = len(self.symbols)
        self.symbols.append(symbol)
        self.counts.append(count)
        return self.indices[symbol]

    def save(self, path: Path) -> None:
        """Write a line ``SYMBOL COUNT`` for each symbol but the special ones."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for symbol, count in zip(self.symbols[len(SPECIAL) :], self.counts[len(SPECIAL) :]):
                file.write(f"{symbol} {count}\n")

    @classmethod
    def load(cls, path: Path) -> "SymbolTable":
        """Read the file ``path``, as fairseq reads it.

        Raises:
            UsageError: it is not UTF-8, a line has no count, or a symbol stands in two lines and the second one does
                not end in ``#fairseq:overwrite``.
            OSError: it cannot be read.
        """
        table = cls()
        with path.open(encoding="utf-8") as lines:
            try:
                for number, line in enumerate(lines, 1):
                    table._add_line(line, number)
            except UnicodeDecodeError:
                raise UsageError(f"dictionary {path} is damaged (it is not UTF-8 text): {REMEDY}") from None
            except _BadLine as error:
                raise UsageError(f"dictionary {path} is damaged ({error}): {REMEDY}") from None
        return table

    def _add_line(self, line: str, number: int) -> None:
        """A symbol may have spaces in it: the last word is the count."""
        try:
            symbol, count = line.rstrip().rsplit(" ", 1)
            overwrite = count == OVERWRITE
            if overwrite:
                symbol, count = symbol.rsplit(" ", 1)
            occurrences = int(count)
        except ValueError:
            raise _BadLine(f"line {number} is not 'SYMBOL COUNT': {line.rstrip()[:60]!r}") from None
        if symbol in self.indices and not overwrite:
            raise _BadLine(f"line {number} has {symbol!r} again, which is there before it")
        self._append(symbol, occurrences)


class _BadLine(Exception):
    """What is wrong with a line of a ``dict.txt``."""
