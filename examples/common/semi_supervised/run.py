"""The command line of a table of semi-supervised experiments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Optional

from common import engine
from common.recipe import DEFAULT, DEMO, FULL
from common.semi_supervised import report
from common.semi_supervised.figures import figures
from common.semi_supervised.plan import Plan
from common.semi_supervised.recipe import Table
from s2s_plugins.steps import Runner, Step


def numbers(text: str) -> List[int]:
    """``1,2,3`` -> the numbers."""
    seeds = [int(part) for part in text.split(",")]
    if min(seeds) < 0 or len(set(seeds)) != len(seeds):
        raise ValueError
    return seeds


def parse(table: Table, argv: Optional[List[str]] = None) -> argparse.Namespace:
    names = ", ".join(experiment.name for experiment in table.experiments)
    parser = engine.parser(
        f"{table.title}: prepares the data, pretrains, fine-tunes and tests a table of experiments.\n\n"
        "Writes DIR/table.md, DIR/results.json and DIR/error.png. Re-run the command to resume.",
        f"{table.name}-results",
    )
    parser.add_argument("--full", action="store_true", help="the paper's sizes, for a GPU")
    parser.add_argument("--seeds", default="1", metavar="1,2,3", help="random seeds of the trainings (default: 1)")
    parser.add_argument("--only", metavar="NAME,...", help=f"some of the experiments: {names}")
    parser.add_argument("--valid-only", action="store_true", help="do not read the test split: for tuning")
    parser.add_argument("--data", metavar="DIR", help="folder of your own files, named like those of prepare.py")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/data/download)")
    args = parser.parse_args(argv)
    if args.demo and args.full:
        parser.error("--demo and --full are two sizes: give one")
    try:
        args.seeds = numbers(args.seeds)
    except ValueError:
        parser.error(f"--seeds {args.seeds} is not a list of different numbers from 0: write them as in 1,2,3")
    args.only = args.only.split(",") if args.only else None
    args.out = args.out or f"{table.name}-results"
    return args


def work(table: Table, args: argparse.Namespace) -> engine.Work:
    """The steps of the table that the arguments ask for."""
    size = DEMO if args.demo else FULL if args.full else DEFAULT
    data, cache = (Path(path) if path else None for path in (args.data, args.cache))
    plan = Plan(table, size, args.seeds, Path(args.out), data, cache, args.only)

    def after(runner: Runner, step: Step) -> None:
        if step.kind == "test":
            report.write(plan, runner)

    def final(runner: Runner) -> str:
        written = ", ".join(str(plan.out / name) for name in ("table.md", "results.json", "error.png"))
        best = plan.runs[0].finetune.required_folder / "checkpoint_best.pt"
        take = f"to use a classifier elsewhere: s2s save {best} --out {table.name}.safetensors"
        return f"{report.write(plan, runner)}\nresults: {written}\n{take}"

    steps = [step for step in plan.steps if not (args.valid_only and step.kind == "test")]
    return engine.Work(steps, final, after, figures)


def main(table: Table, argv: Optional[List[str]] = None) -> int:
    """The ``main`` of a ``run.py``."""
    args = parse(table, argv)
    return engine.run(args, Path(args.out), lambda: work(table, args))
