"""Runs a table of semi-supervised experiments; re-run the command to resume."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import List, Optional

from s2s_plugins.errors import one_line_errors
from s2s_plugins.steps import Runner

from . import report
from .figures import figures
from .plan import Plan
from .tables import TABLES


def numbers(text: str) -> List[int]:
    """``1,2,3`` -> the numbers."""
    seeds = [int(part) for part in text.split(",")]
    if min(seeds) < 0 or len(set(seeds)) != len(seeds):
        raise ValueError
    return seeds


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", usage="run.sh [options]", description=__doc__)
    parser.add_argument("table", choices=sorted(TABLES), help=argparse.SUPPRESS)
    parser.add_argument("--out", metavar="DIR", help="where everything goes (default: TABLE-results)")
    parser.add_argument("--seeds", default="1", metavar="1,2,3", help="of the trainings (default: 1)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--demo", dest="size", action="store_const", const="demo", help="a size that takes minutes")
    size.add_argument("--full", dest="size", action="store_const", const="full", help="the paper's sizes, for a GPU")
    parser.add_argument("--only", metavar="NAME,...", help="some of the experiments; --list names them")
    parser.add_argument("--list", action="store_true", help="show the plan, and what of it is done; run nothing")
    parser.add_argument("--valid-only", action="store_true", help="leave the test split alone: for tuning")
    parser.add_argument("--redo", action="store_true", help="redo what was made with other settings")
    parser.add_argument("--data", metavar="DIR", help="files of your own, named as prepare.py names its own")
    parser.add_argument("--cache", metavar="DIR", help="where downloads are kept (default: OUT/data/download)")
    args = parser.parse_args(argv)
    try:
        args.seeds = numbers(args.seeds)
    except ValueError:
        parser.error(f"--seeds {args.seeds} is not a list of different numbers from 0: write them as in 1,2,3")
    args.only = args.only.split(",") if args.only else None
    args.out = args.out or f"{args.table}-results"
    return args


def show_plan(plan: Plan, runner: Runner) -> None:
    for run in plan.runs:
        print(f"{run.experiment.name}, seed {run.seed}: {run.experiment.group}, {run.experiment.title}")
    print()
    width = max(len(step.name) for step in plan.steps)
    for step in plan.steps:
        print(f"{step.name:<{width}}  {runner.status(step)}")


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    out = Path(args.out)
    with one_line_errors("run.sh", out, "stopped; the same command goes on from here"):
        plan = Plan(
            TABLES[args.table],
            args.size or "default",
            args.seeds,
            out,
            data=Path(args.data) if args.data else None,
            cache=Path(args.cache) if args.cache else None,
            only=args.only,
        )
        runner = Runner(out, args.redo, figures)
        if args.list:
            show_plan(plan, runner)
            return 0
        steps = [step for step in plan.steps if not (args.valid_only and step.kind == "test")]
        runner.run(steps, after=lambda step: step.kind == "test" and report.write(plan, runner))
        print(
            f"\n{report.write(plan, runner)}\nresults: {out / 'table.md'}, {out / 'results.json'}, {out / 'error.png'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
