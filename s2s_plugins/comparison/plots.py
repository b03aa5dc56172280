"""Plots of a comparison: learning curves, and of text the score against the length of the source."""

from __future__ import annotations

import importlib
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import TYPE_CHECKING, Dict, List, Mapping, Sequence

from s2s_plugins.comparison.data import Json
from s2s_plugins.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# distinct for colour-blind readers (Okabe and Ito), and by marker in print
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7a7a7a", "#E69F00", "#56B4E9", "#000000"]
MARKERS = "osD^vP*X"
KINDS = ("training", "validation")  # of curves


def pyplot() -> ModuleType:
    import matplotlib

    matplotlib.use("Agg")
    return importlib.import_module("matplotlib.pyplot")


def save(figure: "Figure", path: Path) -> None:
    """Write a PNG that appears whole or not at all."""
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
    pyplot().close(figure)


def style(place: int) -> Json:
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "markersize": 4.5}


def learning_curves(results: Json, label: str, alike: bool = True) -> "Figure":
    """Losses of training and validation against updates, one line per system; a band spans the seeds.

    Args:
        results: of the comparison.
        label: what a loss is.
        alike: losses of training and validation are measured alike.
    """
    figure, axes = pyplot().subplots(1, 2, figsize=(10.5, 4.0), sharey=alike, layout="constrained")
    for axis, kind in zip(axes, KINDS):
        for place, system in enumerate(results["systems"]):
            curves = [dict(map(tuple, run[f"{kind}_curve"])) for run in system["runs"]]
            updates = sorted(set.intersection(*map(set, curves)))
            if kind == "training":
                updates = _thinned(updates, 60)
            look = {**style(place), "marker": None} if kind == "training" else style(place)
            line(axis, updates, [[curve[update] for curve in curves] for update in updates], system["name"], look)
        axis.set_title(f"{kind} loss", fontsize=10)
        axis.set_xlabel("updates")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    if _lowest(results) >= 0:  # the likelihood of numbers may be negative
        for axis in axes:  # when all lines are there: a limit ends the scaling to what is drawn
            axis.set_ylim(0, None)
    axes[0].set_ylabel(label)
    legend(figure, axes[1], len(results["systems"]))
    return figure


def _lowest(results: Json) -> float:
    curves = [run[f"{kind}_curve"] for one in results["systems"] for run in one["runs"] for kind in KINDS]
    return min((loss for curve in curves for _, loss in curve), default=0.0)


def _thinned(values: List[int], most: int) -> List[int]:
    step = -(-len(values) // most)
    return values[::step] if step > 1 else values


def line(axis: "Axes", xs: Sequence[float], values: Sequence[Sequence[float]], label: str, look: Json) -> None:
    axis.plot(xs, [mean(points) for points in values], label=label, **look)
    if any(len(points) > 1 for points in values):
        lows, highs = [min(points) for points in values], [max(points) for points in values]
        axis.fill_between(xs, lows, highs, color=look["color"], alpha=0.15, lw=0)


def legend(figure: "Figure", axis: "Axes", count: int) -> None:
    figure.legend(
        *axis.get_legend_handles_labels(), loc="outside lower center", ncols=min(count, 5), frameon=False, fontsize=9
    )


def by_length(results: Json, subset: Json) -> "Figure":
    """The first metric against the number of source tokens; grey bars show the number of sentences."""
    groups, metric = subset["lengths"], results["metrics"][0]
    figure, axis = pyplot().subplots(figsize=(max(6.5, 0.62 * len(groups) + 1.5), 4.2), layout="constrained")
    places = list(range(len(groups)))
    bars = axis.twinx()
    bars.bar(places, [group["sentences"] for group in groups], color="#000000", alpha=0.07, width=0.8)
    bars.set_ylabel("sentences (grey bars)", color="#777777", fontsize=9)
    bars.tick_params(axis="y", colors="#777777", labelsize=8)
    bars.set_ylim(0, 1.6 * max(group["sentences"] for group in groups))
    for place, system in enumerate(results["systems"]):
        runs = subset["by_length"].get(system["name"])
        if runs:
            line(axis, places, [list(values) for values in zip(*runs)], system["name"], style(place))
    baselines = results.get("baselines", [])
    for place, baseline in enumerate(baselines, start=len(results["systems"])):
        look = {**style(place), "linestyle": "--"}  # nothing is trained
        line(axis, places, [[value] for value in subset["by_length"][baseline["name"]][0]], baseline["name"], look)
    axis.set_zorder(bars.get_zorder() + 1)
    axis.patch.set_visible(False)
    axis.set_xticks(places, [_range(group) for group in groups])
    axis.set_xlabel("source tokens")
    axis.set_ylabel(f"{metric['title']}, free-running")
    axis.set_ylim(0, 103 if metric["name"] == "exact" else None)
    axis.grid(axis="y", alpha=0.25)
    for one in (axis, bars):
        one.spines["top"].set_visible(False)
    legend(figure, axis, len(results["systems"]) + len(baselines))
    return figure


def _range(group: Dict[str, int]) -> str:
    return str(group["from"]) if group["from"] == group["to"] else f"{group['from']}–{group['to']}"


def save_all(figures: "Mapping[str, Figure]", out: Path) -> Dict[str, Path]:
    """Write figures as ``NAME.png`` below ``out``."""
    for name, figure in figures.items():
        save(figure, out / f"{name}.png")
    return {name: out / f"{name}.png" for name in figures}
