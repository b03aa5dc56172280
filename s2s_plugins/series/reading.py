"""Series from files: for training by the roles of the columns, for use by the description of the training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.arrays import read_samples
from s2s_plugins.series.description import Description
from s2s_plugins.series.files import Table, read_table
from s2s_plugins.series.table import Series, checked


def read_series(
    source: Union[str, Path, BinaryIO], description: Description, name: str = "standard input"
) -> List[Series]:
    """The series in a file, for a model that was trained on data of this description.

    It needs the columns of the training data, and ignores others. Rows behind the last one with a target are the
    future: they hold the covariates that are known there. Of arrays the sources are read, as columns
    ``source0`` and on.

    Args:
        source: a path whose ending says the format, or a stream of CSV.
        description: of the training data.
        name: what a stream is called in messages.

    Raises:
        UsageError: a file, column or value is not as it has to be.
        OSError: the file cannot be opened.
    """
    if description.kind == "arrays":
        if not isinstance(source, (str, Path)):
            raise UsageError(f"{name}: the model reads arrays: name a .npy or .npz file")
        return read_samples(Path(source), description)
    return [checked(series, description, future=True) for series in series_in(read_table(source, name), description)]


def series_in(tables: Iterable[Table], description: Description) -> List[Series]:
    """The series in tables, unchecked, in the order of their first rows.

    Raises:
        UsageError: a column is missing, has a cell of another type, or two tables have a series of one name.
    """
    found: Dict[str, Series] = {}
    for table in tables:
        for series in _series_of(table, description):
            if series.name in found:
                other = found[series.name].where
                raise UsageError(f"series {series.name!r} is in {other} and in {series.where}: rename one of them")
            found[series.name] = series
    return list(found.values())


def _series_of(table: Table, description: Description) -> Iterator[Series]:
    """The series of one table."""
    values: Dict[str, NDArray[np.float64]] = {}
    for flag, names in (
        ("--target", description.targets),
        ("--past", description.past),
        ("--known", description.known),
    ):
        values.update({name: table.numbers(name, flag) for name in names})
    static: Dict[str, Sequence[Any]] = {}
    for name in description.static:
        static[name] = _static(table, name, name in description.categories)
    if description.time is None:
        times = None
    else:
        times = table.times(description.time, description.step)
    for name, rows in _rows_of(table, description):
        constant = {column: _constant(table, name, column, cells, rows) for column, cells in static.items()}
        yield Series(
            name,
            np.arange(len(rows), dtype=np.int64) if times is None else times[rows],
            {column: numbers[rows] for column, numbers in values.items()},
            constant,
            table.where,
            table.unit,
            rows + table.first,
        )


def _rows_of(table: Table, description: Description) -> Iterator[Any]:
    """Name and rows of each series of a table."""
    if description.series is None:
        yield table.name, np.arange(table.rows)
        return
    names = table.texts(description.series, "--series-column")
    distinct, first, number = np.unique(names.astype(str), return_index=True, return_inverse=True)
    rows = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    for place in np.argsort(first):
        yield str(distinct[place]), rows[place]


def _static(table: Table, name: str, text: bool) -> Any:
    """A static column as text or numbers.

    Raises:
        UsageError: a cell is empty.
    """
    if text:
        return table.texts(name, "--static")
    numbers = table.numbers(name, "--static")
    empty = np.isnan(numbers)
    if empty.any():
        raise UsageError(f"{table.place(int(np.argmax(empty)))}: column {name!r} is empty: a static one has a value")
    return numbers


def _constant(table: Table, series: str, column: str, cells: Any, rows: NDArray[np.int64]) -> Union[float, str]:
    """The one value of a static column in the rows of a series.

    Raises:
        UsageError: there are two.
    """
    own = cells[rows]
    differs = own != own[0]
    if differs.any():
        row = int(np.argmax(differs))
        change = f"changes from {own[0]} to {own[row]} in series {series!r}"
        raise UsageError(f"{table.place(int(rows[row]))}: column {column!r} {change}: name it with --past or --known")
    return str(own[0]) if isinstance(own[0], str) else float(own[0])
