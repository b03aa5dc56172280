"""Edits between predictions and references, and which symbols they concern."""

from __future__ import annotations

from collections import Counter
from typing import Iterable, List, NamedTuple, Sequence, Tuple

from s2s_plugins.extras import library

Symbols = List[str]


class SymbolErrors(NamedTuple):
    """What became of a symbol.

    Attributes:
        symbol: of references.
        occurrences: how often references have it.
        substituted: how often a prediction has another one there.
        deleted: how often a prediction has none there.
        inserted: how often a prediction has it where the reference has none.
    """

    symbol: str
    occurrences: int
    substituted: int
    deleted: int
    inserted: int

    @property
    def wrong(self) -> int:
        """How often it was not predicted where it stands."""
        return self.substituted + self.deleted

    @property
    def error_rate(self) -> float:
        """That in percent of its occurrences; 0 of a symbol that no reference has."""
        return 100 * self.wrong / max(1, self.occurrences)


class Confusion(NamedTuple):
    """A symbol that was predicted for another one.

    Attributes:
        reference: the right symbol; empty of an inserted one.
        predicted: what a prediction has; empty of a deleted one.
        times: how often.
    """

    reference: str
    predicted: str
    times: int


def closest(prediction: Symbols, references: Sequence[Symbols]) -> Tuple[int, Symbols]:
    """Edit distance (Levenshtein) to the closest reference, and that one; of equally close ones the longest.

    Raises:
        MissingExtra: RapidFuzz is not installed.
    """
    if prediction in references:
        return 0, prediction
    distance = library("rapidfuzz.distance.Levenshtein", "an evaluation").distance
    distances = [(distance(prediction, one), -len(one), one) for one in references]
    edits, _, reference = min(distances)
    return edits, reference


def symbol_errors(pairs: Iterable[Tuple[Symbols, Symbols]]) -> Tuple[Tuple[SymbolErrors, ...], Tuple[Confusion, ...]]:
    """Errors by symbol, and the pairs of confused symbols, the most frequent first.

    Args:
        pairs: of a prediction's and a reference's symbols.

    Raises:
        MissingExtra: RapidFuzz is not installed.
    """
    editops = library("rapidfuzz.distance.Levenshtein", "an evaluation").editops
    counts: "Counter[str]" = Counter()
    confused: "Counter[Tuple[str, str]]" = Counter()
    for prediction, reference in pairs:
        counts.update(reference)
        if prediction != reference:
            for kind, here, there in editops(reference, prediction).as_list():
                right = "" if kind == "insert" else reference[here]
                confused[right, "" if kind == "delete" else prediction[there]] += 1
    return _by_symbol(counts, confused), _by_count(confused)


def _by_symbol(counts: "Counter[str]", confused: "Counter[Tuple[str, str]]") -> Tuple[SymbolErrors, ...]:
    substituted: "Counter[str]" = Counter()
    deleted: "Counter[str]" = Counter()
    inserted: "Counter[str]" = Counter()
    for (right, predicted), count in confused.items():
        if not right:
            inserted[predicted] += count
        elif not predicted:
            deleted[right] += count
        else:
            substituted[right] += count
    found = [
        SymbolErrors(symbol, counts[symbol], substituted[symbol], deleted[symbol], inserted[symbol])
        for symbol in {**counts, **inserted}
    ]
    return tuple(sorted(found, key=lambda one: (-one.wrong - one.inserted, -one.occurrences, one.symbol)))


def _by_count(confused: "Counter[Tuple[str, str]]") -> Tuple[Confusion, ...]:
    ordered = sorted(confused.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(right, predicted, count) for (right, predicted), count in ordered)
