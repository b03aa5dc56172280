"""How good a translator's predictions are, against one or more right outputs of each source.

A source is right if its best prediction equals any of its references. Symbols are counted against the closest
reference: edits by symbols of the closest ones, which of phones is the phone error rate (PER), of words the word error
rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.calibration import Bin, calibration_error, reliability
from s2s_plugins.evaluation.edits import Confusion, SymbolErrors, Symbols, closest, symbol_errors
from s2s_plugins.evaluation.intervals import Interval, ratio_interval, share_interval
from s2s_plugins.evaluation.lengths import LengthGroup, length_groups
from s2s_plugins.evaluation.symbols import is_text, symbols_of, unit_of
from s2s_plugins.evaluation.text_scores import TextScores, text_scores

WITHIN = (2, 5)  # best predictions among which the right one is looked for
MOST_ROWS = 1000  # symbols, and pairs of confused ones, in the figures as JSON


class Guess(NamedTuple):
    """A prediction.

    Attributes:
        text: of the output.
        probability: that it is right, as the model gives it.
        log_probability: of the whole output before calibration, natural logarithm; NaN if it is not known.
    """

    text: str
    probability: float
    log_probability: float = math.nan


class Predicted(NamedTuple):
    """A source with what is right and what was predicted.

    Attributes:
        source: its text.
        references: the right outputs, one or more.
        guesses: the best predictions, best first; none of a source that is longer than the model takes.
        length: number of the source's tokens.
        own_log_probability: of the most probable reference before calibration, natural logarithm; NaN if it is not
            known.
    """

    source: str
    references: Tuple[str, ...]
    guesses: Tuple[Guess, ...]
    length: int
    own_log_probability: float = math.nan


class Item(NamedTuple):
    """A source that was scored.

    Attributes:
        source: its text.
        references: the right outputs.
        guesses: the best predictions, best first.
        length: number of the source's tokens.
        own_log_probability: of the most probable reference before calibration, natural logarithm; NaN if it is not
            known.
        place: that of the first right one among the guesses, from 0; None if none of them is right.
        edits: between the best prediction and the closest reference.
        symbols: of the closest reference.
    """

    source: str
    references: Tuple[str, ...]
    guesses: Tuple[Guess, ...]
    length: int
    own_log_probability: float
    place: Optional[int]
    edits: int
    symbols: int

    @property
    def is_right(self) -> bool:
        """Whether the best prediction equals a reference."""
        return self.place == 0

    @property
    def text(self) -> str:
        """The best prediction; empty without any."""
        return self.guesses[0].text if self.guesses else ""

    @property
    def probability(self) -> float:
        """That of the best prediction; 0 without any."""
        return self.guesses[0].probability if self.guesses else 0.0

    @property
    def own_probability(self) -> Optional[float]:
        """The probability of the best right prediction; None if none of the guesses is right."""
        return None if self.place is None else self.guesses[self.place].probability


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Scores of a translator on sources with known outputs. Rates are in percent.

    Attributes:
        unit: what symbols are, ``"character"``, ``"token"`` or ``"word"``.
        items: the sources, in the order of the data.
        error_rate: sources whose best prediction equals none of their references.
        error_interval: its 95 % confidence interval, by the bootstrap over sources.
        symbol_error_rate: edits between best predictions and closest references, by 100 symbols of these references.
        symbol_error_interval: its 95 % confidence interval, likewise.
        edits: their number.
        symbols: of the closest references.
        recall: by 2 and 5, as far as there are so many: sources with a right one among so many best predictions.
        calibration_error: expected calibration error of the best predictions' probabilities, in points, of 10 bins;
            None without predictions.
        calibration: these bins.
        by_length: errors by length of the source.
        by_symbol: errors by symbol, the most frequent error first.
        confusions: pairs of confused symbols, the most frequent first.
        text_scores: BLEU and chrF2 of sentences; None of words, names, pronunciations.
    """

    kind: ClassVar[str] = "translator"
    unit: str
    items: Tuple[Item, ...]
    error_rate: float
    error_interval: Interval
    symbol_error_rate: float
    symbol_error_interval: Interval
    edits: int
    symbols: int
    recall: Mapping[int, float]
    calibration_error: Optional[float]
    calibration: Tuple[Bin, ...]
    by_length: Tuple[LengthGroup, ...]
    by_symbol: Tuple[SymbolErrors, ...]
    confusions: Tuple[Confusion, ...]
    text_scores: Optional[TextScores] = None

    @property
    def sources(self) -> int:
        """Number of sources."""
        return len(self.items)

    @property
    def pairs(self) -> int:
        """Number of pairs of a source and one of its references."""
        return sum(len(item.references) for item in self.items)

    @property
    def wrong(self) -> int:
        """Number of sources whose best prediction is wrong."""
        return sum(not item.is_right for item in self.items)

    @property
    def too_long(self) -> int:
        """Number of sources that are longer than the model takes; they count as wrong."""
        return sum(not item.guesses for item in self.items)

    def errors(self) -> List[Item]:
        """The sources with a wrong prediction, the most probable prediction first: at the top stand the candidates for
        mistakes in the data."""
        return sorted((item for item in self.items if not item.is_right), key=lambda item: -item.probability)

    def worst(self, count: int) -> List[Item]:
        """The ``count`` predictions farthest from their references, by edits a symbol."""
        ordered = sorted(self.errors(), key=lambda item: (-item.edits / max(1, item.symbols), -item.edits))
        return ordered[:count]

    def figures(self) -> Dict[str, Any]:
        """All figures, as what JSON can say; without the predictions."""
        found: Dict[str, Any] = {
            "kind": self.kind,
            "sources": self.sources,
            "pairs": self.pairs,
            "wrong": self.wrong,
            "too_long": self.too_long,
            "error_rate": self.error_rate,
            "error_interval": list(self.error_interval),
            "unit": self.unit,
            "symbol_error_rate": self.symbol_error_rate,
            "symbol_error_interval": list(self.symbol_error_interval),
            "edits": self.edits,
            "symbols": self.symbols,
            "recall": {str(count): share for count, share in self.recall.items()},
            "calibration_error": self.calibration_error,
            "calibration": [one._asdict() for one in self.calibration],
            "by_length": [{**one._asdict(), "error_interval": list(one.error_interval)} for one in self.by_length],
            "by_symbol": [one._asdict() for one in self.by_symbol[:MOST_ROWS]],
            "distinct_symbols": len(self.by_symbol),
            "confusions": [one._asdict() for one in self.confusions[:MOST_ROWS]],
            "distinct_confusions": len(self.confusions),
        }
        if self.text_scores is not None:
            found["bleu"], found["chrf"] = self.text_scores.bleu, self.text_scores.chrf
            found["signatures"] = list(self.text_scores.signatures)
        return found

    def rows(self) -> List[Tuple[str, str, str]]:
        """The main figures: name, value, interval or what it counts."""
        pairs = "" if self.pairs == self.sources else f"{self.pairs:,} pairs"
        found = [
            ("sources", f"{self.sources:,}", pairs),
            ("error rate", f"{self.error_rate:.2f} %", str(self.error_interval)),
            (f"{self.unit} error rate", f"{self.symbol_error_rate:.2f} %", str(self.symbol_error_interval)),
        ]
        found += [(f"right one among {count}", f"{share:.2f} %", "") for count, share in self.recall.items()]
        if self.calibration_error is not None:
            found.append(("calibration error", f"{self.calibration_error:.2f}", "points"))
        if self.text_scores is not None:
            found += [("BLEU", f"{self.text_scores.bleu:.2f}", ""), ("chrF2", f"{self.text_scores.chrf:.2f}", "")]
        if self.too_long:
            found.append(("too long", f"{self.too_long:,}", "more tokens than the model takes; counted as wrong"))
        return found

    def __str__(self) -> str:
        return as_text(self.rows())

    def __repr__(self) -> str:
        return f"<evaluation of {self.sources:,} sources: {self.error_rate:.2f} % wrong, {self.error_interval}>"


def as_text(rows: Sequence[Tuple[str, str, str]]) -> str:
    """A short table."""
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {rest}".rstrip() for name, value, rest in rows)


def evaluation_of(predicted: Iterable[Predicted], level: str, seed: int = 1) -> Evaluation:
    """Score predictions.

    Args:
        predicted: the sources, one or more.
        level: of the target's tokens, one of :data:`s2s_plugins.text.spelling.LEVELS`; it says what symbols are.
        seed: of the bootstrap.

    Raises:
        UsageError: there is nothing to score.
        MissingExtra: RapidFuzz, or of texts sacrebleu, is not installed.
    """
    given = list(predicted)
    if not given:
        raise UsageError("there is nothing to evaluate, the data has no pair: give one or more")
    references = [text for one in given for text in one.references]
    unit = unit_of(level, references)
    scored, pairs = zip(*(_scored(one, unit) for one in given))
    items: Tuple[Item, ...] = scored
    by_symbol, confusions = symbol_errors(pairs)
    edits, symbols = np.array([[item.edits, item.symbols] for item in items]).T
    wrong = np.array([not item.is_right for item in items])
    read = [item for item in items if item.guesses]
    bins = reliability([item.probability for item in read], [item.is_right for item in read])
    return Evaluation(
        unit=unit,
        items=items,
        error_rate=100 * float(wrong.mean()),
        error_interval=share_interval(wrong, seed),
        symbol_error_rate=_ratio(items),
        symbol_error_interval=ratio_interval(edits, symbols, seed),
        edits=int(edits.sum()),
        symbols=int(symbols.sum()),
        recall=_recall(items),
        calibration_error=calibration_error(bins),
        calibration=bins,
        by_length=_by_length(items, seed),
        by_symbol=by_symbol,
        confusions=confusions,
        text_scores=_text_scores(items, level, unit) if is_text(level, references) else None,
    )


def _scored(one: Predicted, unit: str) -> Tuple[Item, Tuple[Symbols, Symbols]]:
    """A source's scores, and the symbols of its best prediction and closest reference."""
    references = [symbols_of(text, unit) for text in one.references]
    guesses = [symbols_of(guess.text, unit) for guess in one.guesses]
    place = next((place for place, guess in enumerate(guesses) if guess in references), None)
    prediction = guesses[0] if guesses else []
    edits, reference = closest(prediction, references)
    right = place if guesses else None
    return Item(*one, place=right, edits=edits, symbols=len(reference)), (prediction, reference)


def _ratio(items: Sequence[Item]) -> float:
    return 100 * sum(item.edits for item in items) / max(1, sum(item.symbols for item in items))


def _recall(items: Sequence[Item]) -> Dict[int, float]:
    most = max(len(item.guesses) for item in items)
    return {
        count: 100 * sum(item.place is not None and item.place < count for item in items) / len(items)
        for count in WITHIN
        if count <= most
    }


def _by_length(items: Sequence[Item], seed: int) -> Tuple[LengthGroup, ...]:
    found = []
    for shortest, longest in length_groups([item.length for item in items]):
        group = [item for item in items if shortest <= item.length <= longest]
        wrong = [not item.is_right for item in group]
        rate = 100 * sum(wrong) / len(group)
        found.append(LengthGroup(shortest, longest, len(group), rate, share_interval(wrong, seed), _ratio(group)))
    return tuple(found)


def _text_scores(items: Sequence[Item], level: str, unit: str) -> TextScores:
    return text_scores([item.text for item in items], [item.references for item in items], unit)
