"""One side of the pairs while they are prepared."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Container, Iterable, List, Optional, Set

from s2s_plugins.text.pairs.levels import Level
from s2s_plugins.text.pairs.pieces import train_pieces, vocabulary_for
from s2s_plugins.text.pairs.prepared import SideFacts
from s2s_plugins.text.pairs.tokenizing import Writing, form_of_tokens, squashed
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import EOS, SPECIAL, UNK, SymbolTable


class _Everything(Container[str]):
    """Has all symbols in it: what is not numbered yet."""

    def __contains__(self, symbol: object) -> bool:
        return True


class Side:
    """What the texts of one side are, and the symbols that training has of them.

    Args:
        name: ``"source"`` or ``"target"``.
        level: of the tokens.
        characters: the distinct ones of the texts, composed.

    Attributes:
        spelling: makes tokens.
        writing: how the training texts are spelled.
        table: the symbols.
    """

    def __init__(self, name: str, level: Level, characters: Set[str]) -> None:
        self.name, self.level = name, level
        self.alphabet = len(characters)
        self.composes = not unicodedata.is_normalized("NFD", "".join(characters))
        self.form = form_of_tokens(characters, level.name, name == "target")
        self.spelling = Spelling("char" if level.name == "sentencepiece" else level.name, form=self.form)
        self._known: Container[str] = _Everything()
        self.writing = Writing()
        self.table = SymbolTable()
        self._counts: Counter[str] = Counter()
        self._texts = self._longest = 0
        self._first: Optional[str] = None
        self._is_constant = True

    def train_pieces(self, texts: Iterable[str], characters: int, vocab_size: int) -> None:
        """Train the sentencepiece model.

        Args:
            texts: of the training part.
            characters: their number in all texts.
            vocab_size: number of pieces; 0: by the amount of text.

        Raises:
            UsageError: there is too little text for so many pieces.
        """
        plain = (unicodedata.normalize(self.form, squashed(text)) for text in texts)
        pieces = train_pieces(plain, vocab_size or vocabulary_for(characters), self.alphabet)
        self.spelling = Spelling("sentencepiece", pieces, self.form)

    def tokens(self, text: str) -> List[str]:
        """The tokens of a text; none of them has white space in it.

        Of a source they are, once symbols are numbered, those that the trained model will read: for a character that
        it lacks there may be another one.
        """
        return self.spelling.tokens(text, self._known).split()

    def count(self, text: str) -> None:
        """Count the tokens of a text of the training part."""
        tokens = self.tokens(text)
        self._counts.update(tokens)
        self._texts += 1
        self._longest = max(self._longest, len(tokens))
        self.writing.add(text)
        self._first = text if self._first is None else self._first
        self._is_constant = self._is_constant and text == self._first

    def number_symbols(self, min_count: int) -> None:
        """Number the symbols, the most frequent first; the order of lines does not matter.

        Args:
            min_count: rarer ones are unknown.
        """
        for symbol, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0])):
            if count >= min_count and symbol not in SPECIAL:
                self.table.add(symbol, count)
        if self.name == "source":
            self._known = self.table.indices

    @property
    def only(self) -> Optional[str]:
        """The text, if all are the same."""
        return self._first if self._is_constant else None

    @property
    def rare(self) -> int:
        """The number of symbols of the training part that are not in the table."""
        return len(self._counts) - (len(self.table) - len(SPECIAL))

    def numbers(self, tokens: List[str]) -> List[int]:
        """The numbers of ``tokens``, and that of the end."""
        return [*map(self.number, tokens), EOS]

    def number(self, token: str) -> int:
        """The number of ``token``, ``UNK`` if it has none."""
        number = self.table.indices.get(token, UNK)
        return number if number >= len(SPECIAL) else UNK

    def facts(self) -> SideFacts:
        """What is kept of it."""
        mean = sum(self._counts.values()) / max(1, self._texts)
        symbols = len(self.table) - len(SPECIAL)
        level, form, written = self.level.name, self.form, self.writing.form
        return SideFacts(level, form, written, symbols, round(mean, 3), self._longest, self.spelling.pieces)
