"""The results of a search: ``trials.tsv`` and ``report.html``."""

from __future__ import annotations

from pathlib import Path
from typing import List

from s2s_plugins.files import write_whole
from s2s_plugins.reports.trials import TrialPoint, TrialsReport, trials_page
from s2s_plugins.training.tune.trials import DONE, Outcome, Trials

TABLE, PAGE = "trials.tsv", "report.html"
FACTS = ("trial", "state", "error", "validations", "seconds")


def write_table(out: Path, trials: Trials) -> None:
    """Write the table, a line for each trial, by number."""
    rows = [columns_of(trials), *(row_of(one, trials) for one in trials.outcomes())]
    write_whole(out / TABLE, "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows))


def write_page(out: Path, trials: Trials, title: str, command: str) -> None:
    """Write the page.

    Args:
        out: its folder.
        trials: what was tried.
        title: of the page.
        command: what trains the best one.

    Raises:
        MissingExtra: matplotlib or jinja2 is not installed.
    """
    outcomes, best = trials.outcomes(), trials.best()
    error = "" if best is None else f" The best is trial {best.number} with {best.error:.2f} % wrong at validation;"
    recipe = outcomes[0].error if outcomes and outcomes[0].state == DONE else None
    versus = "" if recipe is None or best is None else f" the recipe, trial 0, has {recipe:.2f} %."
    report = TrialsReport(
        title=title,
        summary=f"{len(outcomes)} trials.{error}{versus}",
        command=command,
        columns=columns_of(trials),
        rows=[row_of(one, trials) for one in sorted(outcomes, key=_rank)],
        points=[
            TrialPoint(one.number, one.error, one.state == DONE, one.validations, dict(one.values)) for one in outcomes
        ],
        importances=trials.importances(),
    )
    write_whole(out / PAGE, trials_page(report))


def columns_of(trials: Trials) -> List[str]:
    """The names of the table's columns."""
    return [*FACTS, *(choice.flag for choice in trials.space.choices), "why"]


def row_of(one: Outcome, trials: Trials) -> List[str]:
    """A trial's cells."""
    error = "" if one.error is None else f"{one.error:.2f}"
    facts = [str(one.number), one.state, error, str(len(one.validations)), f"{one.seconds:.0f}"]
    values = [one.values.get(choice.flag, "") for choice in trials.space.choices]
    return [*facts, *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values), one.why]


def _rank(one: Outcome) -> "tuple[bool, float, int]":
    """Those that came to their end first, the best first."""
    return one.state != DONE, float("inf") if one.error is None else one.error, one.number
