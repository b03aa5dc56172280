"""The results of a comparison, from its logs and predictions; results.json and the report show them."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median
from typing import Dict, List, Mapping, Tuple

from s2s_plugins.comparison.data import PREDICT, TRAIN, Data, Json, Run
from s2s_plugins.comparison.plan import Plan
from s2s_plugins.steps import DONE, Runner, Step, StepError, json_objects

Curve = List[Tuple[int, float]]  # updates, loss


def figures(data: Data, step: Step, log: Path) -> Mapping[str, object]:
    """The figures of a finished step, as its log has them.

    Raises:
        StepError: one of them is missing.
    """
    training, prediction = data.units
    if step.kind == TRAIN:
        found = _training(log.read_text(encoding="utf-8", errors="replace") if log.exists() else "", log)
        return {**found, training: found.pop("speed")}
    return {prediction: data.speed(step, log)} if step.kind == PREDICT else {}


def _training(text: str, log: Path) -> Dict[str, object]:
    parameters = re.findall(r"num\. shared model params: ([\d,]+)", text)
    training: Dict[int, float] = {}
    validation: Dict[int, float] = {}
    speeds: List[float] = []
    for line in text.splitlines():
        for entry in json_objects([line]):
            if "| train_inner |" in line:
                training[int(float(entry["num_updates"]))] = float(entry.get("nll_loss", entry["loss"]))
                speeds.append(float(entry["wps"]))
            elif "valid_loss" in entry:
                loss = float(entry.get("valid_nll_loss", entry["valid_loss"]))
                validation[int(float(entry["valid_num_updates"]))] = loss
    if not parameters or not validation:
        raise StepError(f"the training has logged no number of parameters or no validation loss: see {log}")
    return {
        "parameters": int(parameters[-1].replace(",", "")),
        "speed": median(speeds) if speeds else None,
        "training_curve": sorted(training.items()),
        "validation_curve": sorted(validation.items()),
    }


def collect(plan: Plan, runner: Runner) -> Json:
    """All results so far.

    Args:
        plan: of the comparison.
        runner: knows which steps are done.

    Returns:
        The content of results.json: ``systems``, with the figures of their trainings; ``baselines``, which have no
        training; and ``subsets``, with the scores of both on each predicted split. Systems without a predicted split
        are left out.
    """
    data, systems = plan.data, []
    for system in plan.systems:
        runs = [
            _training_of(run, runner, data) for run in predicted(plan, runner, data.subsets[0]) if run.system == system
        ]
        if runs:
            systems.append(
                {
                    "name": system.name,
                    "arch": system.arch,
                    "flags": runs[0].pop("flags"),
                    "left_out": list(system.left_out),
                    "runs": runs,
                }
            )
    subsets = [data.subset(subset, predicted(plan, runner, subset)) for subset in data.subsets]
    all_scores = [one for subset in subsets for runs in subset["scores"].values() for one in runs]
    return {
        "kind": data.kind,
        "units": dict(data.units),
        # those that one system at least has
        "metrics": [one for one in data.metrics if any(scores[one["name"]] is not None for scores in all_scores)],
        "systems": systems,
        "baselines": data.baselines,
        "subsets": subsets,
    }


def predicted(plan: Plan, runner: Runner, subset: str) -> List[Run]:
    """The runs that have predicted a split, system by system."""
    done = [run for run in plan.runs if runner.status(run.predictions[subset]) == DONE]
    return sorted(done, key=lambda run: plan.systems.index(run.system))


def _training_of(run: Run, runner: Runner, data: Data) -> Json:
    trained = runner.read(run.train)
    main = runner.read(next(iter(run.predictions.values())))
    training, prediction = data.units
    return {
        "seed": run.seed,
        "flags": run.train.settings["flags"],
        "parameters": trained["parameters"],
        training: trained[training],
        prediction: main[prediction],
        "train_seconds": trained["seconds"],
        "training_curve": trained["training_curve"],
        "validation_curve": trained["validation_curve"],
        "checkpoint": str(run.checkpoint),
    }
