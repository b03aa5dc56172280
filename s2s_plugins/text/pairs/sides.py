"""One side of the pairs while they are prepared."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Iterable, List, Optional, Set

from s2s_plugins.text.pairs.levels import Level
from s2s_plugins.text.pairs.pieces import train_pieces, vocabulary_for
from s2s_plugins.text.pairs.prepared import SideFacts
from s2s_plugins.text.pairs.tokenizing import SideTokenizer, Writing, form_of_tokens, squashed
from s2s_plugins.text.symbols import EOS, SPECIAL, UNK, SymbolTable


class Side:
    """What the texts of one side are, and the symbols that training has of them.

    Args:
        name: ``"source"`` or ``"target"``.
        level: of the tokens.
        characters: the distinct ones of the texts, composed.

    Attributes:
        tokenizer: makes tokens.
        writing: how the training texts are spelled.
        table: the symbols.
    """

    def __init__(self, name: str, level: Level, characters: Set[str]) -> None:
        self.name, self.level = name, level
        self.alphabet = len(characters)
        self.composes = not unicodedata.is_normalized("NFD", "".join(characters))
        self.form = form_of_tokens(characters, level.name, name == "target")
        self.tokenizer = SideTokenizer("char" if level.name == "sentencepiece" else level.name, self.form)
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
        self.tokenizer = SideTokenizer("sentencepiece", self.form, pieces)

    def count(self, text: str) -> None:
        """Count the tokens of a text of the training part."""
        tokens = self.tokenizer.tokens(text)
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
        """The number of ``token``, ``UNK`` if it has none.

        A source's character that is unknown is looked up in the other case, as
        :class:`~s2s_plugins.inference.spelling.Spelling` does.
        """
        number = self.table.indices.get(token, UNK)
        if number == UNK and self.level.name == "char" and self.name == "source":
            number = self.table.indices.get(token.swapcase(), UNK)
        return number if number >= len(SPECIAL) else UNK

    def facts(self) -> SideFacts:
        """What is kept of it."""
        mean = sum(self._counts.values()) / max(1, self._texts)
        symbols = len(self.table) - len(SPECIAL)
        level, form, written = self.level.name, self.form, self.writing.form
        return SideFacts(level, form, written, symbols, round(mean, 3), self._longest, self.tokenizer.pieces)
