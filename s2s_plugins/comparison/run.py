"""A comparison: several models are trained alike, predict, and are scored; one report shows them."""

from __future__ import annotations

import json
import os
import platform
from functools import partial
from typing import List, Optional, Sequence

from s2s_plugins.comparison import collect, plots, report
from s2s_plugins.comparison.data import PREDICT, Data, Json, Settings
from s2s_plugins.comparison.plan import Plan
from s2s_plugins.errors import WorkError
from s2s_plugins.extras import require
from s2s_plugins.files import write_whole
from s2s_plugins.steps import Runner, Step


def machine() -> str:
    """The machine on which the speeds were measured."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    threads = int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
    return f"{device} ({platform.machine()}), {threads} thread{'s'[: threads > 1]}, PyTorch {torch.__version__}"


class Report:
    """Writes the results so far, again after each prediction.

    Args:
        plan: of the comparison.
        runner: knows which steps are done.
    """

    def __init__(self, plan: Plan, runner: Runner) -> None:
        self.plan, self.runner = plan, runner

    def results(self) -> Json:
        """The content of results.json."""
        settings, data = self.plan.settings, self.plan.data
        results = collect.collect(self.plan, self.runner)
        results["title"] = settings.title or f"{data.path.resolve().name}: models compared"
        results["machine"] = machine()
        results["signatures"] = data.signatures()
        results["settings"] = {
            "data": str(data.path),
            "updates": settings.updates,
            "seeds": list(settings.seeds),
            "checkpoint": settings.checkpoint,
            **data.about(),
        }
        return results

    def write(self) -> Optional[Json]:
        """Write results.json, the pictures and report.html.

        Returns:
            The content of results.json; None while nothing is predicted yet.
        """
        results = self.results()
        if not results["systems"]:
            return None
        out, data = self.plan.settings.out, self.plan.data
        write_whole(out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        pictures = plots.save_all(data.figures(results), out)
        inside = data.inside(self.plan.settings, results)
        write_whole(out / "report.html", report.page(results, pictures, inside.maps, inside.diagrams))
        return results

    def look_inside(self) -> bool:
        """Write what the report draws of the models; returns whether it draws anything."""
        return self.plan.data.look_inside(self.plan.settings, self.plan.runs, self.runner, self.results())


def compare(archs: Sequence[str], settings: Settings, data: Data, redo: bool = False) -> Json:
    """Train, predict, score and report, except for what is done already.

    Args:
        archs: architectures; ``NAME=ARCH`` gives one a name of its own.
        settings: what all systems share.
        data: what they are trained on.
        redo: redo what was made with other settings, instead of raising an error.

    Returns:
        The content of results.json.

    Raises:
        UsageError: a value that makes no sense.
        WorkError: a step failed.
    """
    require("jinja2", "matplotlib", what="the report")  # found missing now rather than after the training
    plan = Plan(archs, settings, data)
    runner = Runner(settings.out, redo, partial(collect.figures, data))
    report_ = Report(plan, runner)
    for system in plan.systems:
        if system.left_out:
            print(f"{system.name} has no {', '.join(system.left_out)}: trained without")
    found: List[Optional[Json]] = []  # after each prediction

    def after(step: Step) -> None:
        if step.kind == PREDICT:
            found.append(report_.write())

    runner.run(plan.steps, after)
    is_drawn = report_.look_inside()
    results = found[-1] if found and not is_drawn else report_.write()
    if results is None:  # the runner has raised for each step that failed
        raise WorkError(f"{settings.out} has no prediction: run the command again")
    return results
