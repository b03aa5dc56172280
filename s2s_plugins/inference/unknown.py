"""Reports of tokens that a model does not know."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Sequence

from s2s_plugins.text.symbols import UNK

if TYPE_CHECKING:
    from s2s_plugins.inference.translator import Sentence

logger = logging.getLogger(__name__)


class Unknown:
    """Reports lines with unknown tokens in the log: the first one at once, their number at the end."""

    def __init__(self) -> None:
        self.lines = 0

    def look(self, sentences: Sequence[Sentence], first: int, what: str = "line") -> None:
        """Count the unknown tokens of ``sentences``; the first of them is line ``first`` of the input."""
        for line, sentence in enumerate(sentences, first):
            unknown = UNK in sentence.numbers
            if unknown and not self.lines:
                token = sentence.tokens[sentence.numbers.index(UNK)]
                logger.warning(f"{what} {line}: unknown token {token}, replaced by <unk>")
            self.lines += unknown

    def summarize(self, lines: int, what: str = "lines") -> None:
        """Report how many of ``lines`` lines have unknown tokens, if that is more than the one reported before."""
        if self.lines > 1:
            logger.warning(f"{self.lines} of {lines} {what} have unknown tokens")
