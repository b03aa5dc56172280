"""What came out: the table of several languages, and some predictions of one model."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Dict, List, Optional, Tuple

from g2p.plan import Cell, Languages
from s2s_plugins.files import write_whole
from s2s_plugins.reports.training.files import PREDICTIONS
from s2s_plugins.steps import DONE, Runner


def score(path: Path) -> Dict[str, float]:
    """Word and phone error rate in percent, and the number of words, of a ``scores.json``."""
    found = json.loads(path.read_text(encoding="utf-8"))["scores"]["test"]
    rates = {"wer": found["error_rate"], "per": found["symbol_error_rate"]}
    return {**{name: round(rate, 3) for name, rate in rates.items()}, "words": found["sources"]}


def samples(folder: Path, count: int) -> str:
    """``count`` predictions spread over the test part, each beside its pronunciations, as a table."""
    lines = (folder / PREDICTIONS).read_text(encoding="utf-8").splitlines()[1:]
    rows = [("word", "prediction", "", "reference")]
    for place in range(min(count, len(lines))):
        word, prediction, _, verdict, references = lines[place * len(lines) // count].split("\t")
        rows.append((word, prediction, "=" if verdict == "right" else "x", references))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[3] for row in rows)


def results(plan: Languages, runner: Runner) -> dict:
    """All that is measured so far.

    A cell has the means over its seeds, once all are tested, and ``each``: the WER of each. ``macro`` has the means
    over those languages that every column has: the columns can be compared; its ``each`` is the mean of each seed.
    """
    cells: Dict[str, Dict[str, dict]] = {}
    for (language, column), tests in _tests(plan).items():
        if all(runner.status(one.step) == DONE for one in tests):
            scores = [score(one.scores) for one in tests]
            seconds = mean(sum(runner.read(training)["seconds"] for training in one.trainings) for one in tests)
            cells.setdefault(language, {})[column] = {
                "wer": round(mean(one["wer"] for one in scores), 3),
                "per": round(mean(one["per"] for one in scores), 3),
                "words": scores[0]["words"],
                "minutes": round(seconds / 60, 2),
                "each": [one["wer"] for one in scores],
            }
    whole = [language for language, row in cells.items() if len(row) == len(plan.columns)]
    macro = {column: _macro([cells[language][column] for language in whole]) for column in plan.columns if whole}
    return {
        "columns": plan.columns,
        "languages": cells,
        "macro_of": whole,
        "macro": macro,
        "seed": plan.seed,
        "seeds": plan.seeds,
    }


def _tests(plan: Languages) -> Dict[Tuple[str, str], List[Cell]]:
    """The tests behind each cell, by language and column."""
    found: Dict[Tuple[str, str], List[Cell]] = {}
    for one in plan.cells:
        found.setdefault((one.language, one.column), []).append(one)
    return found


def _macro(cells: List[dict]) -> dict:
    """The mean of a column's cells, each language counting alike."""
    means = {name: round(mean(cell[name] for cell in cells), 3) for name in ("wer", "per", "minutes")}
    return {**means, "each": [round(mean(wers), 3) for wers in zip(*(cell["each"] for cell in cells))]}


def table(found: dict) -> str:
    """``results`` as a table in Markdown, its longer side down; behind ``±``: the standard deviation of the seeds."""
    columns = found["columns"]
    rows = [["WER % (PER %, minutes)", "words", *columns.values()]]
    for language, row in found["languages"].items():
        size = next(iter(row.values()))["words"]
        rows.append([language, str(size), *(_cell(row.get(column)) for column in columns)])
    if found["macro"]:
        rows.append([f"mean of {len(found['macro_of'])}", "", *(_cell(found["macro"][column]) for column in columns)])
        if len(columns) > 1:
            rows.append(["fewer errors than the first", "", *_gains(found)])
    if len(columns) > len(found["languages"]):
        rows = [list(row) for row in zip(*rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _cell(cell: Optional[dict]) -> str:
    if cell is None:
        return "-"
    spread = f" ± {stdev(cell['each']):.2f}" if len(cell["each"]) > 1 else ""
    return f"{cell['wer']:.2f}{spread} ({cell['per']:.2f}, {cell['minutes']:.1f})"


def _gains(found: dict) -> List[str]:
    """How many percent of the first column's wrong words, of all languages together, each column gets right."""
    wers = [found["macro"][column]["wer"] for column in found["columns"]]
    return ["", *(f"{100 * (1 - wer / wers[0]):.1f} %" if wers[0] else "-" for wer in wers[1:])]


def write(plan: Languages, runner: Runner) -> str:
    """Write ``results.json`` and ``table.md``; the table."""
    found = results(plan, runner)
    text = table(found)
    write_whole(plan.out / "results.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_whole(plan.out / "table.md", text + "\n")
    return text
