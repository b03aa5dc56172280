"""``s2s prepare --series``: series of numbers, or arrays, to data for ``--task sequence_regression``."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import Tuple

from s2s_plugins.cli.main import values

DESCRIPTION = """\
Series of numbers to windows of what a model reads and predicts, for --task sequence_regression. Columns are
standardised by the rows of the training part alone; the last rows of each series are held out."""
EPILOG = """\
FILE: .csv, .tsv or .parquet with named columns; .npy of shape (rows,), (rows, columns) or (series, rows, columns),
      whose columns are called 0, 1 ..; .npz with a column for each key.
      Windows that are cut already: .npz with source (N, S, D) and target (N, T, K), and if they differ in length
      source_lengths and target_lengths (N)."""
OUTPUT, STOPPED = "dest", "interrupted, nothing was written"


def names(text: str) -> Tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name: write A,B")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--series", required=True, nargs="+", metavar="F", help="the series; without --series-column a file is one")
    add("--dest", required=True, metavar="DIR", help="folder to write")
    add("--input-length", type=int, metavar="N", help="number of steps that a model reads")
    add("--output-length", type=int, metavar="N", help="number of steps that it predicts")
    add("--stride", type=int, default=1, metavar="N", help="rows between two windows to train on (default: 1)")
    add("--eval-stride", type=int, metavar="N", help="rows between two other windows (default: --output-length)")
    add("--time", metavar="C", help="column of the times, as 2024-03-31T18:00, or integers (default: rows are counted)")
    add(
        "--step",
        metavar="ALIAS",
        help="distance of the times: h, D, W-SUN, MS .., or a number (default: what they show)",
    )
    add("--series-column", metavar="C", help="column that tells the series of a file apart")
    add(
        "--target",
        type=names,
        default=(),
        metavar="A,B",
        help="columns to predict (default: all that have no other role)",
    )
    add("--past", type=names, default=(), metavar="A,B", help="columns that are known up to the origin of a forecast")
    add("--known", type=names, default=(), metavar="A,B", help="columns that are known in the future too")
    add(
        "--static", type=names, default=(), metavar="A,B", help="columns that are constant in a series, numbers or text"
    )
    units = "minute, hour, weekday, day, dayofyear, month, quarter"
    add("--calendar", type=names, default=(), metavar="A,B", help=f"covariates made from the time: {units}")
    add("--valid", metavar="F", help="an .npz of windows to validate on")
    add("--test", metavar="F", help="an .npz of windows to test on")
    for split in ("valid", "test"):
        add(f"--{split}-fraction", type=float, metavar="P", help=f"share of each series for {split} (default: 0.1)")
        add(f"--{split}-from", metavar="T", help=f"time at which {split} begins, instead of a share")
    add("--missing", choices=["error", "mask"], default="error", help="what becomes of empty cells and gaps")
    add("--per-window", action="store_true", help="scale each window by the mean and deviation of its source")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.series.prepare import prepare_series
    from s2s_plugins.series.roles import Choice
    from s2s_plugins.series.store import strange_to_series
    from s2s_plugins.text.folder import prepared_folder

    choice = values(Choice, args)
    with prepared_folder(args.dest, strange_to_series) as folder:
        prepared = prepare_series(args.series, choice, folder)
    print(prepared)
    for note in prepared.notes:
        print(f"warning: {note}", file=sys.stderr)
    print(f"\nwritten to {args.dest}; next, with --max-epoch and --save-dir as you like them:")
    flags = "--user-dir $(s2s user-dir) --task sequence_regression --arch peek_lstm --scheduled-sampling 1"
    print(f"  fairseq-train {shlex.quote(args.dest)} {flags} --optimizer adam --lr 0.002 --batch-size 64")
