"""How labelled texts are to be prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.options import MOST, size_of
from s2s_plugins.text.pairs.pair import Columns
from s2s_plugins.text.spelling import LEVELS

LEVEL_NAMES = {"token": "word", "char": "char", "sentencepiece": "sentencepiece"}  # as the tokenizer calls them


@dataclass(frozen=True)
class TextOptions:
    """How labelled texts are read, split and made tokens.

    Args:
        text: column or key of the text, or its number from 1; None: the one called ``text``, or the first of two.
        label: likewise of the label; None: the one called ``label``, or the second of two.
        level: ``"token"`` (words), ``"char"`` or ``"sentencepiece"``; None: recognised.
        unlabelled: further text: paths of text files with a text a line, tables and folders, or texts.
        seed: of the choice of texts to hold out.
        valid: number of texts to validate on, 0 for none, or labelled texts; None: a tenth, at most 2,000.
        test: number of texts to test on, 0 for none, or labelled texts; None: a tenth, at most 5,000.

    Raises:
        UsageError: a value that makes no sense.
    """

    text: Optional[str] = None
    label: Optional[str] = None
    level: Optional[str] = None
    unlabelled: Union[Sequence[str], Any] = ()
    seed: int = 1
    valid: Any = None
    test: Any = None

    def __post_init__(self) -> None:
        if self.level is not None and self.level not in LEVELS:
            raise UsageError(f"--source-level {self.level} is unknown: use one of {', '.join(LEVELS)}")
        for name in ("valid", "test"):
            value = getattr(self, name)
            if isinstance(value, int) and not 0 <= value <= MOST:
                raise UsageError(f"--{name} {value} is not a number that makes sense: use 0 or more, at most {MOST:,}")
        if self.text is not None and self.text == self.label:
            raise UsageError(f"--text {self.text} and --label {self.label} are the same column: name two")

    @property
    def columns(self) -> Columns:
        """The two columns."""
        return Columns(self.text, self.label)

    def plain(self) -> Dict[str, object]:
        """The values that decide what is written, without the data among them."""
        values = {name: getattr(self, name) for name in ("text", "label", "level", "seed")}
        return {**values, **{name: size_of(getattr(self, name)) for name in ("valid", "test")}}
