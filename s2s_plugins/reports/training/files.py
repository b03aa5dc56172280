"""The files of a report: ``scores.json``, ``predictions.tsv``, ``errors.tsv`` and the page ``report.html``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, List, Optional

from s2s_plugins.evaluation.classes import ClassEvaluation, ClassItem
from s2s_plugins.evaluation.translations import Item
from s2s_plugins.files import as_table, with_features, write_whole
from s2s_plugins.reports.training.contents import Scores, TrainingReport
from s2s_plugins.reports.training.page import page

SCORES, PREDICTIONS, ERRORS, PAGE = "scores.json", "predictions.tsv", "errors.tsv", "report.html"
PREDICTION_COLUMNS = ("source", "prediction", "probability", "verdict", "references")
ERROR_COLUMNS = ("source", "prediction", "probability", "references", "probability of the reference")
LOG_COLUMNS = ("log-probability", "log-probability of the reference")  # before calibration


def write_report(folder: Path, report: TrainingReport) -> None:
    """Write the files of a report into ``folder``, each whole or not at all, the page last.

    Without scores there are neither predictions nor errors, and those of an earlier report are removed.

    Raises:
        MissingExtra: matplotlib, jinja2 or RapidFuzz is not installed.
        OSError: a file cannot be written.
    """
    text = page(report)  # before anything is written
    write_whole(folder / SCORES, scores_json(report))
    if report.forecasts is not None and report.forecasts.rows:
        write_whole(folder / PREDICTIONS, as_table(report.forecasts.columns, report.forecasts.rows))
        (folder / ERRORS).unlink(missing_ok=True)
    elif report.shown is None:
        for name in (PREDICTIONS, ERRORS):
            (folder / name).unlink(missing_ok=True)
    else:
        write_whole(folder / PREDICTIONS, predictions_tsv(report.shown))
        write_whole(folder / ERRORS, errors_tsv(report.shown))
    write_whole(folder / PAGE, text)


def scores_json(report: TrainingReport) -> str:
    """Everything in figures: scores by part, history, facts and findings."""
    forecasts = {} if report.forecasts is None else report.forecasts.scores
    found = {
        "title": report.title,
        "scores": {
            name: scores.figures()
            for name, scores in (("test", report.test), ("valid", report.valid), *forecasts.items())
            if scores is not None
        },
        "figures": dict(report.figures),
        "histories": [[vars(point) for point in history] for history in report.histories],
        "facts": dict(report.facts),
        "findings": list(report.findings),
        "absent": dict(report.absent),
    }
    return json.dumps(_finite(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """A value with None instead of the numbers that JSON has no word for: a loss may be infinite."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def predictions_tsv(scores: Scores) -> str:
    """A line for each source, in the order of the data, below a line of names."""
    rows = (
        (_source(item), _prediction(item), f"{item.probability:.4f}", _verdict(item), _references(item))
        for item in scores.items
    )
    return as_table(*with_features(PREDICTION_COLUMNS, rows))


def errors_tsv(scores: Scores) -> str:
    """A line for each source whose prediction is wrong, the most probable one first, below a line of names.

    The probability of a reference is known of the best predictions alone; its log-probability of all, uncalibrated.
    """
    columns = ERROR_COLUMNS if isinstance(scores, ClassEvaluation) else (*ERROR_COLUMNS, *LOG_COLUMNS)
    return as_table(*with_features(columns, (_error(item) for item in scores.errors())))


def _error(item: Any) -> List[str]:
    own = _number(item.own_probability)
    cells = [_source(item), _prediction(item), f"{item.probability:.4f}", _references(item), own]
    if isinstance(item, ClassItem):
        return cells
    logs = (item.guesses[0].log_probability if item.guesses else math.nan, item.own_log_probability)
    return [*cells, *("" if math.isnan(log) else f"{log:.4f}" for log in logs)]


def _source(item: Any) -> str:
    text: str = item.text if isinstance(item, ClassItem) else item.source
    return text


def _prediction(item: Any) -> str:
    text: str = item.predicted if isinstance(item, ClassItem) else item.text
    return text


def _verdict(item: Any) -> str:
    return "right" if item.is_right else "wrong"


def _references(item: Any) -> str:
    return " | ".join(item.references) if isinstance(item, Item) else str(item.label)


def _number(probability: Optional[float]) -> str:
    return "" if probability is None else f"{probability:.4f}"
