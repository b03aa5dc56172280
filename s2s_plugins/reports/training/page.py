"""The page of a report: one file that needs no network."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from s2s_plugins.evaluation.classes import ClassEvaluation
from s2s_plugins.evaluation.translations import Evaluation
from s2s_plugins.extras import library
from s2s_plugins.reports import heatmap, templates
from s2s_plugins.reports.training import plots, rows
from s2s_plugins.reports.training.advice import advice, headline, is_likely
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.forecasts import Forecasts, by_step, panel
from s2s_plugins.reports.webfonts import with_fonts

if TYPE_CHECKING:
    from jinja2 import Environment

WORST = 15  # rows of predictions that are farthest from their references
NO_SCORES = "No part of the data was held out, so nothing is known of how good the model is on new data."
NO_CURVES = "The training left no record of its losses."
NO_ATTENTION = "This model has none, or no source is short enough to be shown."
NO_SAMPLES = "No source was held out to show it on."
NO_PREDICTIONS = "Every source is longer than the model takes."


def page(report: TrainingReport) -> str:
    """The page, as HTML.

    Raises:
        MissingExtra: matplotlib, jinja2 or RapidFuzz is not installed.
    """
    text = (
        _templates()
        .get_template("training.html")
        .render(
            report=report,
            scores=report.shown,
            headline="" if report.shown is None else headline(report.shown, report.part),
            advice=advice(report),
            plots=_plots(report),
            details=_details(report),
            absent=_absent(report),
            forecasts=report.forecasts,
            drawn=_drawn(report.forecasts),
            maps=[_map(report, place) for place in range(len(report.attention))],
            heat=rows.HEAT,
        )
    )
    return with_fonts(text)


def _plots(report: TrainingReport) -> Dict[str, str]:
    """SVG by name, empty where there is nothing to draw."""
    found: Dict[str, Optional[str]] = dict.fromkeys(("by_length", "calibration"))
    found.update(losses=plots.losses(report.histories), errors=plots.errors(report.histories))
    scores = report.shown
    if isinstance(scores, Evaluation):
        found["by_length"] = plots.by_length(scores.by_length)
    if scores is not None and scores.calibration_error is not None:
        found["calibration"] = plots.calibration(scores.calibration)
    return {name: svg or "" for name, svg in found.items()}


def _drawn(forecasts: Optional[Forecasts]) -> Dict[str, Any]:
    """Plots of a forecaster."""
    if forecasts is None:
        return {}
    scores = forecasts.shown
    parts = {"held_out": forecasts.held_out, "ahead": forecasts.ahead}
    return {
        **{
            part: [(one.name, panel(part, number, one)) for number, one in enumerate(panels, start=1)]
            for part, panels in parts.items()
        },
        "by_step": None if scores is None else by_step(scores),
        "why": sentence(forecasts.why),
    }


def _details(report: TrainingReport) -> Dict[str, Any]:
    """Rows of the tables behind the scores."""
    scores = report.shown
    if scores is None:
        return {"symbols": []}
    errors = scores.errors()
    if isinstance(scores, ClassEvaluation):
        order = sorted(scores.by_class, key=lambda one: (one.f1, -one.texts))
        return {
            "errors": [rows.item_row(item) for item in errors[: rows.SHOWN]],
            "likely": is_likely(scores),
            "classes": [one._replace(label=rows.clipped(one.label)) for one in order[: 4 * rows.SHOWN]],
            "matrix": rows.class_matrix(scores) if scores.wrong else None,
        }
    return {
        "errors": [rows.item_row(item, scores.unit) for item in errors[: rows.SHOWN]],
        "likely": is_likely(scores),
        "worst": [rows.item_row(item, scores.unit) for item in scores.worst(WORST)],
        "symbols": _symbols(scores),
        "pairs": [
            (rows.visible(one.reference), rows.visible(one.predicted), one.times)
            for one in scores.confusions[: rows.SHOWN]
        ],
        "matrix": rows.symbol_matrix(scores),
    }


def _symbols(scores: Evaluation) -> List[Tuple[str, Any]]:
    wrong = [one for one in scores.by_symbol if one.wrong or one.inserted]
    return [(rows.visible(one.symbol), one) for one in wrong[: rows.SHOWN]]


def _map(report: TrainingReport, place: int) -> str:
    alignment = report.attention[place]
    return heatmap.fragment(alignment, f"{place + 1}", assets=place == 0)


def sentence(text: str) -> str:
    """A reason as a sentence: it begins with a capital letter, and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _absent(report: TrainingReport) -> Dict[str, str]:
    """Why a part of the page is not there."""
    no_scores = sentence(report.absent.get("scores", NO_SCORES))
    no_attention = NO_SAMPLES if report.shown is None else NO_ATTENTION
    found = {
        "scores": no_scores,
        "curves": sentence(report.absent.get("curves", NO_CURVES)),
        "attention": sentence(report.absent.get("attention", no_attention)),
    }
    return {**found, "symbols": no_scores, "calibration": NO_PREDICTIONS if report.shown else no_scores}


@lru_cache(maxsize=1)
def _templates() -> "Environment":
    environment = templates("s2s_plugins.reports")
    # for the plots and heat maps of this package alone, which are escaped already
    environment.filters["html"] = library("markupsafe").Markup
    return environment
