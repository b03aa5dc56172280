"""``s2s save``: checkpoints of fairseq-train to one model file, which is used without fairseq."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Tuple, Union

from s2s_plugins.cli.save_arguments import add_spelling, spelled_of
from s2s_plugins.errors import UsageError

DESCRIPTION = """\
Writes one file that holds the whole model: weights, dictionaries, how text becomes tokens, what it was trained on. It
is all that is needed: by s2s predict, classify, attention and forecast, by s2s_plugins.load in Python, and by what
s2s export makes of it."""
EPILOG = """\
  s2s save checkpoint_best.pt --source char --out g2p.safetensors --licence BSD-2-Clause --data CMUdict
  s2s save 1.pt 2.pt 3.pt --source char --out committee.safetensors          an ensemble in one file
  s2s save best.pt --out small.safetensors --int8 --lines words.txt     a quarter of the size, and what it costs"""
OUTPUT = "out"


def figure(text: str) -> Tuple[str, Union[str, float]]:
    """``NAME=VALUE``, the value as a number if it is one."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no figure: write NAME=VALUE, as WER=22.3")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoints", nargs="+", metavar="CHECKPOINT", help="of a training; several translators form an ensemble")
    add("--out", required=True, metavar="MODEL.safetensors", help="the file to write")
    add_spelling(parser)
    add("--licence", default="", metavar="NAME", help="under which the model may be used, as CC-BY-4.0")
    add("--data", default="", metavar="TEXT", help="what it was trained on")
    help = "a score on what was held out, as WER=22.3; repeat it for others"
    add("--figure", type=figure, action="append", default=[], metavar="NAME=VALUE", help=help)
    size = parser.add_mutually_exclusive_group().add_argument
    size("--half", action="store_const", const="float16", dest="precision", help="weights in 16 bits: half the size")
    help = "matrices in 8 bits, each row with a scale: a quarter of the size"
    size("--int8", action="store_const", const="int8", dest="precision", help=help)
    add("--lines", type=Path, metavar="F", help="with --half or --int8: what rounding changes on these lines")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.files import check_replaceable
    from s2s_plugins.inference.files.info import size_of
    from s2s_plugins.inference.files.model_file import check_suffix
    from s2s_plugins.inference.rounding import difference, read_lines
    from s2s_plugins.models.saving import model_of

    check_replaceable(args.out, "--out")
    check_suffix(args.out)
    if args.lines is not None and args.precision is None:
        raise UsageError(f"--lines {args.lines} shows what rounding changes: give --half or --int8 too")
    lines = None if args.lines is None else read_lines(args.lines)
    source, target = (spelled_of(args, side) for side in ("source", "target"))
    model = model_of(args.checkpoints, source, target, args.licence, args.data, dict(args.figure))
    if args.precision is not None:
        rounded = model.rounded(args.precision)
        if lines is not None:
            print(difference(model, rounded, lines))
        model = rounded
    model.write(args.out)
    size = size_of(Path(args.out).stat().st_size)
    print(f"{args.out}: {model.kind}, {len(model.members)} x {model.about.architecture}, {size}")
