"""How text becomes tokens: by words, by characters, or by sentencepiece's pieces."""

from __future__ import annotations

import functools
import json
import unicodedata
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import torch
from fairseq.data import Dictionary

from s2s_plugins.errors import UsageError

LEVELS = ("word", "char", "sentencepiece")
RARE = ("drop", "unk")
SPACE = "▁"
SETTINGS_FILE, MODEL_FILE = "tokens.json", "tokens.model"


@functools.lru_cache(maxsize=None)
def _word_tokenizer() -> Callable[[str], str]:
    from sacrebleu.tokenizers.tokenizer_intl import TokenizerV14International

    call = TokenizerV14International.__call__
    # sacrebleu keeps the last 65,536 lines that it was given, which is all of most corpora: go past its cache
    return functools.partial(getattr(call, "__wrapped__", call), TokenizerV14International())


class Tokenizer:
    """From a text to its tokens, and to numbers.

    Args:
        level: ``"word"``: punctuation and symbols are tokens of their own (sacrebleu's international tokenizer);
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
            return self.pieces.encode(text, out_type=str)
        # without a space around the text the last mark of "it cost 5." stays on its number, as sacrebleu documents
        return _word_tokenizer()(f" {text} ").split()

    def encode(self, tokens: Sequence[str], dictionary: Dictionary) -> torch.Tensor:
        """The numbers of ``tokens`` that ``dictionary`` has, and the end-of-sentence symbol: (n + 1,).

        A token that looks like one of fairseq's own symbols, as ``</s>``, is one that the dictionary lacks.
        """
        numbers = []
        for token in tokens:
            number = dictionary.indices.get(token, dictionary.unk())
            if number < dictionary.nspecial:
                if self.rare == "drop":
                    continue
                number = dictionary.unk()
            numbers.append(number)
        return torch.tensor([*numbers, dictionary.eos()], dtype=torch.long)

    def settings(self) -> Dict[str, object]:
        """Plain data that :meth:`from_settings` takes, for a checkpoint."""
        return {"level": self.level, "lowercase": self.lowercase, "rare": self.rare, "model": self.model}

    @classmethod
    def from_settings(cls, settings: Dict[str, object]) -> "Tokenizer":
        return cls(**settings)

    def save(self, folder: Path) -> None:
        """Write the settings into ``folder``, where :func:`load_settings` finds them."""
        settings = self.settings()
        if self.model is not None:
            (folder / MODEL_FILE).write_bytes(self.model)
            settings["model"] = MODEL_FILE
        (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def load_settings(folder) -> Optional[Dict[str, object]]:
    """The settings that :meth:`Tokenizer.save` left in ``folder``; None if there are none.

    Raises:
        UsageError: the file is damaged, or the sentencepiece model is gone.
    """
    path = Path(folder) / SETTINGS_FILE
    if not path.is_file():
        return None
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        if settings["model"] is not None:
            settings["model"] = (Path(folder) / settings["model"]).read_bytes()
        Tokenizer.from_settings(settings)
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename} is missing, {path} names it: run s2s prepare again") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UsageError(f"{path} is not what s2s prepare writes ({error}): run it again") from None
    return settings
