"""Film dialogue: prepares the data, trains word vectors and a model, and lets it answer prompts after each epoch.

Writes DIR/report.html, DIR/table.md and DIR/results.json. Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import engine
from common.recipe import DEFAULT, DEMO
from dialogue import report
from dialogue.figures import figures
from dialogue.plan import Plan
from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.steps import Runner, Step


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = engine.parser(__doc__, "dialogue-results")
    add = parser.add_argument
    add("--seed", type=int, default=1, metavar="N", help="random seed of everything (default: 1)")
    add("--cache", metavar="DIR", help="where the download is kept (default: OUT/data/download)")
    args = parser.parse_args(argv)
    args.out = args.out or "dialogue-results"
    return args


def work(args: argparse.Namespace) -> engine.Work:
    """The steps that the arguments ask for.

    Raises:
        UsageError: the seed is below 1, or what draws the report is not installed.
    """
    if args.seed < 1:
        raise UsageError(f"--seed {args.seed} is too small: use 1 or more")
    if not args.list:
        require("jinja2", "matplotlib", what="the report")  # better missed now than after the training
    plan = Plan(DEMO if args.demo else DEFAULT, args.seed, Path(args.out), Path(args.cache) if args.cache else None)

    def after(runner: Runner, step: Step) -> None:
        if step.kind in ("prompts", "perplexity", "decode"):
            report.write(plan, runner)

    def final(runner: Runner) -> str:
        text = report.write(plan, runner)
        return f"{text}\nreport: {plan.out / 'report.html'}, numbers: {plan.out / 'results.json'}"

    return engine.Work(plan.steps, final, after, figures)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    return engine.run(args, Path(args.out), lambda: work(args))


if __name__ == "__main__":
    sys.exit(main())
