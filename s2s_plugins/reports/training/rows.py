"""The rows of a report's tables: texts that are cut where they are long, with what differs marked."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from s2s_plugins.evaluation.classes import ClassEvaluation, ClassItem
from s2s_plugins.evaluation.edits import Symbols, closest
from s2s_plugins.evaluation.symbols import symbols_of
from s2s_plugins.evaluation.translations import Evaluation, Item
from s2s_plugins.extras import library

LONGEST = 240  # characters of a text that is shown
SHOWN = 25  # rows of a table
OTHERS = 3  # further references of a source
MATRIX = 16  # rows and columns of a table of confusions
LONGEST_NAME, LONGEST_FLAT = 24, 5  # characters of the names beside it
NONE, SPACE = "∅", "␣"
HEAT = "33, 113, 181"  # red, green, blue of a full cell


class Piece(NamedTuple):
    """A part of a text, and whether it differs."""

    text: str
    differs: bool


class Cell(NamedTuple):
    """A cell of a matrix: its text, the share that colours it, and a sentence about it."""

    text: str
    share: float
    title: str


class Matrix(NamedTuple):
    """A table of confusions."""

    columns: Sequence[str]
    rows: Sequence[Tuple[str, Sequence[Cell]]]
    left_out: int

    @property
    def tall(self) -> bool:
        """Whether the names of columns are too long to lie flat."""
        return any(len(name) > LONGEST_FLAT for name in self.columns)


def clipped(text: str) -> str:
    """A text, the rest of a long one counted."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def visible(symbol: str) -> str:
    """A symbol, or the lack of one, as something that can be seen."""
    return name_of(symbol) if symbol.strip() else SPACE if symbol else NONE


def name_of(text: str) -> str:
    """A symbol or a label, the end of a long one cut off."""
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def item_row(item: Union[Item, ClassItem], unit: str = "") -> Dict[str, Any]:
    """A row of a table of predictions: pieces of the prediction and of the closest reference, the other references."""
    if isinstance(item, ClassItem):
        return {
            "source": clipped(item.text),
            "prediction": [Piece(item.predicted, False)],
            "reference": [Piece(item.label, False)],
            "others": [],
            "more": 0,
            "probability": item.probability,
            "own": item.own_probability,
        }
    prediction, reference = symbols_of(item.text, unit), [symbols_of(one, unit) for one in item.references]
    _, nearest = closest(prediction, reference)
    others = [clipped(text) for text, one in zip(item.references, reference) if one != nearest]
    guess, right = marked(prediction, nearest, "" if unit == "character" else " ")
    return {
        "source": clipped(item.source),
        "prediction": guess,
        "reference": right,
        "others": others[:OTHERS],
        "more": len(others[OTHERS:]),
        "probability": item.probability if item.guesses else None,
        "own": item.own_probability,
    }


def marked(prediction: Symbols, reference: Symbols, between: str) -> Tuple[List[Piece], List[Piece]]:
    """Prediction and reference in pieces, those marked that differ; long texts are cut, and nothing in them is marked.

    Args:
        prediction: its symbols.
        reference: its symbols.
        between: what joins symbols, a space or nothing.
    """
    texts = between.join(prediction), between.join(reference)
    if max(map(len, texts)) > LONGEST:
        return [Piece(clipped(texts[0]), False)], [Piece(clipped(texts[1]), False)]
    guess: List[Piece] = []
    right: List[Piece] = []
    operations = library("rapidfuzz.distance.Levenshtein", "a report").opcodes(prediction, reference)
    for kind, begin, end, from_, to in operations.as_list():
        guess.append(Piece(between.join(prediction[begin:end]), kind != "equal"))
        right.append(Piece(between.join(reference[from_:to]), kind != "equal"))
    return _joined(guess, between), _joined(right, between)


def _joined(pieces: Sequence[Piece], between: str) -> List[Piece]:
    """Pieces without the empty ones, with what stands between them."""
    full = [piece for piece in pieces if piece.text]
    found: List[Piece] = []
    for place, piece in enumerate(full):
        if place and between:
            found.append(Piece(between, False))
        found.append(piece)
    return found


def symbol_matrix(scores: Evaluation) -> Optional[Matrix]:
    """The most confused symbols: a row is what is right, a column what was predicted; in percent of the row's symbol.

    None where nothing was confused.
    """
    pairs = {(one.reference, one.predicted): one.times for one in scores.confusions}
    known = {one.symbol: one for one in scores.by_symbol}
    rows = [one.symbol for one in scores.by_symbol if one.wrong][:MATRIX]
    columns: Dict[str, int] = {}
    for (reference, predicted), times in pairs.items():
        if reference in rows and predicted:
            columns[predicted] = columns.get(predicted, 0) + times
    if not rows:
        return None
    most = sorted(columns, key=lambda symbol: (symbol not in rows, -columns[symbol]))[: MATRIX + 4]
    ordered = [*rows, *(symbol for symbol in most if symbol not in rows)]
    found = []
    for row in rows:
        errors = known[row]
        cells = [
            _cell(
                errors.occurrences - errors.wrong if column == row else pairs.get((row, column), 0),
                errors.occurrences,
                f"{visible(row)} predicted as {visible(column) if column else 'nothing'}",
            )
            for column in [*ordered, ""]
        ]
        found.append((visible(row), cells))
    left = sum(one.wrong > 0 for one in scores.by_symbol) - len(rows)
    return Matrix([*map(visible, ordered), visible("")], found, left)


def class_matrix(scores: ClassEvaluation) -> Matrix:
    """The confusion matrix of the classes; of many, those with the most errors."""
    numbers = range(len(scores.labels))
    wrong = [sum(row) - row[place] for place, row in enumerate(scores.confusion)]
    shown = sorted(sorted(numbers, key=lambda number: -wrong[number])[: MATRIX + 8])
    rows = [
        (
            name_of(scores.labels[row]),
            [
                _cell(
                    scores.confusion[row][column],
                    sum(scores.confusion[row]),
                    f"{clipped(scores.labels[row])} predicted as {clipped(scores.labels[column])}",
                )
                for column in shown
            ],
        )
        for row in shown
    ]
    return Matrix([name_of(scores.labels[number]) for number in shown], rows, len(scores.labels) - len(shown))


def _cell(times: int, total: int, what: str) -> Cell:
    share = times / max(1, total)
    return Cell(f"{times:,}" if times else "", round(share, 3), f"{what}: {times:,} of {total:,}")
