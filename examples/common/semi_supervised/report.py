"""What came out: results.json, table.md, error.png."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from common.semi_supervised.plan import Plan
from common.semi_supervised.recipe import Experiment
from s2s_plugins.files import replacing, write_whole
from s2s_plugins.steps import DONE, Runner

Results = List[dict]


def collect(plan: Plan, runner: Runner) -> Results:
    """A dictionary for each run that is fine-tuned; ``error`` is None until it is tested too."""
    results = []
    for run in plan.runs:
        if runner.status(run.finetune) != DONE:
            continue
        tuned = runner.read(run.finetune)
        tested = runner.read(run.test) if runner.status(run.test) == DONE else {}
        experiment = run.experiment
        results.append(
            {
                "experiment": experiment.name,
                "title": experiment.title,
                "group": experiment.group,
                "labels": experiment.labels,
                "seed": run.seed,
                "error": tested.get("error"),
                "macro_f1": tested.get("macro_f1"),
                "valid_error": round(100 - tuned["valid_accuracy"], 2),
                "paper": experiment.paper,
                "updates": int(tuned.get("updates", 0)),
                "epochs": int(tuned.get("epochs", 0)),
                "seconds": tuned["seconds"],
                "pretraining_seconds": sum(runner.read(step)["seconds"] for step in run.pretrain),
                "settings": run.finetune.settings,
            }
        )
    return results


def spread(values: Sequence[Optional[float]]) -> str:
    """``15.32 (15.01-15.60, n = 3)``; ``-`` of nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = sum(known) / len(known)
    return f"{mean:.2f}" if len(known) == 1 else f"{mean:.2f} ({min(known):.2f}-{max(known):.2f}, n = {len(known)})"


def table(plan: Plan, results: Results) -> str:
    """A Markdown table, a row an experiment."""
    rows = [["data", "labels", "method", "test error %", "valid error %", "minutes", "paper"]]
    for experiment, own in by_experiment(plan, results):
        minutes = "-"
        if own:
            tuning, pretraining = (
                sum(result[key] for result in own) / len(own) / 60 for key in ("seconds", "pretraining_seconds")
            )
            minutes = f"{pretraining:.1f} + {tuning:.1f}" if pretraining else f"{tuning:.1f}"
        rows.append(
            [
                experiment.group,
                str(experiment.labels or "all"),
                experiment.title,
                spread([result["error"] for result in own]),
                spread([result["valid_error"] for result in own]),
                minutes,
                "-" if experiment.paper is None else f"{experiment.paper:.1f}",
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    note = "Mean (lowest-highest) over n seeds; minutes: pretraining (shared by experiments) + fine-tuning. "
    return "\n".join([*lines, "", note + plan.table.note]).rstrip() + "\n"


def by_experiment(plan: Plan, results: Results) -> List[tuple]:
    """(experiment, its results) in the table's order, those of the plan."""
    planned: Dict[str, Experiment] = {run.experiment.name: run.experiment for run in plan.runs}
    return [
        (experiment, [result for result in results if result["experiment"] == name])
        for name, experiment in planned.items()
    ]


def plot(plan: Plan, results: Results, path: Path) -> None:
    """A panel for each group: error against labels where they vary, else a row of points for each method."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tested = [result for result in results if result["error"] is not None]
    rows = [(experiment, own) for experiment, own in by_experiment(plan, tested) if own]
    groups = list(dict.fromkeys(experiment.group for experiment, _ in rows))
    # error against labels first
    groups.sort(key=lambda group: not any(e.labels for e, _ in rows if e.group == group))
    figure, axes = pyplot.subplots(1, len(groups), figsize=(6.4 * len(groups), 4.2), squeeze=False)
    for axis, group in zip(axes[0], groups):
        of_group = [(experiment, own) for experiment, own in rows if experiment.group == group]
        (_curves if any(experiment.labels for experiment, _ in of_group) else _points)(axis, of_group)
        axis.set_title(group)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    with replacing(path) as partial:
        figure.savefig(partial, dpi=150, format="png")
    pyplot.close(figure)


def _points(axis, rows: List[tuple]) -> None:
    for place, (experiment, own) in enumerate(rows):
        errors = [result["error"] for result in own]
        mean = sum(errors) / len(errors)
        axis.barh(place, mean, height=0.55, color="#c9d7e8", zorder=1, label="mean" if place == 0 else None)
        axis.scatter(
            errors, [place] * len(errors), s=22, color="#1f4e8c", zorder=3, label="seed" if place == 0 else None
        )
        axis.annotate(f"{mean:.1f}", (0, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
        if experiment.paper is not None:
            first = not any(e.paper is not None for e, _ in rows[:place])
            label = "Dai and Le 2015" if first else None
            axis.scatter(
                experiment.paper, place, marker="D", s=42, fc="none", ec="#c44e20", lw=1.6, zorder=2, label=label
            )
    axis.set_yticks(range(len(rows)), [experiment.title for experiment, _ in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.08 * max(value for e, own in rows for value in [e.paper or 0, *(r["error"] for r in own)]) or 1)
    axis.set_xlabel("test error %")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=9)


def _curves(axis, rows: List[tuple]) -> None:
    styles = zip(
        dict.fromkeys(experiment.title for experiment, _ in rows), "osD^v", ("#6b6b6b", "#3b8f5a", "#1f4e8c", "#c44e20")
    )
    for title, marker, colour in styles:
        own = sorted(
            (experiment.labels, [result["error"] for result in results])
            for experiment, results in rows
            if experiment.title == title
        )
        labels = [count for count, _ in own]
        means = [sum(errors) / len(errors) for _, errors in own]
        reach = [
            [mean - min(e) for mean, (_, e) in zip(means, own)],
            [max(e) - mean for mean, (_, e) in zip(means, own)],
        ]
        axis.errorbar(labels, means, reach, marker=marker, color=colour, label=title, ms=5, capsize=3)
        axis.fill_between(labels, [min(e) for _, e in own], [max(e) for _, e in own], color=colour, alpha=0.18, lw=0)
    counts = sorted({experiment.labels for experiment, _ in rows})
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.minorticks_off()
    axis.set_ylim(0, None)
    axis.set_xlabel("labelled reviews")
    axis.set_ylabel("test error %")
    axis.legend(frameon=False, fontsize=9)


def write(plan: Plan, runner: Runner) -> str:
    """All three files below the plan's folder; the table's text."""
    results = collect(plan, runner)
    whole = {"table": plan.table.name, "size": plan.size, "runs": results}
    write_whole(plan.out / "results.json", json.dumps(whole, indent=1) + "\n")
    text = table(plan, results)
    write_whole(plan.out / "table.md", f"# {plan.table.title}\n\n{text}")
    if any(result["error"] is not None for result in results):
        plot(plan, results, plan.out / "error.png")
    return text
