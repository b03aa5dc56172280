"""One side of the pairs while they are prepared."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Container, Iterable, List, Optional, Set

from s2s_plugins.text.features import MARK, is_feature
from s2s_plugins.text.pairs.levels import Level
from s2s_plugins.text.pairs.pieces import train_pieces, vocabulary_for
from s2s_plugins.text.pairs.prepared import SideFacts
from s2s_plugins.text.pairs.tokenizing import Form, Writing, form_of_tokens, squashed
from s2s_plugins.text.slots import EVERYTHING, SLOTS, add_slots
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import SPECIAL, SymbolTable


class Side:
    """What the texts of one side are, and the symbols that training has of them.

    Args:
        name: ``"source"`` or ``"target"``.
        level: of the tokens.
        characters: the distinct ones of the texts, composed.
        form: the Unicode form of the tokens; None: what suits this side.
        features: what separates the features of each text; None: texts have none.

    Attributes:
        spelling: makes tokens.
        writing: how the training texts are spelled.
        table: the symbols.
        rare: number of symbols of the training part that are not in the table.
    """

    def __init__(
        self, name: str, level: Level, characters: Set[str], form: Optional[Form] = None, features: Optional[str] = None
    ) -> None:
        self.name, self.level, self.features = name, level, features
        self.form = form or form_of_tokens(characters, level.name, name == "target")
        self.alphabet = len(characters)
        self.composes = not unicodedata.is_normalized("NFD", "".join(characters))
        unit = "char" if level.name == "sentencepiece" else level.name
        self.spelling = Spelling(unit, form=self.form, features=features)
        self._known: Container[str] = EVERYTHING  # nothing is numbered yet
        self.writing = Writing()
        self.table = SymbolTable()
        self.rare = 0
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
        plain = (unicodedata.normalize(self.form, squashed(text.partition(MARK)[0])) for text in texts)
        pieces = train_pieces(plain, vocab_size or vocabulary_for(characters), self.alphabet)
        self.spelling = Spelling("sentencepiece", pieces, self.form, features=self.features)

    def tokens(self, text: str) -> List[str]:
        """The tokens of a text, features the first of them; none of them has white space in it.

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
        self.writing.add(text.partition(MARK)[0])
        self._first = text if self._first is None else self._first
        self._is_constant = self._is_constant and text == self._first

    def add(self, other: "Side") -> None:
        """Count what another process has counted of other texts."""
        self._counts.update(other._counts)
        self._texts += other._texts
        self._longest = max(self._longest, other._longest)
        self.writing.add_all(other.writing)
        self._is_constant = self._is_constant and other._is_constant and other._first in (None, self._first)

    def number_symbols(self, min_count: int, copied: Optional["Side"] = None) -> None:
        """Number the symbols, the most frequent first; the order of lines does not matter.

        Args:
            min_count: rarer ones are unknown.
            copied: the other side, if symbols are copied: slots are the last symbols then, and a target has the symbols
                of its source behind its own.
        """
        for symbol, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0])):
            if count >= min_count and symbol not in SPECIAL:
                self.table.add(symbol, count)
        self.rare = len(self._counts) - self.symbols
        if copied is None and self.name == "source":
            self._known = self.table.indices
        if copied is not None and self.name == "target":
            for symbol in copied.table.symbols[len(SPECIAL) :]:
                if symbol not in self.table.indices and symbol not in SLOTS and not is_feature(symbol):
                    self.table.add(symbol, 0)
        if copied is not None:
            add_slots(self.table)

    @property
    def only(self) -> Optional[str]:
        """The text, if all are the same."""
        return self._first if self._is_constant else None

    @property
    def symbols(self) -> int:
        """The number of symbols in the table, without special ones and slots."""
        return sum(symbol not in SLOTS for symbol in self.table.symbols[len(SPECIAL) :])

    @property
    def own(self) -> Set[str]:
        """The symbols that the training part has here, and the table too; no features."""
        return {symbol for symbol in self._counts if symbol in self.table.indices and not is_feature(symbol)}

    def facts(self) -> SideFacts:
        """What is kept of it."""
        mean = sum(self._counts.values()) / max(1, self._texts)
        numbers = (self.symbols, round(mean, 3), self._longest)
        return SideFacts(self.level.name, self.form, self.writing.form, *numbers, self.spelling.pieces, self.features)
