"""Plots of the results: one PNG for each part that has a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

OURS, BF16, LINE = "#2b6ca3", "#8cb8d9", "#444444"
GROUPS = ["#2b6ca3", "#e3a857", "#7a5ca8", "#c65b5b", "#5fa38a", "#8a8a8a", "#d9d9d9"]
MARKERS = ["o", "s", "^"]


def _ratios(axis, rows: List[dict], labels: List[str], title: str, unit: str = "speed, fairseq lstm = 1") -> None:
    """Bars of median ratios, with their ranges, best read against the line at 1."""
    places = list(range(len(rows)))
    middles = [row["ratio"]["median"] for row in rows]
    colours = [BF16 if row.get("precision") == "bf16" else OURS for row in rows]
    spread = [
        [row["ratio"]["median"] - row["ratio"]["low"] for row in rows],
        [row["ratio"]["high"] - row["ratio"]["median"] for row in rows],
    ]
    axis.barh(places, middles, color=colours, xerr=spread, ecolor=LINE, capsize=3)
    axis.set_yticks(places, labels)
    axis.invert_yaxis()
    axis.axvline(1, color=LINE, linewidth=1, linestyle="--")
    limit = max(row["ratio"]["high"] for row in rows)
    for place, row in zip(places, rows):
        axis.text(row["ratio"]["high"] + 0.02 * limit, place, f"{row['ratio']['median']:.2f}", va="center", fontsize=9)
    axis.set_xlim(0, max(1.1, 1.18 * limit))
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(unit)


def training(part: dict):
    shapes = list(dict.fromkeys(row["shape"] for row in part["rows"]))
    rows = [row for row in part["rows"] if "ratio" in row]
    figure, axes = pyplot.subplots(1, len(shapes), figsize=(12, 1.2 + 0.3 * len(rows)), layout="constrained")
    for axis, shape in zip(axes, shapes):
        chosen = [row for row in rows if row["shape"] == shape]
        labels = [row["system"] + (" bf16" if row["precision"] == "bf16" else "") for row in chosen]
        _ratios(axis, chosen, labels, f"training, shape {shape}")
    return figure


def decoding(part: dict):
    ways = list(dict.fromkeys(row["way"] for row in part["rows"]))
    figure, axes = pyplot.subplots(1, len(ways), figsize=(14, 3.8), layout="constrained", sharey=True)
    for axis, way in zip(axes, ways):
        chosen = [row for row in part["rows"] if row["way"] == way]
        labels = [row["system"] for row in chosen]
        _ratios(axis, chosen, labels, f"decoding, {way} (batch {chosen[0]['batch']})")
        if axis is not axes[0]:
            axis.invert_yaxis()  # the shared axis was turned over by the first one already
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    return figure


def memory(part: dict):
    rows = part["rows"]
    figure, axes = pyplot.subplots(
        1, 2, figsize=(12, 1.6 + 0.35 * len(rows)), layout="constrained", sharey=True, sharex=True
    )
    for axis, command in zip(axes, ("train", "generate")):
        sizes = [row[command] for row in rows]
        axis.barh(range(len(rows)), sizes, color=["#8a8a8a"] + [OURS] * (len(rows) - 1))
        for place, size in enumerate(sizes):
            axis.text(size, place, f" {size:,.0f}", va="center", fontsize=9)
        axis.set_title(f"fairseq-{command}", fontsize=10)
        axis.set_xlabel("largest resident size, MB")
    axes[0].set_yticks(range(len(rows)), [row["system"] for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    axes[0].set_xlim(0, 1.15 * max(max(row["train"], row["generate"]) for row in rows))
    return figure


def growth(part: dict):
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 7.5), layout="constrained")
    titles = {
        "length": ("source and target tokens a sentence", "ms an update"),
        "hidden": ("hidden size", "ms an update"),
        "vocabulary": ("vocabulary", "ms an update"),
        "beam": ("beam", "ms a decoded batch"),
    }
    colours = ["#8a8a8a", OURS, "#c65b5b"]
    for axis, (name, points) in zip(axes.flat, part["axes"].items()):
        values = [point["value"] for point in points]
        for system, colour, marker in zip(part["systems"], colours, MARKERS):
            times = [1000 * point["seconds"][system]["median"] for point in points]
            axis.plot(values, times, color=colour, marker=marker, label=system)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(values, [f"{value:,}" for value in values])
        axis.minorticks_off()
        ticks = _ticks([1000 * found["median"] for point in points for found in point["seconds"].values()])
        axis.set_yticks(ticks, [f"{tick:,g}" for tick in ticks])
        axis.set_xlabel(titles[name][0])
        axis.set_ylabel(titles[name][1])
        axis.grid(alpha=0.3)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _ticks(values: List[float]) -> List[float]:
    """1, 2, 5, 10, ... around the values: a logarithmic axis over less than a decade would else have one label."""
    ladder = [step * 10**power for power in range(-3, 7) for step in (1, 2, 5)]
    below = max(tick for tick in ladder if tick <= max(min(values), ladder[0]))
    above = min(tick for tick in ladder if tick >= max(values))
    return [tick for tick in ladder if below <= tick <= above]


def profile(part: dict):
    rows = part["rows"]
    figure, axes = pyplot.subplots(2, 1, figsize=(11, 7), layout="constrained", sharex=True)
    for axis, kind in zip(axes, ("training", "decoding")):
        starts = [0.0] * len(rows)
        for group, colour in zip(rows[0][kind]["shares"], GROUPS):
            widths = [100 * row[kind]["shares"][group] for row in rows]
            axis.barh(range(len(rows)), widths, left=starts, color=colour, label=group)
            starts = [start + width for start, width in zip(starts, widths)]
        axis.set_yticks(range(len(rows)), [row["system"] for row in rows])
        axis.invert_yaxis()
        axis.set_title(f"where the time of {kind} goes", fontsize=10)
    axes[1].set_xlabel("% of the profiled time")
    axes[1].set_xlim(0, 100)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    return figure


def ablation(part: dict):
    rows = [row for row in part["rows"] if "ratio" in row]
    figure, axis = pyplot.subplots(figsize=(9, 1.6 + 0.35 * len(rows)), layout="constrained")
    labels = [f"{row['command']} {row['system']}: {row['change']}" for row in rows]
    _ratios(axis, rows, labels, "what pays, our own models", "speed with the change, 1 = without it")
    return figure


PLOTS: Dict[str, Callable] = {
    "training": training,
    "decoding": decoding,
    "memory": memory,
    "growth": growth,
    "profile": profile,
    "ablation": ablation,
}


def draw(results: dict, out: Path) -> List[Path]:
    """Write a PNG for each part that has results."""
    written = []
    source = f"{results['machine']['cpu']}, threads: {results['settings']['threads']}, device: {results['device']}"
    for name, plot in PLOTS.items():
        if name not in results["parts"]:
            continue
        figure = plot(results["parts"][name]["results"])
        subject = "s2s_plugins" if name == "ablation" else "s2s_plugins beside fairseq's lstm"
        figure.suptitle(f"{subject}; {source}", fontsize=11)
        path = out / f"{name}.png"
        figure.savefig(path, dpi=110)
        pyplot.close(figure)
        written.append(path)
    return written
