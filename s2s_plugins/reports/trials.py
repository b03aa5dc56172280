"""The page of a search: what was tried, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from s2s_plugins.extras import library
from s2s_plugins.reports import templates
from s2s_plugins.reports.training.plots import COLOURS, SOFT, svg
from s2s_plugins.reports.webfonts import with_fonts

Value = Union[str, int, float]


@dataclass(frozen=True)
class TrialPoint:
    """A trial, as it is drawn.

    Args:
        number: of it.
        error: in percent; None: it has none.
        is_done: it came to its end.
        validations: errors, in order.
        values: by flag.
    """

    number: int
    error: Optional[float]
    is_done: bool
    validations: Sequence[float]
    values: Dict[str, Value]


@dataclass(frozen=True)
class TrialsReport:
    """What the page says.

    Args:
        title: of the page.
        summary: a sentence.
        command: what trains the best one; empty: not known yet.
        columns: names of the table.
        rows: of the table.
        points: the trials.
        importances: the share of the differences that each flag explains; empty: too few trials.
    """

    title: str
    summary: str
    command: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    points: Sequence[TrialPoint]
    importances: Dict[str, float]


def trials_page(report: TrialsReport) -> str:
    """The page, as HTML.

    Raises:
        MissingExtra: matplotlib or jinja2 is not installed.
    """
    environment = templates("s2s_plugins.reports")
    environment.filters["html"] = library("markupsafe").Markup  # for our own plots alone, which are escaped already
    plots = [_history(report.points), _curves(report.points)]
    if report.importances:
        plots.append(_importances(report.importances))
    flags = list(dict.fromkeys(flag for point in report.points for flag in point.values))
    plots += [plot for plot in (_slice(flag, report.points) for flag in flags) if plot]
    return with_fonts(environment.get_template("trials.html").render(report=report, plots=plots))


def _history(points: Sequence[TrialPoint]) -> str:
    """The error of each trial, and the least so far."""

    def draw(axis: Any) -> None:
        for is_done, look in ((True, {"color": COLOURS[0], "marker": "o"}), (False, {"color": SOFT, "marker": "x"})):
            shown = [
                (point.number, point.error) for point in points if point.is_done == is_done and point.error is not None
            ]
            if shown:
                label = "to the end" if is_done else "ended early"
                axis.plot(*zip(*shown), linestyle="", markersize=4, label=label, **look)
        best: List[Tuple[int, float]] = []
        for point in points:
            if point.is_done and point.error is not None:
                best.append((point.number, min([point.error, *(error for _, error in best)])))
        if best:
            axis.step(*zip(*best), where="post", color=COLOURS[1], linewidth=1.5, label="the best so far")
        axis.set(xlabel="trial", ylabel="validation error, %")
        _whole_numbers(axis)
        if axis.has_data():
            axis.legend()

    return svg("history", "validation error by trial", draw)


def _curves(points: Sequence[TrialPoint]) -> str:
    """The validations of each trial; those of the best one stand out."""
    done = [point for point in points if point.is_done and point.error is not None]
    best = min(done, key=lambda point: (point.error, point.number)).number if done else -1

    def draw(axis: Any) -> None:
        for point in sorted(points, key=lambda one: one.number == best):
            colour, width = (COLOURS[1], 2.0) if point.number == best else (COLOURS[0] if point.is_done else SOFT, 0.8)
            places = range(1, len(point.validations) + 1)
            axis.plot(places, point.validations, color=colour, linewidth=width, alpha=0.8)
        axis.set(xlabel="validation", ylabel="validation error, %", ylim=(0, None))
        _whole_numbers(axis)

    return svg("curves", "validation error while the trials trained", draw)


def _whole_numbers(axis: Any) -> None:
    axis.xaxis.set_major_locator(library("matplotlib.ticker").MaxNLocator(6, integer=True))


def _importances(importances: Dict[str, float]) -> str:
    def draw(axis: Any) -> None:
        names = list(importances)[::-1]
        axis.barh(names, [100 * importances[name] for name in names], color=COLOURS[0], height=0.6)
        axis.set(xlabel="share of the differences in error, %")
        axis.grid(False, axis="y")

    return svg("importances", "how much each flag matters", draw)


def _slice(flag: str, points: Sequence[TrialPoint]) -> Optional[str]:
    """The error against the values of a flag; None where all are equal."""
    shown = [(point.values[flag], point.error) for point in points if point.is_done and flag in point.values]
    values = sorted({value for value, _ in shown}, key=lambda value: (isinstance(value, str), value))
    if len(values) < 2:
        return None
    numbers = flag == "--lr" or any(isinstance(value, float) for value in values)

    def draw(axis: Any) -> None:
        places = [value if numbers else values.index(value) for value, _ in shown]
        axis.plot(places, [error for _, error in shown], "o", color=COLOURS[2], markersize=4)
        if not numbers:
            axis.set_xticks(range(len(values)), [str(value) for value in values])
        elif flag == "--lr":
            axis.set_xscale("log")
        axis.set(xlabel=flag, ylabel="validation error, %")

    return svg(f"slice{flag}", f"validation error against {flag}", draw)
