"""Prepares film dialogue, trains word vectors and a model on it, and lets it answer; started again, goes on."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import List, Optional

from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.reports import library
from s2s_plugins.steps import Runner

from . import report
from .figures import figures
from .plan import Plan


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    add = parser.add_argument
    add("--out", default="dialogue-results", metavar="DIR", help="where everything goes (default: dialogue-results)")
    add("--seed", type=int, default=1, metavar="N", help="of splits, vectors, training and sampling (default: 1)")
    add("--demo", action="store_true", help="a size that takes a minute or two, to see that it works")
    add("--list", action="store_true", help="show the steps, and what of them is done; run nothing")
    add("--redo", action="store_true", help="redo what was made with other settings")
    add("--cache", metavar="DIR", help="where the download is kept (default: OUT/data/download)")
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    out = Path(args.out)
    with one_line_errors("run.sh", out, "stopped; the same command goes on from here"):
        if args.seed < 1:
            raise UsageError(f"--seed {args.seed} is too small: use 1 or more")
        plan = Plan("demo" if args.demo else "default", args.seed, out, Path(args.cache) if args.cache else None)
        runner = Runner(out, args.redo, figures)
        if args.list:
            width = max(len(step.name) for step in plan.steps)
            for step in plan.steps:
                print(f"{step.name:<{width}}  {runner.status(step)}")
            return 0
        for name in ("jinja2", "matplotlib"):  # better missed now than after the training
            library(name)
        reported = ("prompts", "perplexity", "decode")
        runner.run(plan.steps, after=lambda step: step.kind in reported and report.write(plan, runner))
        print(f"\n{report.write(plan, runner)}\nreport: {out / 'report.html'}, numbers: {out / 'results.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
