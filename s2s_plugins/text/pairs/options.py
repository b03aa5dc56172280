"""How pairs are to be prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.text.features import check_separator
from s2s_plugins.text.pairs.pair import Columns
from s2s_plugins.text.spelling import LEVELS

MOST = 1_000_000_000
LEAST = (("vocab_size", 1), ("min_count", 1), ("longest", 1), ("valid", 0), ("test", 0), ("shards", 1))


@dataclass(frozen=True)
class Options:
    """How pairs are read, split and made tokens.

    Args:
        source: column or key of the source, or its number from 1; None: the first column.
        target: likewise; None: the second.
        features: likewise of features of the source, as in ``lemma, form, V;PST``; None: one of three columns, if it
            looks like features, or none.
        features_separator: between two features, one of :data:`s2s_plugins.text.features.SEPARATORS`; None: recognised.
        copy: whether symbols of a source can be copied that the dictionaries lack (:mod:`s2s_plugins.text.slots`);
            None: if half of a target's symbols stand in its source.
        source_level: ``"token"``, ``"char"`` or ``"sentencepiece"``; None: recognised.
        target_level: likewise.
        vocab_size: number of sentencepiece's pieces, on each side that has them; None: by the amount of text.
        min_count: symbols that are rarer in the training part are unknown to the model.
        longest: tokens of a side at most, or characters of sentences in pieces; None: 200, and 1,000.
        seed: of the choice of sources to hold out.
        valid: number of sources to validate on, 0 for none, or pairs; None: a twentieth, 50 or more of a file that has
            500, at most 2,000.
        test: number of sources to test on, 0 for none, or pairs; None: a tenth, at most 5,000.
        shards: parts that the pairs to train on are dealt to, which fairseq reads one after the other; several
            processes prepare them.

    Raises:
        UsageError: a value that makes no sense.
    """

    source: Optional[str] = None
    target: Optional[str] = None
    features: Optional[str] = None
    features_separator: Optional[str] = None
    copy: Optional[bool] = None
    source_level: Optional[str] = None
    target_level: Optional[str] = None
    vocab_size: Optional[int] = None
    min_count: int = 1
    longest: Optional[int] = None
    seed: int = 1
    valid: Any = None
    test: Any = None
    shards: int = 1

    def __post_init__(self) -> None:
        for side in ("source", "target"):
            level = getattr(self, f"{side}_level")
            if level is not None and level not in LEVELS:
                raise UsageError(f"--{side}-level {level} is unknown: use one of {', '.join(LEVELS)}")
        for name, least in LEAST:
            value = getattr(self, name)
            if isinstance(value, int) and not least <= value <= MOST:
                flag = f"--{name.replace('_', '-')} {value}"
                raise UsageError(f"{flag} is not a number that makes sense: use {least} or more, at most {MOST:,}")
        if self.source is not None and self.source == self.target:
            raise UsageError(f"--source {self.source} and --target {self.target} are the same column: name two")
        if self.features is not None and self.features in (self.source, self.target):
            raise UsageError(f"--features {self.features} is the column of the source or the target: name another")
        if self.features_separator is not None:
            check_separator(self.features_separator)

    @property
    def columns(self) -> Columns:
        """The two columns, and that of features."""
        return Columns(self.source, self.target, self.features, self.features_separator)

    @property
    def levels(self) -> Tuple[Optional[str], Optional[str]]:
        """Of source and target, where they are not to be recognised."""
        return self.source_level, self.target_level

    def plain(self) -> Dict[str, object]:
        """The values that decide what is written, without the data among them."""
        values = {name: value for name, value in vars(self).items() if name not in ("valid", "test")}
        return {**values, **{name: size_of(getattr(self, name)) for name in ("valid", "test")}}


def size_of(part: Any) -> Optional[int]:
    """The number of sources that ``part`` asks for; None if it is data, or is left to the program."""
    return part if isinstance(part, int) else None


def is_data(part: Any) -> bool:
    """Whether ``part`` is pairs rather than their number."""
    return part is not None and not isinstance(part, int)
