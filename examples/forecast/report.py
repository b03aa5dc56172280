"""What came out: the table of all systems, its figures as JSON, and pictures of forecasts with their intervals."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from forecast import evaluation
from forecast.plan import NAIVE, Forecasting, Plan
from forecast.recipe import Set
from s2s_plugins.files import replacing, write_whole
from s2s_plugins.steps import DONE, Figures, Runner, Step

TABLES = {"mase": "MASE", "coverage": "coverage of the 80 % interval, %", "interval_score": "interval score"}


def figures(plan: Plan) -> Figures:
    """What is kept of a step: of forecasts, their scores."""
    known = {one.step.name: one for one in plan.forecastings}

    def of(step: Step, log: Path) -> Dict[str, object]:
        if step.name not in known:
            return {}
        forecasting = known[step.name]
        one = plan.sets[forecasting.name]
        table = evaluation.read(forecasting.table, one)
        found = evaluation.load(forecasting.file)
        return evaluation.scores(one, table, evaluation.cut(one, table).valid, found)

    return of


def print_score(runner: Runner, step: Step) -> None:
    """Print the scores of a system."""
    state = runner.read(step)
    print(f"    MASE {state['mase']:.3f}, interval of 80 %: {state['coverage']:.1f} % inside", flush=True)


def results(plan: Plan, runner: Runner) -> dict:
    """All that is measured so far: for each set and system the mean over its seeds, and ``each``."""
    cells: Dict[str, Dict[str, dict]] = {}
    for name in plan.sets:
        for system in plan.columns:
            ran = [one for one in plan.forecastings if (one.name, one.system) == (name, system)]
            ran = [one for one in ran if runner.status(one.step) == DONE]
            if ran:
                cells.setdefault(name, {})[system] = _cell(runner, ran)
    return {"columns": plan.columns, "sets": cells}


def _cell(runner: Runner, ran: Sequence[Forecasting]) -> dict:
    """The scores of a system on a set."""
    states = [runner.read(one.step) for one in ran]
    seconds = [sum(runner.read(step).get("seconds", 0.0) for step in (*one.trainings, one.step)) for one in ran]
    cell: dict = {measure: mean(state[measure] for state in states) for measure in TABLES}
    cell["each"] = [state["mase"] for state in states]
    cell["by_step"] = [mean(steps) for steps in zip(*(state["by_step"] for state in states))]
    cell["origins"] = states[0]["origins"]
    cell["minutes"] = mean(seconds) / 60
    return cell


def table(found: dict, measure: str) -> str:
    """``results`` as a table in Markdown, a row a set; behind ``±``: the standard deviation over seeds."""
    columns = found["columns"]
    lines = [f"| {TABLES[measure]} | " + " | ".join(columns.values()) + " |", "|---|" + "---|" * len(columns)]
    for name, row in found["sets"].items():
        cells = [_shown(row.get(system), measure) for system in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(cell: Optional[dict], measure: str) -> str:
    if cell is None:
        return "-"
    if measure != "mase":
        return f"{cell[measure]:.1f}" if measure == "coverage" else f"{cell[measure]:.2f}"
    spread = f" ± {stdev(cell['each']):.3f}" if len(cell["each"]) > 1 else ""
    return f"{cell['mase']:.3f}{spread}"


def write(plan: Plan, runner: Runner) -> str:
    """Write ``results.json`` and ``table.md``; the table of MASE."""
    found = results(plan, runner)
    tables = [table(found, measure) for measure in TABLES]
    write_whole(plan.out / "results.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_whole(plan.out / "table.md", "\n\n".join(tables) + "\n")
    return tables[0]


def write_pictures(plan: Plan, runner: Runner) -> List[Path]:
    """A picture of each set and system whose forecasts are there: of the first seed."""
    made = []
    for one in plan.forecastings:
        if one.seed in (0, plan.seeds[0]) and runner.status(one.step) == DONE:
            path = plan.out / "pictures" / f"{one.name}-{one.system}.png"
            draw(path, plan.sets[one.name], one.table, plan.columns[one.system], evaluation.load(one.file))
            made.append(path)
    for name, one_set in plan.sets.items():
        found = results(plan, runner)["sets"].get(name, {})
        if found:
            path = plan.out / "pictures" / f"{name}-by-step.png"
            draw_steps(path, one_set, {plan.columns[system]: cell["by_step"] for system, cell in found.items()})
            made.append(path)
    return made


def chosen(origins: Sequence[int], count: int = 3) -> List[int]:
    """Places of origins that are drawn: the first, the last, and those in equal distances between them."""
    last = len(origins) - 1
    return sorted({round(place * last / max(1, count - 1)) for place in range(count)})


def draw(path: Path, one: Set, table_path: Path, title: str, found: evaluation.Forecasts) -> None:
    """Draw a system's forecasts from some origins, with their interval, and what was observed.

    Args:
        path: of the PNG file.
        one: the set.
        table_path: its CSV file.
        title: of the system.
        found: its forecasts.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    rows, places = evaluation.read(table_path, one), chosen(list(found.origins))
    before = min(one.input_length, 3 * one.output_length)
    size = (4.6 * len(places), 0.6 + 2.4 * len(one.targets))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(one.targets), len(places), squeeze=False)
    for line, target in enumerate(one.targets):
        for axis, place in zip(axes[line], places):
            begin, end = int(found.origins[place]), int(found.origins[place]) + one.output_length
            seen, times = rows[target].iloc[begin - before : end], rows.index[begin:end]
            low, middle, high = (found.quantiles[place, :, line, level] for level in (0, evaluation.MEDIAN, -1))
            axis.fill_between(times, low, high, color="tab:orange", alpha=0.3, linewidth=0, label="80 %")
            axis.plot(seen.index, seen, color="black", linewidth=1, label="observed")
            axis.plot(times, middle, color="tab:orange", linewidth=1.5, label="median")
            axis.axvline(rows.index[begin], color="gray", linewidth=0.6, linestyle=":")
            locator = AutoDateLocator(minticks=3, maxticks=9)
            axis.xaxis.set_major_locator(locator)
            axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
            axis.tick_params(labelsize=7)
        axes[line, 0].set_ylabel(f"{target}\n{one.unit}" if one.unit else target, fontsize=8)
    axes[0, 0].legend(fontsize=7, loc="upper left", frameon=False)
    figure.suptitle(f"{one.title}: {title}", fontsize=10)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120, format="png")


def draw_steps(path: Path, one: Set, curves: Mapping[str, Sequence[float]]) -> None:
    """Draw the error against the step of the horizon, a curve a system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axis = figure.subplots()
    for title, errors in curves.items():
        axis.plot(range(1, len(errors) + 1), errors, label=title, linewidth=1.2)
    axis.set_xlabel(f"rows ahead ({one.step})", fontsize=8)
    axis.set_ylabel("mean absolute error / that of seasonal naive in training", fontsize=8)
    axis.set_title(one.title, fontsize=10)
    axis.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120, format="png")


def beaten(found: dict, system: str, others: Sequence[str] = (NAIVE, "linear")) -> Tuple[int, int]:
    """On how many sets, of how many, a system's mean MASE is under that of all ``others``."""
    whole = [row for row in found["sets"].values() if system in row and all(other in row for other in others)]
    better = [row for row in whole if all(row[system]["mase"] < row[other]["mase"] for other in others)]
    return len(better), len(whole)
