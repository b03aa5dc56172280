"""What came out: a table of systems and data sets; of each model errors by kind, predictions, a link to its report."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from common.trainings.task import Task
from s2s_plugins.comparison.report import span
from s2s_plugins.comparison.run import machine
from s2s_plugins.extras import library
from s2s_plugins.files import write_whole
from s2s_plugins.reports.training.files import PAGE, PREDICTIONS
from s2s_plugins.steps import DONE, Runner, Step

CELL = "test"  # the test part of a set, beside further test files
SHOWN = 10  # predictions of each set
TEMPLATE = Path(__file__).with_name("page.html")


class Cell(NamedTuple):
    """A test of a model.

    Attributes:
        set: its data.
        system: its settings.
        test: :data:`CELL`, or the name of a further test file.
        step: that makes the scores.
        scores: the file with them.
    """

    set: str
    system: str
    test: str
    step: Step
    scores: Path


class Prediction(NamedTuple):
    """A line of ``predictions.tsv``."""

    source: str
    text: str
    is_right: bool
    references: str


def predictions(folder: Path) -> List[Prediction]:
    """What a trained model says on the test part; a source may have several columns, before the prediction's."""
    names, *rows = [line.split("\t") for line in (folder / PREDICTIONS).read_text(encoding="utf-8").splitlines()]
    place = {name: names.index(name) for name in ("prediction", "verdict", "references")}
    return [
        Prediction(
            "\t".join(row[: place["prediction"]]),
            row[place["prediction"]],
            row[place["verdict"]] == "right",
            row[place["references"]],
        )
        for row in rows
    ]


def by_kind(task: Task, found: Sequence[Prediction]) -> Dict[str, Tuple[int, int]]:
    """Kind -> sources of it, and how many of these are wrong; the most frequent kind first."""
    counts: Dict[str, List[int]] = {}
    for one in found:
        for kind in task.kinds(one.source, one.references.split(" | ")[0]):
            count = counts.setdefault(kind, [0, 0])
            count[0] += 1
            count[1] += not one.is_right
    return {kind: (all, wrong) for kind, (all, wrong) in sorted(counts.items(), key=lambda item: -item[1][0])}


def results(task: Task, sets: Sequence[str], systems: Sequence[str], cells: Sequence[Cell], runner: Runner) -> dict:
    """All that is measured so far, in the form that the gallery reads: rows of scores, a column a test.

    A score is the error in percent, a list of those of all seeds; empty where none is tested yet.
    """
    tests = {CELL: "", **task.further}
    columns = [(name, test) for name in sets for test in tests]
    done = [cell for cell in cells if runner.status(cell.step) == DONE]
    found = {(cell.set, cell.system, cell.test): [] for cell in cells}  # type: Dict[Tuple[str, str, str], List[float]]
    for cell in done:
        scores = json.loads(cell.scores.read_text(encoding="utf-8"))["scores"]["test"]
        found[cell.set, cell.system, cell.test].append(round(scores["error_rate"], 3))
    seconds = {
        step.name: runner.read(step)["seconds"] for step in {cell.step.name: cell.step for cell in done}.values()
    }
    rows = [
        {
            "name": task.systems[system].title,
            "scores": [found.get((name, system, test), []) for name, test in columns],
            "minutes": round(sum(seconds[cell.step.name] for cell in done if cell.system == system) / 60, 2),
        }
        for system in systems
    ]
    return {
        "title": task.title,
        "shows": task.shows,
        "metric": "error %",
        "subsets": [f"{task.sets[name]}{', ' if tests[test] else ''}{tests[test]}" for name, test in columns],
        "rows": rows,
        "minutes": round(sum(seconds.values()) / 60, 2),
        "machine": machine(),
    }


def table(found: dict) -> str:
    """The results in Markdown, with the mean of the columns where there are several."""
    several = len(found["subsets"]) > 1
    lines = [["error %", *found["subsets"], *(["mean"] if several else []), "minutes"]]
    for row in found["rows"]:
        scores = row["scores"]
        means = [mean(one) for one in scores if one]
        whole = [f"{mean(means):.2f}" if len(means) == len(scores) else "-"] if several else []
        lines.append([row["name"], *(_cell(one) for one in scores), *whole, f"{row['minutes']:.1f}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]])


def _cell(scores: Sequence[float]) -> str:
    if not scores:
        return "-"
    text, spread = span(scores, 2)
    return f"{text} ({spread})" if spread else text


def _models(task: Task, cells: Sequence[Cell], runner: Runner, out: Path) -> List[Dict[str, Any]]:
    """What the page says about each tested model."""
    models = []
    for cell in cells:
        if cell.test == CELL and runner.status(cell.step) == DONE:
            folder = cell.step.required_folder
            found, seed = predictions(folder), folder.name.rpartition("-seed")[2]
            shown = [found[place * len(found) // SHOWN] for place in range(min(SHOWN, len(found)))]
            models.append(
                {
                    "title": f"{task.sets[cell.set]}: {task.systems[cell.system].title}, seed {seed}",
                    "page": (folder / PAGE).relative_to(out).as_posix(),
                    "kinds": by_kind(task, found),
                    "shown": shown,
                }
            )
    return models


def write(
    task: Task, sets: Sequence[str], systems: Sequence[str], cells: Sequence[Cell], runner: Runner, out: Path
) -> str:
    """Write ``results.json``, ``table.md`` and ``report.html``; the table."""
    found = results(task, sets, systems, cells, runner)
    text = table(found)
    write_whole(out / "results.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_whole(out / "table.md", text + "\n")
    jinja2 = library("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    models = _models(task, cells, runner, out)
    rows = [{**row, "cells": [_cell(one) for one in row["scores"]]} for row in found["rows"]]
    write_whole(out / PAGE, page.render(found=found, rows=rows, models=models, kind=task.kind))
    return text
