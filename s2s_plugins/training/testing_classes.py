"""After the training of a classifier: what was held out is classified, and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Mapping

from s2s_plugins.evaluation.classes import ClassEvaluation
from s2s_plugins.inference.calibrating import FEWEST
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.load import load
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.text.labelled.prepared import PreparedTexts
from s2s_plugins.training.testing import history_of

COLUMNS = ("text", "label")


def test_classes(
    prepared: PreparedTexts, out: Path, model: Path, folder: Path, facts: Mapping[str, str], title: str
) -> TrainingReport:
    """Calibrate on the validation part, classify it and the test part, note the scores in the model file, and write the
    report.

    Args:
        prepared: the data.
        out: where the report goes.
        model: the model file.
        folder: of the training.
        facts: about the training, for the report.
        title: of the report.
    """
    classifier = load(model)
    assert isinstance(classifier, Classifier)
    parts: Dict[str, ClassEvaluation] = {}
    if prepared.valid_held_out:
        if prepared.valid >= FEWEST:
            classifier.calibrate(str(prepared.folder / "valid.jsonl"), COLUMNS)
        parts["valid"] = classifier.evaluate(str(prepared.folder / "valid.jsonl"), *COLUMNS)
    if prepared.test:
        parts["test"] = classifier.evaluate(str(prepared.folder / "test.jsonl"), *COLUMNS)
    absent = {"attention": "this architecture has no attention"}
    if "test" not in parts:
        few = "there is no test part" if parts else "there are too few texts to hold some out"
        absent["scores"] = f"{few}: give --test FILE"
    if "valid" not in parts:
        absent["curves"] = "there was no validation part to measure on"
    history = history_of(folder)
    report = TrainingReport(
        title=title,
        test=parts.get("test"),
        valid=parts.get("valid"),
        histories=[history] if history else [],
        facts=facts,
        findings=prepared.findings,
        kind="classifier",
        absent=absent,
    )
    _note(classifier, model, parts)
    write_report(out, report)
    return report


def _note(classifier: Classifier, model: Path, parts: Mapping[str, ClassEvaluation]) -> None:
    """Write calibration and scores into the model file."""
    assert classifier.about is not None
    figures: Dict[str, Any] = dict(classifier.about.figures)
    for part, scores in sorted(parts.items()):
        figures[f"{part} texts"] = scores.sources
        figures[f"{part} error rate %"] = round(scores.error_rate, 3)
        figures[f"{part} macro F1 %"] = round(scores.macro_f1, 3)
    classifier.about = replace(classifier.about, figures=figures)
    classifier.save(model)


def summary(report: TrainingReport) -> str:
    """The scores in a line."""
    scores = report.shown
    if scores is None:
        return "no scores: there are too few texts to hold some out, give --test FILE"
    low, high = scores.error_interval
    return (
        f"{report.part} part: {scores.error_rate:.2f} % of {scores.sources:,} texts are classified wrong "
        f"({low:.2f} to {high:.2f} with 95 % confidence)"
    )
