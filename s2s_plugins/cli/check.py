"""``s2s check``: the entries of a lexicon that a model finds improbable."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_plugins.cli.train_arguments import add_budget, add_pairs, save_on_sigterm, settings_of

OUTPUT = "out"
STOPPED = "stopped; the same command resumes"
FLAGS_BEHIND = True

DESCRIPTION = """\
Reads a lexicon and ranks its entries by how improbable they are, with what a model would say instead: candidates for
mistakes. Each part of the lexicon is judged by a model that is trained on the other parts, and so has not learnt its
mistakes. DIR/check.tsv has all entries, the most improbable first."""
EPILOG = """\
  s2s check words.tsv                              three models, each of the recipe's number of updates
  s2s check words.tsv --minutes 10 --out review    ten minutes a model
  s2s check more.tsv g2p                           by a model that was trained on something else"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", metavar="FILE", help="the lexicon: TSV, CSV or JSON lines")
    add("model", nargs="?", metavar="MODEL", help="a model file of pairs that has not seen FILE (default: train some)")
    add("--out", metavar="DIR", help="folder of the results, and of the models (default: FILE-check)")
    add("--folds", type=int, default=3, metavar="N", help="parts of the lexicon, a model for each (default: 3)")
    add("--top", type=int, default=20, metavar="N", help="number of entries to print (default: 20)")
    add("--batch-size", type=int, default=64, metavar="N", help="number of sources to judge at a time (default: 64)")
    add("--redo", action="store_true", help="do again what DIR has with other settings")
    add("--seed", type=int, default=1, metavar="N", help="of the parts and of the models (default: 1)")
    add_pairs(parser)
    add_budget(parser, "of training a model")


def run(args: argparse.Namespace) -> None:
    save_on_sigterm()
    from s2s_plugins.training.check.run import CheckSettings, check

    if args.out is None:
        args.out = f"{Path(args.data).name.split('.')[0]}-check"
    settings = CheckSettings(args.folds, args.batch_size, args.top)
    check(args.data, Path(args.out), args.model, settings, settings_of(args), args.redo)
