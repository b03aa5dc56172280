"""After the training of a forecaster: what was held out is forecast and reported, and what comes next is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.forecasts import (
    ForecastEvaluation,
    forecast_evaluation_of,
    naive_scale,
    seasonal_naive,
)
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.load import load
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.series.features import in_units
from s2s_plugins.series.files import Table
from s2s_plugins.series.forecasts import write_table
from s2s_plugins.series.planning import Planned
from s2s_plugins.series.reading import series_in
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.table import checked
from s2s_plugins.training.testing import history_of

FORECAST = "forecast.csv"
Values = NDArray[np.float64]


class Tested(NamedTuple):
    """What testing found.

    Attributes:
        parts: scores by part.
        forecast: the file of what comes next; None: it could not be forecast.
        why: it could not.
    """

    parts: Dict[str, ForecastEvaluation]
    forecast: Optional[Path]
    why: str = ""


def test_series(
    tables: Sequence[Table],
    planned: Planned,
    out: Path,
    model: Path,
    folder: Path,
    facts: Mapping[str, str],
    title: str,
) -> Tested:
    """Forecast the validation and the test part and what comes next, note the scores in the model file, and write the
    report.

    Args:
        tables: the data.
        planned: how it was cut.
        out: where the report goes.
        model: the model file.
        folder: of the training.
        facts: about the training, for the report.
        title: of the report.
    """
    forecaster = load(model)
    assert isinstance(forecaster, Forecaster)
    data = SeriesFolder(out / "data")
    parts = {part: evaluate(forecaster, data, part, planned.season) for part in data.splits if part != "train"}
    figures: Dict[str, float] = {}
    for part in ("test", "valid"):
        if part in parts:
            figures.update({f"{part} {name}": value for name, value in parts[part].numbers().items()})
    absent = {"attention": "a forecaster shows none", "scores": _about_scores(parts)}
    history = history_of(folder)
    if not history:
        absent["curves"] = "there was no validation part to measure on"
    report = TrainingReport(
        title=title,
        histories=[history] if history else [],
        facts=facts,
        findings=planned.said,
        figures=figures,
        absent=absent,
    )
    assert forecaster.about is not None
    forecaster.about = replace(forecaster.about, figures={**forecaster.about.figures, **figures})
    forecaster.save(model)
    written, why = _write_next(forecaster, tables, out / FORECAST)
    write_report(out, report)
    return Tested(parts, written, why)


def _about_scores(parts: Mapping[str, ForecastEvaluation]) -> str:
    if not parts:
        return "the series are too short to hold rows out, so nothing is known of how good the forecasts are"
    part = "test" if "test" in parts else "valid"
    return f"A forecaster is scored by its distance from what was observed ({part} part): see the figures."


def evaluate(forecaster: Forecaster, data: SeriesFolder, part: str, season: int) -> ForecastEvaluation:
    """The scores of forecasts from each origin in a part.

    Args:
        forecaster: the model.
        data: the windows.
        part: ``"valid"`` or ``"test"``.
        season: of the naive method that is scored too.
    """
    description = data.description
    windows = data.windows(part)
    ends = _training_ends(data)
    values = in_units(np.asarray(data.target, dtype=np.float64), description)
    levels = forecaster.check_levels(None)
    point: List[Values] = []
    quantiles: List[Values] = []
    for begin in range(0, len(windows), BATCH_SIZE):
        found = forecaster.predict_windows([data.window(row) for row in windows[begin : begin + BATCH_SIZE]], levels)
        point.append(found[0])
        quantiles.append(found[1])
    scales = {n: naive_scale(values[data.series[n].begin : ends[n]], season) for n in np.unique(windows[:, 0])}
    naive = [
        seasonal_naive(values[data.series[number].begin : origin], end - origin, season)
        for number, _, _, origin, end in windows.tolist()
    ]
    return forecast_evaluation_of(
        description.targets,
        np.stack([values[begin:end] for begin, end in windows[:, 3:].tolist()]),
        np.concatenate(point),
        np.concatenate(quantiles),
        levels,
        np.stack(naive),
        np.stack([scales[number] for number in windows[:, 0].tolist()]),
        season,
    )


def _training_ends(data: SeriesFolder) -> Dict[int, int]:
    """The row at which the training part of each series ends."""
    windows = data.windows("train")
    found = {number: int(windows[windows[:, 0] == number, 4].max()) for number in np.unique(windows[:, 0]).tolist()}
    return {number: found.get(number, one.end) for number, one in enumerate(data.series)}


def _write_next(forecaster: Forecaster, tables: Sequence[Table], path: Path) -> "tuple[Optional[Path], str]":
    """Write what comes behind the last row of each series; or say why that is not possible."""
    description = forecaster.description
    try:
        series = [checked(one, description, future=True) for one in series_in(tables, description)]
        write_table(forecaster.forecast(series), description, path)
    except UsageError as error:  # a covariate of the future is not known yet
        return None, str(error)
    return path, ""


def summary(found: Tested) -> List[str]:
    """The scores, a line each."""
    part = "test" if "test" in found.parts else "valid"
    lines: List[str] = []
    if part in found.parts:
        scores: Any = found.parts[part]
        name = "test" if part == "test" else "validation"
        lines.append(
            f"{name} part: MASE {scores.mase:.3f} from {scores.origins:,} origins (seasonal naive: "
            f"{scores.naive_mase:.3f}), sMAPE {scores.smape:.1f} % ({scores.naive_smape:.1f} %)"
        )
        if scores.coverage is not None:
            lines.append(f"{scores.coverage:.0f} % of the values lie in the interval of {scores.nominal:g} %")
    else:
        lines.append("no scores: the series are too short to hold rows out")
    if found.forecast is not None:
        lines.append(f"what comes next: {found.forecast}")
    else:
        lines.append(f"what comes next is not forecast: {found.why}")
    return lines
