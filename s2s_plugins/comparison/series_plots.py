"""Plots of a comparison on series: the error by step of the horizon, and predictions of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Sequence

from s2s_plugins.comparison.data import Json
from s2s_plugins.comparison.plots import COLOURS, legend, line, pyplot, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4  # of systems beside each other


def by_step(results: Json, subset: Json) -> "Figure":
    """The mean absolute error of each step of the horizon, one line per system; a band spans the seeds."""
    figure, axis = pyplot().subplots(figsize=(8.2, 4.4), layout="constrained")
    rows = [system for system in [*results["systems"], *results["baselines"]] if system["name"] in subset["by_step"]]
    for place, system in enumerate(rows):
        runs = [_numbers(run) for run in subset["by_step"][system["name"]]]
        look = style(place)
        if system in results["baselines"]:  # nothing is trained
            look |= {"linestyle": "--", "color": "#000000", "marker": None}
        line(axis, range(1, len(runs[0]) + 1), list(zip(*runs)), system["name"], look)
    targets = results["settings"]["targets"]
    axis.set_xlabel("step of the horizon")
    axis.set_ylabel(f"mean absolute error, {targets[0]}" if len(targets) == 1 else "mean absolute error, standardised")
    axis.set_ylim(0, None)
    _whole_numbers(axis, 14)
    axis.grid(axis="y", alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    legend(figure, axis, len(rows))
    return figure


def samples(results: Json, subset: Json) -> "Figure":
    """Windows of a split, one below the other: what was observed, and beside each other what each system predicts."""
    names = [system["name"] for system in results["systems"] if system["name"] in subset["scores"]]
    across = min(len(names), COLUMNS)
    bands = -(-len(names) // across)  # of more systems than fit beside each other
    found = subset["samples"]
    figure, axes = pyplot().subplots(
        bands * len(found),
        across,
        figsize=(max(7.0, 3.1 * across), 0.5 + 1.9 * bands * len(found)),
        squeeze=False,
        sharey=False,
        layout="constrained",
    )
    for row, sample in enumerate(found):
        limits = _limits(sample)
        for place in range(bands * across):
            axis = axes[row * bands + place // across][place % across]
            if place >= len(names):
                axis.set_visible(False)
                continue
            _panel(axis, sample, names[place], COLOURS[place % len(COLOURS)])
            axis.set_ylim(*limits)
            if place % across:
                axis.tick_params(labelleft=False)
        axes[row * bands][0].set_title(_title(sample), loc="left", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("steps from the origin", fontsize=8)
    return figure


def _panel(axis: "Axes", sample: Json, name: str, colour: str) -> None:
    history, observed = _numbers(sample["history"]), _numbers(sample["observed"])
    steps = range(1, len(observed) + 1)
    axis.plot(range(1 - len(history), len(observed) + 1), [*history, *observed], color="#1d2733", lw=1.1)
    if history:
        axis.axvline(0.5, color="#9aa4b0", lw=0.8, ls=":")
    output: Optional[Json] = sample["outputs"].get(name)
    if output is not None:
        if "low" in output:
            low, high = _numbers(output["low"]), _numbers(output["high"])
            axis.fill_between(steps, low, high, color=colour, alpha=0.22, lw=0)
        axis.plot(steps, _numbers(output["point"]), color=colour, lw=1.6)
    axis.text(0.02, 0.97, name, transform=axis.transAxes, color=colour, fontsize=8, fontweight="bold", va="top")
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.10g}")  # without an offset above the axis
    _whole_numbers(axis, 6)
    axis.spines[["top", "right"]].set_visible(False)


def _whole_numbers(axis: "Axes", most: int) -> None:
    axis.locator_params(axis="x", integer=True, nbins=most)


def _title(sample: Json) -> str:
    parts = [
        sample["series"],
        sample["target"],
        f"from {sample['time']}" if sample["time"] else f"window {sample['number']}",
    ]
    return ", ".join(part for part in parts if part)


def _limits(sample: Json) -> List[float]:
    """The lowest and highest value of all panels of a sample, with a margin: more above, for the name."""
    values = [*sample["history"], *sample["observed"]]
    for output in sample["outputs"].values():
        values += [value for part in output.values() for value in part]
    there = [value for value in values if value is not None]
    low, high = min(there), max(there)
    span = (high - low) or 1.0
    return [low - 0.05 * span, high + 0.2 * span]


def _numbers(values: Sequence[Optional[float]]) -> List[float]:
    return [float("nan") if value is None else value for value in values]
