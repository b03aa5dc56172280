"""OUT/index.html: what each example below OUT has shown, and a link to its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

from gallery.tables import COMPARISONS, DIALOGUE, Comparison
from s2s_plugins import nn
from s2s_plugins.comparison import report
from s2s_plugins.files import write_whole
from s2s_plugins.reports import templates

FILE = "index.html"
DECODERS = Path(nn.__file__).parent / "decoders" / "decoders.svg"  # of scripts/draw_decoders.py


def entry(comparison: Comparison, out: Path) -> dict:
    """What the index says of a comparison that has results."""
    results = json.loads((out / comparison.name / "results.json").read_text(encoding="utf-8"))
    metric = results["metrics"][0]
    subsets = [subset for subset in results["subsets"] if subset["scores"]]
    rows = []
    for system in [*results["systems"], *results.get("baselines", [])]:
        scores = [
            report.span([run[metric["name"]] for run in subset["scores"][system["name"]]], 2)
            for subset in subsets
            if system["name"] in subset["scores"]
        ]
        rows.append({"name": system["name"], "scores": scores})
    seconds = sum(run["train_seconds"] for system in results["systems"] for run in system["runs"])
    return {
        "name": comparison.name,
        "title": comparison.title,
        "shows": comparison.shows,
        "metric": metric["title"],
        "subsets": [subset["name"] for subset in subsets],
        "rows": rows,
        "minutes": seconds / 60,
        "machine": results["machine"],
    }


def dialogue(out: Path) -> dict:
    """The same of film dialogue: what was decoded how, and how varied it is."""
    results = json.loads((out / DIALOGUE / "results.json").read_text(encoding="utf-8"))
    perplexity = results["test_perplexity"]
    return {
        "name": DIALOGUE,
        "title": results["title"],
        "shows": "ten prompts after each epoch; distinct-n is the share of different n-grams in all answers"
        + (f"; test perplexity {perplexity:.2f}" if perplexity is not None else ""),
        "metric": "answers by",
        "subsets": ["distinct-1 %", "distinct-2 %"],
        "rows": [
            {"name": one["name"], "scores": [(f"{one[key]:.2f}", "") for key in ("distinct_1", "distinct_2")]}
            for one in results["decodings"]
        ],
        "minutes": sum(epoch["seconds"] for epoch in results["epochs"]) / 60,
        "machine": results["machine"],
    }


def entries(out: Path) -> List[dict]:
    found = [entry(one, out) for one in COMPARISONS if (out / one.name / "results.json").exists()]
    return found + ([dialogue(out)] if (out / DIALOGUE / "results.json").exists() else [])


def write(out: Path) -> None:
    """The page; appears whole or not at all."""
    picture = DECODERS.read_text(encoding="utf-8")
    write_whole(out / FILE, templates(__package__).get_template(FILE).render(entries=entries(out), decoders=picture))
