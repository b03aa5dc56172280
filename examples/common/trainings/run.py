"""The command line of such an example: prepares the data, trains, tests, and writes the report."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from common import engine
from common.held_out import DEV, TEST, TRAIN, check_least, part_file
from common.recipe import words
from common.trainings.report import CELL, Cell, write
from common.trainings.task import Task
from s2s_plugins import load
from s2s_plugins.errors import UsageError
from s2s_plugins.files import write_whole
from s2s_plugins.reports.training.files import SCORES
from s2s_plugins.steps import Runner, Step
from s2s_plugins.training.run import train_in
from s2s_plugins.training.settings import TrainSettings

DEMO_MINUTES, DEMO_TRAIN = 1.5, 3000  # of --demo
MODEL = "model.safetensors"


def parse(task: Task, argv: Optional[Sequence[str]] = None, description: str = "") -> argparse.Namespace:
    """The arguments of an example's ``run.py``."""
    parser = engine.parser(f"{task.title}. {description}Re-run the command to resume.", f"{task.name}-results")
    add = parser.add_argument
    add("--sets", metavar="A,B,...", help=f"some of {', '.join(task.sets)} (default: all)")
    help = f"some of {', '.join(task.systems)} (default: {','.join(task.default)})"
    add("--systems", metavar="A,B,...", help=help)
    add("--train", type=int, default=task.train, metavar="N", help=f"pairs to train on at most (default: {task.train})")
    length = parser.add_mutually_exclusive_group()
    help = f"of each training, from its start to its scores (default: {task.minutes:g})"
    length.add_argument("--minutes", type=float, metavar="N", help=help)
    length.add_argument("--updates", type=int, metavar="N", help="of each training, in place of a time")
    add("--seed", type=int, default=1, metavar="N", help="first random seed of the trainings (default: 1)")
    add("--seeds", type=int, default=1, metavar="N", help="models of each system, averaged in the table (default: 1)")
    return parser.parse_args(argv)


def chosen(known: Mapping[str, Any], wanted: Optional[str], default: Sequence[str], flag: str) -> List[str]:
    """The names in ``wanted``, those of ``default`` if it is None.

    Raises:
        UsageError: one is unknown, or is named twice.
    """
    names = list(default) if wanted is None else [name for name in wanted.split(",") if name]
    for name in names:
        if name not in known:
            raise UsageError(f"{flag}: there is no {name}: use {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise UsageError(f"{flag} {wanted!r}: name each one once, with commas between")
    return names


def command_of(data: Path, out: Path, settings: TrainSettings) -> List[str]:
    """``s2s train`` with these settings, as a user types it."""
    command = ["s2s", "train", str(data), "--out", str(out)]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name != "flags" and value != field.default:
            flag = f"--{field.name.replace('_', '-')}"
            command += [flag] if value is True else [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]
    return [*command, *(["--", *settings.flags] if settings.flags else [])]


class Plan(NamedTuple):
    """Steps in order, and the cells of the table that they fill."""

    steps: List[Step]
    cells: List[Cell]


class Planner:
    """Lays out the steps of an example.

    Args:
        task: the example.
        args: of :func:`parse`.
        out: where everything goes.
    """

    def __init__(self, task: Task, args: argparse.Namespace, out: Path) -> None:
        for name, least in (("seed", 0), ("seeds", 1), ("train", 1)):
            check_least(f"--{name}", getattr(args, name), least)
        self.task, self.args, self.out = task, args, out
        default = list(task.sets)[:1] if args.demo else list(task.sets)
        self.sets = chosen(task.sets, args.sets, default, "--sets")
        self.systems = chosen(task.systems, args.systems, task.default[:1] if args.demo else task.default, "--systems")
        self.data = out / "data"
        train = min(args.train, DEMO_TRAIN) if args.demo else args.train
        self.prepare = engine.prepare_step(task.name, self.data, {"--train": train})

    def plan(self) -> Plan:
        """All steps: the data, and for each set the systems, each trained with every seed and tested."""
        found = Plan([self.prepare], [])
        for name in self.sets:
            for system in self.systems:
                for seed in range(self.args.seed, self.args.seed + self.args.seeds):
                    self._training(found, name, system, seed)
        return found

    def settings(self, name: str, system: str, seed: int) -> TrainSettings:
        """How a system is trained on a set: chosen on the development part, scored on the test part."""
        files = {part: str(part_file(self.data / name, part)) for part in (DEV, TEST)}
        minutes = self.args.minutes
        if minutes is None and self.args.updates is None:
            minutes = DEMO_MINUTES if self.args.demo else self.task.minutes
        return TrainSettings(
            task="pairs",
            valid=files[DEV],
            test=files[TEST],
            seed=seed,
            updates=self.args.updates,
            minutes=minutes,
            licence=self.task.licence[name],
            flags=tuple(words(self.task.systems[system].changes)),
            **self.task.systems[system].settings,
        )

    def _training(self, plan: Plan, name: str, system: str, seed: int) -> None:
        label = f"{name}-{system}-seed{seed}"
        data, folder = part_file(self.data / name, TRAIN), self.out / name / f"{system}-seed{seed}"
        settings = self.settings(name, system, seed)
        train = Step(
            f"train-{label}",
            "train",
            folder,
            {
                "data": self.prepare.settings,
                "set": name,
                "settings": {**settings.plain(), **self.task.systems[system].settings},
            },
            command_of(data, folder, settings),
            action=lambda: train_in(str(data), folder, settings, self.args.redo),
        )
        plan.steps.append(train)
        plan.cells.append(Cell(name, system, CELL, train, folder / SCORES))
        for further in self.task.further:
            plan.steps.append(self._further(label, train, self.data / name / f"{further}.tsv", further))
            plan.cells.append(Cell(name, system, further, plan.steps[-1], folder / f"{further}.json"))

    def _further(self, label: str, train: Step, data: Path, further: str) -> Step:
        """The test of a trained model on one more file."""
        folder = train.required_folder

        def test() -> None:
            figures = load(folder / MODEL).evaluate(str(data)).figures()
            write_whole(folder / f"{further}.json", json.dumps({"scores": {"test": figures}}, indent=1) + "\n")

        settings = {"train": train.settings, "test": further}
        return Step(f"test-{label}-{further}", "test", folder, settings, action=test, keeps=True)


def main(task: Task, argv: Optional[Sequence[str]] = None, description: str = "") -> int:
    """The whole ``run.py`` of an example.

    Returns:
        The exit code 0.

    Raises:
        SystemExit: something went wrong, see :func:`s2s_plugins.errors.one_line_errors`.
    """
    args = parse(task, argv, description)
    out = Path(args.out or f"{task.name}-results")

    def work() -> engine.Work:
        planner = Planner(task, args, out)
        plan = planner.plan()

        def report(runner: Runner) -> str:
            table = write(task, planner.sets, planner.systems, plan.cells, runner, out)
            return f"{table}\n\nreport: {out / 'report.html'}, numbers: {out / 'results.json'}"

        return engine.Work(plan.steps, report, lambda runner, step: report(runner) if step.kind != "prepare" else None)

    return engine.run(args, out, work)
