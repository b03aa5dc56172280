"""Prepared series in a comparison: windows predicted in this process, scored by the step of the horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

import numpy as np

from s2s_plugins.comparison.data import PREDICT, Data, Json, Run, at_least
from s2s_plugins.comparison.forecasts import (
    Observed,
    Predictions,
    by_step,
    by_target,
    predict,
    read_predictions,
    scores,
    write_predictions,
)
from s2s_plugins.comparison.inside import spread
from s2s_plugins.comparison.report import digits_of
from s2s_plugins.comparison.systems import System, groups
from s2s_plugins.errors import UsageError
from s2s_plugins.series.store import ARRAYS, INDEX, SeriesFolder
from s2s_plugins.series.table import show
from s2s_plugins.series.times import are_integers, steps_from
from s2s_plugins.steps import Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TASK = "sequence_regression"
NAIVE = {"name": "last-value", "about": "the last observed value"}
DEFAULT_LOSS = "mse"
MOST_SAMPLES = 24  # in one picture
HISTORY = 3  # horizons of the past in a sample


@dataclass(frozen=True)
class SeriesChoice:
    """How predictions of series are shown.

    Args:
        samples: number of windows of each split that are drawn.

    Raises:
        UsageError: the number is below 0, or too large for a picture.
    """

    samples: int = 6

    def __post_init__(self) -> None:
        at_least(0, samples=self.samples)
        if self.samples > MOST_SAMPLES:
            raise UsageError(f"--samples {self.samples} is too large for a picture: use {MOST_SAMPLES} or fewer")


class SeriesData(Data):
    """What ``s2s prepare --series`` wrote.

    Args:
        path: the folder.
        subsets: the splits to predict, the main one first.
        choice: how predictions are shown.

    Raises:
        UsageError: the folder is damaged, lacks a split, or one has nothing to score.
    """

    kind = "series"
    shared = "series"
    batch, instead = ("--batch-size", "64"), ("--max-tokens",)
    units = {"steps_per_second": "training, target steps/s", "windows_per_second": "prediction, windows/s"}

    def __init__(self, path: Path, subsets: Sequence[str], choice: SeriesChoice) -> None:
        super().__init__(path, subsets)
        self.choice, self.folder = choice, SeriesFolder(path)
        self.description = self.folder.description
        for split in ("train", "valid", *self.subsets):
            if split not in self.folder.splits or not len(self.folder.windows(split)):
                there = ", ".join(one for one in self.folder.splits if len(self.folder.windows(one)))
                raise UsageError(
                    f"{path} has no window in the {split} split, only in {there}: prepare it with more rows"
                )
        self.observed = {split: Observed(self.folder, split) for split in self.subsets}
        for split, observed in self.observed.items():
            if np.isnan(observed.target).all():
                raise UsageError(f"{path}: every target of the {split} split is missing: choose another --subset")

    def check(self, systems: Sequence[System]) -> None:
        from fairseq.models import ARCH_MODEL_REGISTRY

        for system in systems:
            model = ARCH_MODEL_REGISTRY[system.arch]
            if not getattr(model, "takes_vectors", False):
                raise UsageError(
                    f"--archs {system.arch} reads tokens alone, and {self.path} has series of numbers: use basic_lstm, "
                    "feedback_lstm, peek_lstm or attention_lstm"
                )
            if system.name == NAIVE["name"] and self.baselines:
                raise UsageError(f"--archs {system.name} is the name of a row of the report: choose another")

    def files(self, part: str) -> List[Path]:
        names = [INDEX, *(f"{name}.npy" for name in ARRAYS)] if part == self.shared else [f"{part}.npy"]
        return [self.path / name for name in names]

    def task_flags(self) -> List[str]:
        return ["--task", TASK]

    def prediction(self, out: Path, name: str, subset: str, train: Step, checkpoint: Path) -> Step:
        path = out / "predicted" / f"{subset}-{name}.npz"
        settings = {"train": train.settings, "subset": subset, "data": self.checksums(subset)}
        action = partial(self._predict, subset, checkpoint, path)
        return Step(f"predict-{subset}-{name}", PREDICT, None, settings, action=action, output=path)

    def _predict(self, subset: str, checkpoint: Path, path: Path) -> None:
        from s2s_plugins.models.forecaster import load_forecaster

        forecaster = load_forecaster(str(checkpoint))
        write_predictions(predict(forecaster, self.observed[subset]), path)

    def _read(self, subset: str, path: Path) -> Predictions:
        return read_predictions(path, self.observed[subset].target.shape)

    def speed(self, step: Step, log: Path) -> float:
        return float(self._read(step.settings["subset"], step.required_output).speed)

    @property
    def metrics(self) -> List[Json]:
        """Errors in the unit of a single target, and those that need none."""
        whole = {"mae_std": "MAE, standardised", "rmse_std": "RMSE, standardised"}
        found: List[Json] = [
            {"name": name, "title": title, "rises": False, "digits": 4} for name, title in whole.items()
        ]
        if len(self.description.targets) == 1:
            (target,) = self.description.targets
            digits = digits_of(self.description.stds[target])
            single = [
                {"name": name, "title": name.upper(), "rises": False, "digits": digits} for name in ("mae", "rmse")
            ]
            found = [*single, *found]
        mase = {"name": "mase", "title": "MASE", "rises": False, "digits": 3}
        return [*found, mase, {"name": "coverage", "title": "coverage %", "rises": None, "digits": 1}]

    @property
    def baselines(self) -> List[Json]:
        return [] if self.description.kind == "arrays" else [dict(NAIVE)]

    def subset(self, name: str, runs: Sequence[Run]) -> Json:
        """The scores of a split over all observed values, by step of the horizon and by target; samples."""
        observed = self.observed[name]
        found: Json = {
            "name": name,
            "windows": len(observed.windows),
            "values": int((~np.isnan(observed.target)).sum()),
            "notes": self._notes(observed),
            "samples": self._samples(name) if runs else [],
            "scores": {},
            "by_step": {},
            "by_target": {},
        }

        def add(system: str, predictions: Predictions, about: Json) -> None:
            found["scores"].setdefault(system, []).append({**about, **scores(predictions, observed)})
            found["by_step"].setdefault(system, []).append(by_step(predictions, observed))
            found["by_target"].setdefault(system, []).append(by_target(predictions, observed))

        for run in runs:
            predictions = self._read(name, run.predictions[name].required_output)
            add(run.system.name, predictions, {"seed": run.seed})
            for sample in found["samples"]:
                target = self.description.targets.index(sample["target"])
                sample["outputs"].setdefault(run.system.name, _output(predictions, sample, target))
        for baseline in self.baselines if runs else ():
            add(baseline["name"], observed.naive, {})
        return found

    def _notes(self, observed: Observed) -> List[str]:
        """A line about what the MASE leaves out."""
        if self.description.kind == "arrays":
            return []
        lacking = int(np.isnan(observed.scale).any(axis=(1, 2)).sum())
        if not lacking:
            return []
        return [
            f"MASE leaves out targets that are constant up to the first held-out window: in {lacking} of "
            f"{len(observed.windows)} windows"
        ]

    def _samples(self, name: str) -> List[Json]:
        """Windows that are spread over the split, each with one of the targets in turn."""
        observed, targets = self.observed[name], self.description.targets
        found = []
        for place, number in enumerate(spread(range(len(observed.windows)), self.choice.samples)):
            target = place % len(targets)
            length = len(observed.windows[number].target)
            found.append(
                {
                    "number": number,
                    "series": self._series_of(observed, number),
                    "time": self._time(observed, number),
                    "target": targets[target],
                    "history": self._history(observed, number, target, HISTORY * length),
                    "observed": as_json(observed.target[number, :length, target]),
                    "outputs": {},
                }
            )
        return found

    def _series_of(self, observed: Observed, number: int) -> str:
        return self.folder.series[observed.rows[number, 0]].name if self.folder.series else ""

    def _time(self, observed: Observed, number: int) -> str:
        """The time of the first step that a window predicts; without times, its row."""
        series, _, _, begin, _ = observed.rows[number].tolist()
        if self.description.kind == "arrays":
            return ""
        rows, step = self.folder.series[series], self.description.step
        first: Any = int(rows.first) if are_integers(step) else np.datetime64(rows.first, "ns")
        try:
            return show(steps_from(first, begin - rows.begin + 1, step)[-1])
        except UsageError:  # without pandas there is no calendar
            return f"row {begin - rows.begin}"

    def _history(self, observed: Observed, number: int, target: int, most: int) -> List[Optional[float]]:
        """The values up to the origin, of series."""
        if self.description.kind == "arrays":
            return []
        _, begin, end, _, _ = observed.rows[number].tolist()
        name = self.description.targets[target]
        values = self.folder.target[max(begin, end - most) : end, target].astype(np.float64)
        return as_json(values * self.description.stds[name] + self.description.means[name])

    def about(self) -> Json:
        found = self.description
        return {
            "targets": list(found.targets),
            "input_length": found.input_length,
            "output_length": found.output_length,
        }

    def figures(self, results: Json) -> "Dict[str, Figure]":
        from s2s_plugins.comparison import plots, series_plots

        figures = {"learning-curves": plots.learning_curves(results, loss_label(results["systems"]), alike=False)}
        for subset in results["subsets"]:
            if not subset["scores"]:
                continue
            figures[f"by-step-{subset['name']}"] = series_plots.by_step(results, subset)
            if subset["samples"]:
                figures[f"samples-{subset['name']}"] = series_plots.samples(results, subset)
        return figures


def _output(predictions: Predictions, sample: Json, target: int) -> Json:
    """What is predicted of a sample: ``point``; of the outermost quantiles, if any, ``low`` and ``high``."""
    number, steps = sample["number"], slice(len(sample["observed"]))
    found = {"point": as_json(predictions.point[number, steps, target])}
    if len(predictions.levels) > 1:
        for name, place in (("low", 0), ("high", -1)):
            found[name] = as_json(predictions.quantiles[number, steps, target, place])
    return found


def loss_label(systems: Sequence[Json]) -> str:
    """What the losses of these systems are."""
    kinds = set()
    for system in systems:
        given = [" ".join(group).replace("=", " ").split() for group in groups(system["flags"])]
        kinds.add(next((words[1] for words in reversed(given) if words[0] == "--loss"), DEFAULT_LOSS))
    return f"{kinds.pop()} loss" if len(kinds) == 1 else "loss, of each system's own --loss"


def as_json(values: Any) -> List[Optional[float]]:
    """Numbers as JSON holds them, None for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]
