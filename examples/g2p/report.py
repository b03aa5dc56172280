"""What came out: the scores of one file of words, and the table of several languages."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Dict, List, Optional, Sequence, Tuple

from g2p import scores
from g2p.plan import NGRAMS, Decoding, Languages, Words
from s2s_plugins.files import write_whole
from s2s_plugins.steps import DONE, Figures, Runner, Step


def figures(decodings: Sequence[Decoding]) -> Figures:
    """What is kept of a step: of a decoding, its scores."""
    files = {decoding.step.name: decoding.references for decoding in decodings}

    def of(step: Step, log: Path) -> Dict[str, object]:
        if step.kind != "decode":
            return {}
        references = scores.read_references(files[step.name])
        return dict(scores.score(scores.read_predictions(step.required_output, references), references))

    return of


def print_score(runner: Runner, step: Step) -> None:
    """Print the scores of a decoding."""
    state = runner.read(step)
    print(f"    {state['words']} words: WER {state['wer']:.2f} %, PER {state['per']:.2f} %", flush=True)


def write_words(plan: Words, shown: int) -> str:
    """The scores and predictions of each decoding, in files; a table, and ``shown`` predictions of each.

    The models' own go to the plan's folder, the votes with n-grams to ``with-ngrams`` below it.
    """
    lines: List[str] = []
    for one in plan.decodings:
        out = plan.out / "with-ngrams" if one.column == NGRAMS else plan.out
        references = scores.read_references(one.references)
        predictions = scores.read_predictions(one.step.required_output, references)
        found = scores.write(out, predictions, references)
        lines += [] if one.column != NGRAMS else ["", "with n-grams:"]
        lines += [f"{'words':>8} {'WER %':>8} {'PER %':>8}"]
        lines += [f"{found['words']:>8} {found['wer']:>8.2f} {found['per']:>8.2f}"]
        if shown:
            lines += ["", *scores.samples(predictions, references, shown)]
    lines += ["", f"model: {plan.model}"] if plan.model is not None else []
    lines += [
        "",
        "results: " + ", ".join(str(plan.out / name) for name in ("score.json", "predictions.tsv", "errors.tsv")),
    ]
    return "\n".join(lines)


def results(plan: Languages, runner: Runner) -> dict:
    """All that is measured so far.

    A cell has the means over its seeds, once all are decoded, and ``each``: the WER of each. ``macro`` has the means
    over those languages that every column has: the columns can be compared; its ``each`` is the mean of each seed.
    """
    cells: Dict[str, Dict[str, dict]] = {}
    for (language, column), steps in _decodings(plan).items():
        if all(runner.status(one.step) == DONE for one in steps):
            states = [runner.read(one.step) for one in steps]
            seconds = mean(sum(runner.read(training)["seconds"] for training in one.trainings) for one in steps)
            cells.setdefault(language, {})[column] = {
                "wer": round(mean(state["wer"] for state in states), 3),
                "per": round(mean(state["per"] for state in states), 3),
                "words": states[0]["words"],
                "minutes": round(seconds / 60, 2),
                "each": [state["wer"] for state in states],
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


def _decodings(plan: Languages) -> Dict[Tuple[str, str], List[Decoding]]:
    """The decodings of each cell, by language and column."""
    found: Dict[Tuple[str, str], List[Decoding]] = {}
    for one in plan.decodings:
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
