"""Small series in files, prepared in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Sequence

import numpy as np

from s2s_plugins.series.prepare import prepare_series
from s2s_plugins.series.roles import Choice
from s2s_plugins.series.store import SeriesFolder

CHOICE = {"input_length": 6, "output_length": 3, "time": "day", "target": ("y",)}


def days(count: int, first: str = "2024-01-01") -> Sequence[str]:
    return [str(day) for day in np.datetime64(first, "D") + np.arange(count)]


def columns(rows: int = 60, seed: int = 1, level: float = 0.0) -> Mapping[str, Sequence[object]]:
    """A time, a target, a covariate of the past and one that is known."""
    draw = np.random.default_rng(seed)
    y, past, known = level + draw.normal(size=rows).cumsum(), draw.normal(size=rows), draw.normal(size=rows)
    return {"day": days(rows), "y": y.tolist(), "rain": past.tolist(), "price": known.tolist()}


def write_csv(path: Path, table: Mapping[str, Sequence[object]]) -> Path:
    lines = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values()))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepared(folder: Path, *sources: Path, **flags: object) -> SeriesFolder:
    folder.mkdir(parents=True)
    prepare_series([str(source) for source in sources], Choice(**flags), folder)
    return SeriesFolder(folder)


def of_table(folder: Path, table: Mapping[str, Sequence[object]], **flags: object) -> SeriesFolder:
    """A table, as a CSV file that is prepared."""
    folder.mkdir(parents=True)
    return prepared(folder / "data", write_csv(folder / "series.csv", table), **{**CHOICE, **flags})


def windows_of(data: SeriesFolder, split: str) -> list:
    return [data.window(row) for row in data.windows(split)]
