"""What goes into a translator and what comes out: sentences, hypotheses, predictions."""

from __future__ import annotations

import logging
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.text.features import is_feature, name_of
from s2s_plugins.text.slots import SLOTS
from s2s_plugins.text.symbols import is_unknown

logger = logging.getLogger(__name__)


class Sentence(NamedTuple):
    """A source sentence.

    Attributes:
        tokens: as they were given, ``</s>`` included.
        numbers: their numbers.
        reference: the expected output's tokens, without ``</s>``; None if it is not known.
    """

    tokens: List[str]
    numbers: List[int]
    reference: Optional[List[str]] = None


class Hypothesis(NamedTuple):
    """A translation.

    Attributes:
        tokens: what the model produced, without ``</s>``.
        score: its log-probability divided by its length, natural logarithm; fairseq prints it in base 2.
        probability: that the output is right, of a calibrated model; else what the model gives the whole output.
        numbers: the numbers of the tokens, ``</s>`` included.
        weights: where the model looked for each of these, (T, S) over the source's tokens with its ``</s>``; None of a
            model without attention, and where it was not asked for.
    """

    tokens: List[str]
    score: float
    probability: float
    numbers: List[int]
    weights: Optional[NDArray[np.floating]] = None


class Prediction(NamedTuple):
    """What a source becomes.

    Attributes:
        text: of the output; empty if it is :attr:`unsure`.
        score: mean log-probability of a token, ``</s>`` included; natural logarithm.
        probability: that the output is right, of a calibrated model; else what the model gives the whole output.
        tokens: of the output, without ``</s>``.
        alignment: where the model looked for each token and ``</s>``, (T, S) over the source's tokens and ``</s>``;
            each row sums to 1; None of a model without attention.
        unsure: whether the source's best prediction is less probable than was asked for.
    """

    text: str
    score: float
    probability: float
    tokens: List[str]
    alignment: Optional[NDArray[np.floating]]
    unsure: bool = False

    @property
    def log_probability(self) -> float:
        """What the model gives the whole output, natural logarithm: what a calibration is fitted on."""
        return self.score * (len(self.tokens) + 1)


class Unknown:
    """Reports lines with unknown tokens in the log: the first one at once, their number at the end.

    Args:
        copied: whether the model copies unknown tokens, so that only what is behind the last slot is replaced.
    """

    def __init__(self, copied: bool = False) -> None:
        self.lines = 0
        self._copied = copied

    def look(self, sentences: Sequence[Sentence], first: int, what: str = "line") -> None:
        """Count the unknown tokens of ``sentences``; the first of them is line ``first`` of the input."""
        for line, sentence in enumerate(sentences, first):
            unknown = [place for place, number in enumerate(sentence.numbers) if is_unknown(number)]
            if unknown and not self.lines:
                token = sentence.tokens[unknown[0]]
                more = f", more than the {len(SLOTS)} that can be copied" if self._copied else ""
                named = f"feature {name_of(token)}" if is_feature(token) else f"token {token}{more}"
                logger.warning(f"{what} {line}: unknown {named}, replaced by <unk>")
            self.lines += bool(unknown)

    def summarize(self, lines: int, what: str = "lines") -> None:
        """Report how many of ``lines`` lines have unknown tokens, if that is more than the one reported before."""
        if self.lines > 1:
            logger.warning(f"{self.lines} of {lines} {what} have unknown tokens")
