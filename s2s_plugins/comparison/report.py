"""report.html: one page, opened from disk, with everything in it."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

from s2s_plugins.comparison.data import Json
from s2s_plugins.reports import templates
from s2s_plugins.reports.diagram import Diagram, draw
from s2s_plugins.reports.webfonts import with_fonts

NONE = "–"
DIGITS = 2  # of scores that do not say theirs


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
        heads += ["parameters", *results["units"].values(), "training, minutes"]
    baselines = results.get("baselines", [])  # results of earlier versions have none
    systems = [system for system in [*results["systems"], *baselines] if system["name"] in subset["scores"]]
    best = {
        metric["name"]: _best(metric, [subset["scores"][one["name"]] for one in systems])
        for metric in results["metrics"]
    }
    rows = []
    for system in systems:
        scores = subset["scores"][system["name"]]
        cells = [
            _cell(metric["name"], scores, best[metric["name"]], metric.get("digits", DIGITS))
            for metric in results["metrics"]
        ]
        trained = system not in baselines
        if is_main:
            texts = _speeds(system["runs"], results["units"]) if trained else [NONE] * 4
            cells += [{"text": text, "seeds": "", "best": False} for text in texts]
        rows.append({"system": system, "cells": cells, "seeds": len(scores), "trained": trained})
    return heads, rows


def target_table(results: Json, subset: Json) -> Tuple[List[str], List[Json]]:
    """Heads and rows of a table with the mean absolute error of each target by system, with the best marked."""
    names = [one["name"] for one in [*results["systems"], *results["baselines"]] if one["name"] in subset["by_target"]]
    rows = []
    for target in results["settings"]["targets"]:
        scores = {name: [run[target] for run in subset["by_target"][name]] for name in names}
        best = _best({"name": "mae", "rises": False}, list(scores.values()))
        digits = DIGITS if not best else digits_of(best)
        rows.append({"name": target, "cells": [_cell("mae", scores[name], best, digits) for name in names]})
    return names, rows


def digits_of(size: float) -> int:
    """Decimals that show four digits of numbers of this size, which is above 0."""
    return min(8, max(0, 3 - math.floor(math.log10(size))))


def _cell(name: str, scores: Sequence[Json], best: Optional[float], digits: int) -> Json:
    """A score of a system, which it may not have; an interval is said with its score."""
    if any(one[name] is None for one in scores):
        return {"text": NONE, "seeds": "", "best": False}
    text, seeds = span([one[name] for one in scores], digits)
    nominal = scores[0].get(f"{name}_nominal")
    notes = [seeds] if seeds else []
    notes += [f"of {nominal:g}"] if nominal is not None else []
    return {"text": text, "seeds": ", ".join(notes), "best": best is not None and _mean(scores, name) == best}


def _best(metric: Json, systems: Sequence[Sequence[Json]]) -> Optional[float]:
    """The best mean of a metric; None where neither more nor less is better."""
    name, rises = metric["name"], metric["rises"]
    means = [_mean(scores, name) for scores in systems if all(one[name] is not None for one in scores)]
    return None if rises is None or not means else (max if rises else min)(means)


def _speeds(runs: Sequence[Json], units: Mapping[str, str]) -> List[str]:
    speeds = [_mean(runs, key) for key in ("parameters", *units)]
    return [f"{speed:,.0f}" for speed in speeds] + [f"{_mean(runs, 'train_seconds') / 60:.1f}"]


def _mean(entries: Sequence[Json], key: str) -> float:
    return sum(entry[key] for entry in entries) / len(entries)


def embedded(path: Path) -> str:
    """A picture as a data URI, so that the page is one file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def page(
    results: Json, pictures: Mapping[str, Path], maps: Mapping[str, Sequence[str]], diagrams: Sequence[Diagram] = ()
) -> str:
    """The report.

    Args:
        results: of :func:`~s2s_plugins.comparison.collect.collect`, with ``title``, ``machine``,
            ``signatures`` and ``settings``.
        pictures: of :func:`~s2s_plugins.comparison.plots.save_all`.
        maps: for each system with attention, heat maps as HTML.
        diagrams: drawings of the systems' decoders.
    """
    subsets = [subset for subset in results["subsets"] if subset["scores"]]
    text = (
        templates(__package__)
        .get_template(f"{results['kind']}.html")
        .render(
            results=results,
            subsets=subsets,
            tables={subset["name"]: table(results, subset) for subset in subsets},
            pictures={name: embedded(path) for name, path in pictures.items()},
            targets={
                subset["name"]: target_table(results, subset)
                for subset in subsets
                if len(results["settings"].get("targets", ())) > 1
            },
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
