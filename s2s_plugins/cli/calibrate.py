"""``s2s calibrate``: probabilities that say how often predictions are right."""

from __future__ import annotations

import argparse

from s2s_plugins.cli.main import add_backend
from s2s_plugins.errors import UsageError

DESCRIPTION = """\
Fits the probabilities of a translator or a classifier to data with known outputs, and writes them into its model file.
Predictions and their order stay as they are. Of the predictions with probability 0.8, then, about 80 of 100 are right
on data like these, which should be new to the model. s2s train does this by itself."""
EPILOG = """\
  s2s calibrate g2p.safetensors held-out.tsv                         WORD<TAB>PH PH
  s2s calibrate moods.safetensors films.csv --source text --target label --out moods2.safetensors"""
OUTPUT = "out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    help = "a model file, or a folder with model.safetensors in it; with --out also the name of an installed package"
    add("model", metavar="MODEL", help=help)
    add("data", nargs="+", metavar="FILE", help="TSV, CSV or JSON lines; or two text files, line by line")
    add("--out", metavar="MODEL.safetensors", help="the file to write (default: MODEL is replaced)")
    add("--source", metavar="COLUMN", help="column of the source, or of the text (default: the first of two)")
    add("--target", metavar="COLUMN", help="column of the target, or of the label (default: the second of two)")
    add("--features", metavar="COLUMN", help="column of a source's features (default: a third one)")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.files import check_replaceable
    from s2s_plugins.inference.files.contents import model_file_of
    from s2s_plugins.inference.files.model_file import check_suffix
    from s2s_plugins.inference.files.packages import installed_model
    from s2s_plugins.inference.load import load

    path = model_file_of(args.model)
    if args.out is None and installed_model(args.model) is not None:
        raise UsageError(f"{args.model} is an installed package, which stays as it is: give --out MODEL.safetensors")
    out = path if args.out is None else args.out
    check_replaceable(out, "" if args.out is None else "--out")
    check_suffix(out)
    if len(args.data) > 2:
        raise UsageError(f"{len(args.data)} files are too many: name one of pairs, or two whose lines are pairs")
    data = args.data[0] if len(args.data) == 1 else tuple(args.data)
    model = load(path, args.backend)
    found = model.calibrate(data, (args.source, args.target, args.features))
    model.save(out)
    print(f"{out}: {found}")
