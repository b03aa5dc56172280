"""``s2s tune``: the settings of a training that err least."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from s2s_plugins.cli.train_arguments import add_budget, add_pairs, data_of, save_on_sigterm, settings_of

OUTPUT = "out"
STOPPED = "stopped; the same command resumes in {output}"
FLAGS_BEHIND = True

DESCRIPTION = """\
Trains on your file again and again, with other sizes, dropout, learning rate and attention, and finds what errs least
on the validation part. The recipe of s2s train is the first trial; trials that fall behind are ended early. Run the
same command again to resume after Ctrl-C, or with more --trials to continue the search. At the end, DIR/best.sh has
the command that trains the best one."""
EPILOG = """\
  s2s tune words.tsv --trials 30 --out tuned
  s2s tune words.tsv --trials 50 --minutes 5 --jobs 8 --out tuned     five minutes a trial, eight at a time
  s2s tune words.tsv --out tuned -- --encoder-layers 2                all trials have two layers"""
KEPT = ["valid", "test", "source", "target", "source_level", "target_level", "vocab_size", "longest", "minutes"]
KEPT += ["updates", "arch", "features", "features_separator"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", nargs="+", metavar="FILE", help="TSV, CSV or JSON lines; or two text files, line by line")
    add("--out", required=True, metavar="DIR", help="folder of the trials and of their results")
    add("--trials", type=int, default=30, metavar="N", help="number of trainings, earlier runs' included (default: 30)")
    add("--jobs", type=int, metavar="N", help="trainings at a time (default: one a core, four at most)")
    add("--redo", action="store_true", help="search again where DIR has another search")
    add("--seed", type=int, default=1, metavar="N", help="of the split, the models and the search (default: 1)")
    add("--valid", metavar="FILE|N", help="to compare trials on: a file, or a number of sources to hold out")
    add("--test", metavar="FILE|N", help="left aside, as s2s train does it: a file, or a number of sources")
    add_pairs(parser)
    add_budget(parser, "of a trial, as s2s train counts them")


def run(args: argparse.Namespace) -> None:
    save_on_sigterm()
    from s2s_plugins.training.run import name_of
    from s2s_plugins.training.tune.run import TuneSettings, tune

    data = data_of(args.data)
    values = {f"--{name.replace('_', '-')}": getattr(args, name) for name in KEPT}
    given = [word for flag, value in values.items() if value is not None for word in (flag, f"{value}")]
    if args.copy is not None:
        given.append("--copy" if args.copy else "--no-copy")
    if args.seed != 1:
        given += ["--seed", str(args.seed)]
    if args.precision != "auto":
        given += ["--precision", args.precision]
    command = shlex.join(["s2s", "train", *args.data, "--out", f"{args.out.rstrip('/')}-best", *given])
    tune(
        data, name_of(data), Path(args.out), TuneSettings(args.trials, args.jobs), settings_of(args), command, args.redo
    )
