"""After the training of a forecaster: what was held out is forecast and reported, and what comes next is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.forecasts import ForecastEvaluation
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.load import load
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.reports.training.forecasts import Forecasts, Panel
from s2s_plugins.series.files import Table
from s2s_plugins.series.forecasts import write_table
from s2s_plugins.series.planning import Planned
from s2s_plugins.series.reading import series_in
from s2s_plugins.series.store import SeriesFolder
from s2s_plugins.series.table import checked
from s2s_plugins.training.held_out import ahead, drawn, evaluate, forecast_part, table
from s2s_plugins.training.testing import history_of

FORECAST = "forecast.csv"


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
    held_out = {part: forecast_part(forecaster, data, part, planned.season) for part in data.splits if part != "train"}
    parts = {part: evaluate(found) for part, found in held_out.items()}
    figures: Dict[str, float] = {}
    for part in ("test", "valid"):
        if part in parts:
            figures.update({f"{part} {name}": value for name, value in parts[part].numbers().items()})
    absent = {} if parts else {"scores": "the series are too short to hold rows out"}
    history = history_of(folder)
    if not history:
        absent["curves"] = "there was no validation part to measure on"
    assert forecaster.about is not None
    forecaster.about = replace(forecaster.about, figures={**forecaster.about.figures, **figures})
    forecaster.save(model)
    written, why, panels = _write_next(forecaster, tables, out / FORECAST)
    shown = held_out.get("test", held_out.get("valid"))
    columns, rows = ([], []) if shown is None else table(shown)
    report = TrainingReport(
        title=title,
        histories=[history] if history else [],
        facts=facts,
        findings=planned.said,
        figures=figures,
        forecasts=Forecasts(
            scores=parts,
            held_out=[] if shown is None else drawn(shown),
            columns=columns,
            rows=rows,
            ahead=panels,
            file="" if written is None else written.name,
            why=why,
        ),
        absent=absent,
    )
    write_report(out, report)
    return Tested(parts, written, why)


def _write_next(
    forecaster: Forecaster, tables: Sequence[Table], path: Path
) -> "tuple[Optional[Path], str, List[Panel]]":
    """Write what comes behind the last row of each series; or say why that is not possible."""
    description = forecaster.description
    try:
        series = [checked(one, description, future=True) for one in series_in(tables, description)]
        forecasts = forecaster.forecast(series)
        write_table(forecasts, description, path)
    except UsageError as error:  # a covariate of the future is not known yet
        return None, str(error), []
    return path, "", ahead(series, forecasts, description.series is not None or len(series) > 1)


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
