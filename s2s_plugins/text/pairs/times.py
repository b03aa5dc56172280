"""Whether a table is a series of numbers: times in one column, numbers in another one."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from s2s_plugins.text.pairs.objects import text_of
from s2s_plugins.text.pairs.sources import is_frame, is_path
from s2s_plugins.text.pairs.tables import HEAD, head_of

FEWEST = 3  # rows
WORDS = 3  # of a cell in the mean: a table with texts is something else
MOST = 0.9  # share of the cells that are times, or numbers where there is anything
# a date of ISO 8601, with a time of day or without; a year and a month
TIME = re.compile(
    r"\d{4}[-/](0[1-9]|1[0-2])([-/](0[1-9]|[12]\d|3[01])([T ]\d{2}(:\d{2}){0,2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
)


class SeriesColumns(NamedTuple):
    """The columns of a series.

    Attributes:
        time: name of the column of times; None: the table does not name its columns.
        value: name of the first column of numbers.
        place: number of the column of times, from 1.
    """

    time: Optional[str]
    value: Optional[str]
    place: int

    @property
    def found(self) -> str:
        """What the table looks like."""
        columns = "" if self.time is None else f": times in {self.time!r}, numbers in {self.value!r}"
        return f"looks like a series of numbers{columns}"

    @property
    def flags(self) -> str:
        """What makes it one."""
        if self.time is None or self.value is None:
            return "name the columns in a first line, and give --time and --value"
        return f"give --time {shlex.quote(self.time)} --value {shlex.quote(self.value)}"


def series_in(data: Any) -> Optional[SeriesColumns]:
    """The columns of times and of numbers, by the first rows; None: there are no such ones.

    Args:
        data: a table's path or a data frame; of anything else nothing is looked at.

    Raises:
        UsageError: it cannot be read.
    """
    if is_frame(data):
        columns = {str(name): [_cell(one) for one in data[name][:HEAD]] for name in data.columns}
        return _in_columns(columns)
    if not is_path(data) or not os.path.isfile(data):
        return None
    rows = head_of(data)
    rows = [row for row in rows if len(row) == len(rows[0])]
    places = _in_columns({str(place): list(cells) for place, cells in enumerate(zip(*rows))})
    if places is not None:
        return SeriesColumns(None, None, places.place)  # the first row is one of the series
    names = [cell.strip() for cell in rows[0]] if rows else []
    return _in_columns(dict(zip(names, map(list, zip(*rows[1:])))))


def _cell(value: object) -> str:
    return str(value) if hasattr(value, "isoformat") or isinstance(value, (list, tuple)) else text_of(value, "", "")


def _in_columns(columns: Dict[str, List[str]]) -> Optional[SeriesColumns]:
    if any(len(" ".join(cells).split()) >= WORDS * len(cells) for cells in columns.values() if cells):
        return None
    time = next((name for name, cells in columns.items() if _are(cells, _is_time, 1.0)), None)
    others = (name for name, cells in columns.items() if name != time and _are(cells, _is_number, MOST))
    value = next(others, None)
    return None if time is None or value is None else SeriesColumns(time, value, 1 + list(columns).index(time))


def _are(cells: Sequence[str], is_one: Any, share: float) -> bool:
    """Whether nearly all cells that are not empty are of a kind."""
    full = [cell.strip() for cell in cells if cell.strip()]
    return len(full) >= max(FEWEST, len(cells) / 2) and sum(map(is_one, full)) >= share * len(full)


def _is_time(cell: str) -> bool:
    return TIME.fullmatch(cell) is not None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
