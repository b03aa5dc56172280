"""How the text of one side of a translator becomes tokens, in training as in use, and tokens become text."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Container, List, NamedTuple, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.text.features import check_separator, parted, split_features, symbols_of
from s2s_plugins.text.tokens import SPACE

LEVELS = ("token", "char", "sentencepiece")
FORMS = ("NFC", "NFD")  # of Unicode: composed, decomposed


class Spelled(NamedTuple):
    """The arguments of a :class:`Spelling`, which describes them."""

    level: str = "token"
    pieces: Optional[bytes] = None
    form: Optional[str] = None
    written: Optional[str] = None
    features: Optional[str] = None


class Spelling:
    """What a token of a text is.

    Args:
        level: ``"token"``: they are separated by spaces; ``"char"``: every character, a space as ``▁``;
            ``"sentencepiece"``: the pieces of ``pieces``.
        pieces: a sentencepiece model, as bytes; of ``"sentencepiece"`` alone.
        form: the Unicode form, one of :data:`FORMS`, to which a text is brought before it is cut into tokens, every run
            of white space one space; None: ``"NFC"`` for characters, and otherwise none: the text stays as it is.
        written: the Unicode form of the texts that tokens become; None: that of the tokens.
        features: what separates the features behind the tab of each text; None: texts have none.

    Raises:
        UsageError: an unknown level or form, or a sentencepiece model that is missing, damaged or of no use.
    """

    def __init__(
        self,
        level: str = "token",
        pieces: Optional[bytes] = None,
        form: Optional[str] = None,
        written: Optional[str] = None,
        features: Optional[str] = None,
    ) -> None:
        if level not in LEVELS:
            raise UsageError(f"a token is one of {', '.join(LEVELS)}, not {level!r}")
        for one in (form, written):
            if one is not None and one not in FORMS:
                raise UsageError(f"a Unicode form is one of {', '.join(FORMS)}, not {one!r}")
        if (level == "sentencepiece") != (pieces is not None):
            raise UsageError(
                f"tokens of level {level!r} {'need a' if pieces is None else 'have no'} sentencepiece model"
            )
        if features is not None:
            check_separator(features)
        self.level, self.pieces, self.features = level, pieces, features
        self.form = form or ("NFC" if level == "char" else None)
        self.written = written
        if pieces is not None:
            from sentencepiece import SentencePieceProcessor

            try:
                self.processor = SentencePieceProcessor(model_proto=pieces)
            except RuntimeError:
                raise UsageError("the sentencepiece model is damaged: name one that spm_train wrote") from None

    def tokens(self, text: str, known: Container[str]) -> str:
        """A text as tokens separated by spaces.

        Features are the first of them. The text is brought to :attr:`form`. A character that is not ``known`` is
        decomposed (into letter and accent, or the parts of a Hangul syllable), or changed to the other case, if the
        result is known.

        Args:
            text: of one line.
            known: the symbols of the model.

        Raises:
            UsageError: the text has no features, and should; or there are several tabs in it.
        """
        if self.features is None:
            return self._tokens(text, known)
        if not text.strip():
            return ""
        plain, features = parted(text)
        tokens = self._tokens(plain, known)
        names = symbols_of(unicodedata.normalize("NFC", features), self.features)
        return " ".join([*names, tokens]) if tokens.strip() else ""  # of nothing there is no form

    def _tokens(self, text: str, known: Container[str]) -> str:
        text = text if self.form is None else self._squashed(text)
        if self.level == "token":
            return text
        if self.level == "sentencepiece":
            return " ".join(self.processor.encode(text, out_type=str))
        tokens: List[str] = []
        for character in text:
            if character == " " or character in known:
                tokens.append(SPACE if character == " " else character)
                continue
            other = character.swapcase()
            forms = (unicodedata.normalize("NFD", character), other, unicodedata.normalize("NFD", other))
            tokens += next((form for form in forms if all(part in known for part in form)), character)
        return " ".join(tokens)

    def text(self, tokens: Sequence[str]) -> str:
        """The text that ``tokens`` stand for, in the form :attr:`written`."""
        if self.level == "token":
            return _normalised(self.written, " ".join(tokens))
        joined = _normalised(self.written, "".join(tokens).replace(SPACE, " "))
        return joined if self.level == "char" else joined.strip()

    def most(self, text: str) -> int:
        """The number of tokens of ``text`` where it is known without looking at each, else 0; ``</s>`` included.

        To look at each character of a line of millions takes half a minute.
        """
        if self.level != "char":
            return 0
        plain, _, features = text.partition("\t") if self.features is not None else (text, "", "")
        names = len(split_features(features, self.features)) if self.features is not None else 0
        return len(self._squashed(plain)) + names + 1

    def _squashed(self, text: str) -> str:
        """A text in :attr:`form`, every run of white space one space."""
        return _normalised(self.form, " ".join(text.split()))


def _normalised(form: Optional[str], text: str) -> str:
    """A text in a Unicode form; as it is without one."""
    if form is None:
        return text
    return unicodedata.normalize("NFD" if form == "NFD" else "NFC", text)


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
