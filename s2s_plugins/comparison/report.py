"""report.html: one page, opened from disk, with everything in it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from s2s_plugins.comparison.collect import Json
from s2s_plugins.reports import templates
from s2s_plugins.reports.diagram import Diagram, draw
from s2s_plugins.reports.webfonts import with_fonts

TEMPLATE = "report.html"


def span(values: Sequence[float], digits: int) -> Tuple[str, str]:
    """The mean, and for several seeds the lowest and highest value: ``98.61``, ``97.90–99.20``."""
    mean = f"{sum(values) / len(values):,.{digits}f}"
    return mean, f"{min(values):,.{digits}f}–{max(values):,.{digits}f}" if len(values) > 1 else ""


def table(results: Json, subset: Json) -> Tuple[List[str], List[Json]]:
    """Heads and rows of the table of a split, with the best score of each metric marked.

    The table of the first split includes the speeds. Baselines stand below the systems, with dashes for the figures of
    a training.
    """
    heads = [metric["title"] for metric in results["metrics"]]
    is_main = subset is results["subsets"][0]
    if is_main:
        heads += ["parameters", "training, target tokens/s", "decoding, sentences/s", "training, minutes"]
    baselines = results.get("baselines", [])  # results of earlier versions have none
    systems = [system for system in [*results["systems"], *baselines] if system["name"] in subset["scores"]]
    means = {
        (system["name"], metric["name"]): _mean(subset["scores"][system["name"]], metric["name"])
        for system in systems
        for metric in results["metrics"]
    }
    rows = []
    for system in systems:
        scores = subset["scores"][system["name"]]
        cells = []
        for metric in results["metrics"]:
            name = metric["name"]
            best = (max if metric["rises"] else min)(means[other["name"], name] for other in systems)
            text, seeds = span([one[name] for one in scores], 2)
            cells.append({"text": text, "seeds": seeds, "best": means[system["name"], name] == best})
        trained = system not in baselines
        if is_main:
            texts = _speeds(system["runs"]) if trained else ["–"] * 4
            cells += [{"text": text, "seeds": "", "best": False} for text in texts]
        rows.append({"system": system, "cells": cells, "seeds": len(scores), "trained": trained})
    return heads, rows


def _speeds(runs: Sequence[Json]) -> List[str]:
    speeds = [_mean(runs, key) for key in ("parameters", "tokens_per_second", "sentences_per_second")]
    return [f"{speed:,.0f}" for speed in speeds] + [f"{_mean(runs, 'train_seconds') / 60:.1f}"]


def _mean(entries: Sequence[Json], key: str) -> float:
    return sum(entry[key] for entry in entries) / len(entries)


def embedded(path: Path) -> str:
    """A picture as a data URI, so that the page is one file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def page(results: Json, pictures: Dict[str, Path], maps: Dict[str, List[str]], diagrams: Sequence[Diagram] = ()) -> str:
    """The report.

    Args:
        results: of :func:`~s2s_plugins.comparison.collect.collect`, with ``title``, ``machine``,
            ``signatures`` and ``settings``.
        pictures: of :func:`~s2s_plugins.comparison.plots.draw`.
        maps: for each system with attention, heat maps as HTML.
        diagrams: drawings of the systems' decoders.
    """
    subsets = [subset for subset in results["subsets"] if subset["scores"]]
    text = (
        templates(__package__)
        .get_template(TEMPLATE)
        .render(
            results=results,
            subsets=subsets,
            tables={subset["name"]: table(results, subset) for subset in subsets},
            pictures={name: embedded(path) for name, path in pictures.items()},
            maps=maps,
            decoders=draw(diagrams) if diagrams else "",
        )
    )
    return with_fonts(text)


def text_table(results: Json, subset: Json) -> str:
    """The table of a split, as text."""
    heads, rows = table(results, subset)
    lines = [[subset["name"], *heads]] + [[row["system"]["name"], *map(_plain, row["cells"])] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))])
        for line in lines
    )


def _plain(cell: Json) -> str:
    return f"{cell['text']} ({cell['seeds']})" if cell["seeds"] else cell["text"]
