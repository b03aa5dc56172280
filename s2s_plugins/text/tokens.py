"""How text becomes tokens: by words, by characters, or by sentencepiece's pieces."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple, TypedDict, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.text.spaces import SPACE
from s2s_plugins.text.symbols import EOS, SPECIAL, UNK
from s2s_plugins.text.words import split_words

LEVELS = ("word", "char", "sentencepiece")
RARE = ("drop", "unk")
SETTINGS_FILE, MODEL_FILE = "tokens.json", "tokens.model"


class Settings(TypedDict):
    """What a :class:`Tokenizer` is made of, as plain data for a model file."""

    level: str
    lowercase: bool
    rare: str
    model: Optional[bytes]


class Tokenizer:
    """From a text to its tokens, and to numbers.

    Args:
        level: ``"word"``: punctuation marks and symbols are tokens (:func:`~s2s_plugins.text.words.split_words`);
            ``"char"``: every character, a space as ``▁``; ``"sentencepiece"``: the pieces of ``model``.
        lowercase: whether case is dropped.
        rare: what happens to a token that the dictionary lacks: ``"drop"`` leaves it out (Dai and Le 2015,
            arXiv:1511.01432, section 3), ``"unk"`` makes it the unknown symbol.
        model: a sentencepiece model, as bytes.

    Raises:
        ValueError: a value that is none of these, or a model that is missing.
    """

    def __init__(self, level: str, lowercase: bool = True, rare: str = "drop", model: Optional[bytes] = None) -> None:
        if level not in LEVELS:
            raise ValueError(f"level {level!r} is unknown: use one of {', '.join(LEVELS)}")
        if rare not in RARE:
            raise ValueError(f"rare {rare!r} is unknown: use one of {', '.join(RARE)}")
        if (level == "sentencepiece") != (model is not None):
            raise ValueError(f"level {level!r} {'needs a' if model is None else 'has no'} sentencepiece model")
        self.level = level
        self.lowercase = lowercase
        self.rare = rare
        self.model = model
        if model is not None:
            from sentencepiece import SentencePieceProcessor

            self.pieces = SentencePieceProcessor(model_proto=model)

    def normalize(self, text: str) -> str:
        """In Unicode's composed form, in lower case if asked, every run of white space one space."""
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return text.lower() if self.lowercase else text

    def tokenize(self, text: str) -> List[str]:
        """The tokens of ``text``; none of them has white space in it."""
        text = self.normalize(text)
        if self.level == "char":
            return [SPACE if character == " " else character for character in text]
        if self.level == "sentencepiece":
            pieces: List[str] = self.pieces.encode(text, out_type=str)
            return pieces
        return split_words(text)

    def encode(self, tokens: Sequence[str], indices: Mapping[str, int]) -> List[int]:
        """The numbers of ``tokens``, and that of the end-of-sentence symbol.

        A token that looks like one of fairseq's own symbols, as ``</s>``, counts as unknown.

        Args:
            tokens: of one text.
            indices: the number of each symbol of the dictionary; the special symbols are the first.
        """
        numbers = []
        for token in tokens:
            number = indices.get(token, UNK)
            if number >= len(SPECIAL):
                numbers.append(number)
            elif self.rare == "unk":
                numbers.append(UNK)
        return [*numbers, EOS]

    def settings(self) -> Settings:
        """Plain data that :meth:`from_settings` takes, for a model file."""
        return {"level": self.level, "lowercase": self.lowercase, "rare": self.rare, "model": self.model}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Tokenizer":
        """The tokenizer that :meth:`settings` describes.

        Raises:
            ValueError: as the class.
        """
        return cls(**settings)

    def save(self, folder: Path) -> None:
        """Write the settings into ``folder``, where :func:`load_settings` finds them."""
        if self.model is not None:
            (folder / MODEL_FILE).write_bytes(self.model)
        settings = {**self.settings(), "model": None if self.model is None else MODEL_FILE}
        (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def cut(tokens: Any, limit: int, truncate: str) -> Tuple[Any, Any]:
    """What is kept of a document that is longer than ``limit`` tokens, in two parts to be joined.

    Args:
        tokens: of a document, the last one the end-of-sentence symbol; a list or a tensor.
        limit: number of tokens, that symbol included.
        truncate: what is cut off, ``"head"`` or ``"tail"``.
    """
    if len(tokens) <= limit or truncate == "head":
        return tokens[-limit:], tokens[:0]
    return tokens[: limit - 1], tokens[-1:]


def load_settings(folder: Union[str, "os.PathLike[str]"]) -> Optional[Settings]:
    """The settings that :meth:`Tokenizer.save` left in ``folder``; None if there are none.

    Raises:
        UsageError: the file is damaged, or the sentencepiece model is gone.
    """
    path = Path(folder) / SETTINGS_FILE
    if not path.is_file():
        return None
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["model"] not in (None, MODEL_FILE):
            raise ValueError(f"its model is not {MODEL_FILE}")
        model = None if written["model"] is None else (path.parent / MODEL_FILE).read_bytes()
        settings = Tokenizer(**{**written, "model": model}).settings()
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename} is missing, {path} names it: run s2s prepare again") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UsageError(f"{path} is not what s2s prepare writes ({error}): run it again") from None
    return settings
