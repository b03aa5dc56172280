"""What a check found, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from s2s_plugins.files import as_table, with_features, write_whole
from s2s_plugins.training.check.judging import Judged
from s2s_plugins.training.progress import shortened

TABLE = "check.tsv"
COLUMNS = ("line", "source", "target", "suggestion", "score", "probability", "probability of suggestion")
WIDTHS = (24, 34)  # of the source, and of target and suggestion, on the screen


def write_table(path: Path, judged: Sequence[Judged]) -> None:
    """Write all entries, in this order, below a line of names."""
    write_whole(path, as_table(*with_features(COLUMNS, map(row_of, judged))))


def row_of(one: Judged) -> List[str]:
    """The cells of an entry."""
    numbers = (f"{one.score:.4f}", f"{one.probability:.3g}", f"{one.of_suggestion:.3g}")
    return [str(one.line), one.source, one.target, one.suggestion, *numbers]


def shown(judged: Sequence[Judged], top: int) -> List[str]:
    """Lines for the screen: the first entries, in columns."""
    rows = [("line", "source", "target", "instead", "score")]
    for one in judged[:top]:
        source, target = shortened(one.source, WIDTHS[0]), shortened(one.target, WIDTHS[1])
        rows.append((str(one.line), source, target, shortened(one.suggestion, WIDTHS[1]), f"{one.score:.2f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4].rjust(5)]) for row in rows]
