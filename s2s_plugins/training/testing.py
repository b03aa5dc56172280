"""After the training: what was held out is predicted, and reported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from s2s_plugins.evaluation.translations import Evaluation
from s2s_plugins.inference.calibrating import FEWEST
from s2s_plugins.inference.evaluation import LONGEST_SAMPLE, attention_samples
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.load import load
from s2s_plugins.inference.translator import Translator
from s2s_plugins.reports.training.contents import TrainingReport
from s2s_plugins.reports.training.files import write_report
from s2s_plugins.reports.training.points import Point
from s2s_plugins.text.pairs.prepared import Prepared, read_references
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.training.job import BEST, ENDED, HISTORY, Ended
from s2s_plugins.training.ngrams import FOLDER, Votes, score_votes

VOTED = "with n-grams error rate %"
FINGERPRINT = "checksum of the data"  # of a model file's figures


def history_of(folder: Path) -> List[Point]:
    """The validations of a training, in order; of one that was interrupted, those that led to its end."""
    points: Dict[int, Point] = {}
    try:
        lines = (folder / HISTORY).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:  # the process was killed inside this line
            continue
        of_loss = said["figure"] == "loss"
        loss, error = (said["error"], None) if of_loss else (None, said["error"])
        point = Point(said["updates"], said["seconds"], said["train_loss"], loss, error, said["learning_rate"])
        # a resumed training comes by here again
        points = {updates: one for updates, one in points.items() if updates < point.updates}
        points[point.updates] = point
    return list(points.values())


def ended_of(folder: Path) -> Ended:
    """How the training in ``folder`` ended."""
    return Ended(**json.loads((folder / ENDED).read_text(encoding="utf-8")))


def open_trained(prepared: Prepared, model: Path, checkpoints: Sequence[Path]) -> Translator:
    """The trained model: its file, or where it has none, the checkpoints of fairseq's own architecture.

    Raises:
        UsageError: it cannot be read.
    """
    if model.exists():
        translator = load(model)
        assert isinstance(translator, Translator)
        return translator
    from s2s_plugins.models.translator import load_translator  # takes fairseq's four seconds

    first, *others = map(str, checkpoints)
    found = load_translator(first, str(prepared.folder), ensemble=others)
    sides = (prepared.source, prepared.target)
    found.source_spelling, found.target_spelling = (Spelling(*side.spelled) for side in sides)
    return found


def test_pairs(
    prepared: Prepared,
    out: Path,
    model: Path,
    folders: Sequence[Path],
    facts: Mapping[str, str],
    title: str,
    fingerprint: str,
    votes: Optional[Votes] = None,
) -> TrainingReport:
    """Predict the validation and the test part, calibrate, note the scores in the model file, and write the report.

    Args:
        prepared: the data.
        out: where the report goes.
        model: the model file; it need not be there.
        folders: of the trainings.
        facts: about the training, for the report.
        title: of the report.
        fingerprint: a checksum of what it was trained on.
        votes: n-grams to be tested too.
    """
    checkpoints = [folder / BEST for folder in folders]
    translator = open_trained(prepared, model, checkpoints)
    valid = None
    if prepared.valid_held_out:
        references = read_references(prepared.folder / "valid.tsv")
        if model.exists() and prepared.valid.sources >= FEWEST:
            translator.calibrate(references)
            translator.save(model)
        valid = translator.evaluate(references)
    test: Optional[Evaluation] = None
    if prepared.test.sources:
        test = translator.evaluate(read_references(prepared.folder / "test.tsv"))
    absent = {}
    if test is None:
        few = "there are too few sources to hold some out" if valid is None else "there is no test part"
        absent["scores"] = f"{few}: give --test FILE"
    shown = test or valid
    samples = [] if shown is None else attention_samples(translator, shown)
    if not translator.has_attention:
        absent["attention"] = "this architecture has no attention"
    elif not samples and shown is not None:
        absent["attention"] = f"no source has {LONGEST_SAMPLE} tokens or fewer"
    if valid is None:
        absent["curves"] = "there was no validation part to measure on"
    report = TrainingReport(
        title=title,
        test=test,
        valid=valid,
        histories=[history for history in map(history_of, folders) if history],
        facts=facts,
        findings=prepared.findings,
        attention=samples,
        absent=absent,
    )
    if model.exists():
        note_figures(model, report, fingerprint)
    if votes is not None and shown is not None:
        voted = score_votes(translator, votes, prepared, out, report)
        figures = {VOTED: voted.error_rate, f"with n-grams {voted.unit} error rate %": voted.symbol_error_rate}
        rate = f"{voted.error_rate:.2f} % of the sources wrong, {voted.error_interval}; see {FOLDER}"
        report = replace(report, figures=figures, facts={**report.facts, "with n-grams": rate})
    write_report(out, report)
    return report


def note_figures(model: Path, report: TrainingReport, fingerprint: str) -> None:
    """Write the scores into the model file, and a checksum by which the training data is known again."""
    file = read_model_file(model)
    figures: Dict[str, Any] = {**file.about.figures, FINGERPRINT: fingerprint}
    for name, scores in (("test", report.test), ("valid", report.valid)):
        if isinstance(scores, Evaluation):
            figures[f"{name} sources"] = scores.sources
            figures[f"{name} error rate %"] = round(scores.error_rate, 3)
            figures[f"{name} {scores.unit} error rate %"] = round(scores.symbol_error_rate, 3)
    replace(file, about=replace(file.about, figures=figures)).write(model)
