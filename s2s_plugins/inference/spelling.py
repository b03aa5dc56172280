"""How the text of one side of a translator becomes tokens, and tokens become text."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Container, List, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.text.tokens import SPACE

LEVELS = ("token", "char", "sentencepiece")


class Spelling:
    """What a token of a text is.

    Args:
        level: ``"token"``: they are separated by spaces; ``"char"``: every character, a space as ``▁``;
            ``"sentencepiece"``: the pieces of ``pieces``.
        pieces: a sentencepiece model, as bytes; of ``"sentencepiece"`` alone.

    Raises:
        UsageError: an unknown level, or a sentencepiece model that is missing, damaged or of no use.
    """

    def __init__(self, level: str = "token", pieces: Optional[bytes] = None) -> None:
        if level not in LEVELS:
            raise UsageError(f"a token is one of {', '.join(LEVELS)}, not {level!r}")
        if (level == "sentencepiece") != (pieces is not None):
            raise UsageError(
                f"tokens of level {level!r} {'need a' if pieces is None else 'have no'} sentencepiece model"
            )
        self.level, self.pieces = level, pieces
        if pieces is not None:
            from sentencepiece import SentencePieceProcessor

            try:
                self.processor = SentencePieceProcessor(model_proto=pieces)
            except RuntimeError:
                raise UsageError("the sentencepiece model is damaged: name one that spm_train wrote") from None

    def tokens(self, text: str, known: Container[str]) -> str:
        """A text as tokens separated by spaces.

        Characters are in Unicode's composed form. One that is not ``known`` is decomposed (into letter and accent, or
        the parts of a Hangul syllable), or changed to the other case, if the result is known.

        Args:
            text: of one line.
            known: the symbols of the model.
        """
        if self.level == "token":
            return text
        if self.level == "sentencepiece":
            return " ".join(self.processor.encode(text, out_type=str))
        tokens: List[str] = []
        for character in characters(text):
            if character == " ":
                tokens.append(SPACE)
                continue
            other = character.swapcase()
            forms = (character, unicodedata.normalize("NFD", character), other, unicodedata.normalize("NFD", other))
            tokens += next((form for form in forms if all(part in known for part in form)), character)
        return " ".join(tokens)

    def text(self, tokens: Sequence[str]) -> str:
        """The text that ``tokens`` stand for."""
        if self.level == "token":
            return " ".join(tokens)
        joined = "".join(tokens).replace(SPACE, " ")
        return joined if self.level == "char" else joined.strip()

    def most(self, text: str) -> int:
        """The number of tokens of ``text`` where it is known without looking at each, else 0; ``</s>`` included.

        To look at each character of a line of millions takes half a minute.
        """
        return len(characters(text)) + 1 if self.level == "char" else 0


def characters(line: str) -> str:
    """A line in Unicode's composed form, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(line.split()))


def read_pieces(path: Path, flag: str) -> bytes:
    """A sentencepiece model, from its file.

    Raises:
        UsageError: it is none; the message starts with ``flag``.
        OSError: it cannot be read.
    """
    pieces = path.read_bytes()
    try:
        Spelling("sentencepiece", pieces)
    except UsageError as error:
        raise UsageError(f"{flag} {path}: {error}") from None
    return pieces
