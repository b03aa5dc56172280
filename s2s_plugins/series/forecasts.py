"""Forecasts: what comes behind a series, and the files that they are written to.

Shape letters: N series, T predicted steps, K targets, Q quantile levels.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import IO, List, NamedTuple, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.files import replacing
from s2s_plugins.series.description import Description
from s2s_plugins.series.table import show

Values = NDArray[np.float64]


class Forecast(NamedTuple):
    """What comes behind a series, in the units of its data.

    Attributes:
        name: of the series.
        times: (T,), datetime64[ns] or int64.
        columns: names of the K targets.
        point: (T, K).
        levels: of the quantiles; none of a model that predicts a number alone.
        quantiles: (T, K, Q), rising in Q.
    """

    name: str
    times: NDArray[np.generic]
    columns: Tuple[str, ...]
    point: Values
    levels: Tuple[float, ...]
    quantiles: Values


def write_table(forecasts: Sequence[Forecast], description: Description, output: Union[Path, IO[str]]) -> None:
    """A line for each predicted step of each series: its name, if the data has several, the time, the targets, and of
    each target its quantiles, ``NAME_q0.1``.

    Args:
        forecasts: of one model.
        description: of its training data.
        output: a stream, or a path, which then appears whole or not at all.

    Raises:
        UsageError: ``output`` exists and is no regular file.
    """
    if isinstance(output, Path):
        with replacing(output) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            _write(forecasts, description, file)
    else:
        _write(forecasts, description, output)


def _write(forecasts: Sequence[Forecast], description: Description, file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    several = description.series is not None or len(forecasts) > 1
    head = [description.series or "series"] if several else []
    head.append(description.time or "step")
    for name in description.targets:
        head += [name, *(f"{name}_q{level:g}" for level in (forecasts[0].levels if forecasts else ()))]
    writer.writerow(head)
    for one in forecasts:
        for step, time in enumerate(one.times):
            writer.writerow([*([one.name] if several else []), show(time), *_cells(one, step)])


def _cells(forecast: Forecast, step: int) -> List[str]:
    cells = []
    for point, quantiles in zip(forecast.point[step], forecast.quantiles[step]):
        cells += [f"{value:.7g}" for value in (point, *quantiles)]
    return cells


def write_arrays(forecasts: Sequence[Forecast], path: Path) -> None:
    """An .npz with ``point`` (N, T, K), ``quantiles`` (N, T, K, Q) and ``levels`` (Q).

    Raises:
        UsageError: ``path`` exists and is no regular file, or there is nothing to write.
    """
    if not forecasts:
        raise UsageError("there is nothing to predict: the input has no series")
    arrays = {
        "point": np.stack([one.point for one in forecasts]),
        "quantiles": np.stack([one.quantiles for one in forecasts]),
        "levels": np.array(forecasts[0].levels),
    }
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
