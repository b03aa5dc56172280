"""``s2s average``: average the weights of checkpoints of one training run."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = "Average the weights of checkpoints of one run."
OUTPUT = "output"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="two or more, for example checkpoint*.pt")
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.models.average import write_average

    write_average(args.checkpoints, Path(args.output))
    print(f"averaged {len(args.checkpoints)} checkpoints into {args.output}")
