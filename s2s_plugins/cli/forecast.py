"""``s2s forecast``: series from stdin or a file through a trained model; what comes next, with intervals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Tuple

from s2s_plugins.cli.job import add_files, is_job, leave_out, run_job
from s2s_plugins.cli.main import MODEL, add_backend, at_least
from s2s_plugins.errors import UsageError, standard_input, standard_output

DESCRIPTION = """\
Reads series as CSV from stdin, with the columns of the training data, and writes what comes behind the last observed
row of each: a column for each target, and one for each quantile that the model gives. Rows behind the last observed
one hold the covariates that are known in the future. Tables need the extra [forecast], .npy and .npz do not; a
checkpoint needs the extra [train] too."""
EPILOG = """\
  s2s forecast checkpoint_best.pt < series.csv > forecast.csv
  s2s forecast checkpoint_best.pt --length 48 --plot forecast.png < series.csv
  s2s forecast checkpoint_best.pt --input series.parquet --levels 0.05,0.95
  s2s forecast checkpoint_best.pt --input sources.npz --out predictions.npz      (a model of arrays)"""
OUTPUT = "out"


def levels_of(text: str) -> Tuple[float, ...]:
    """``0.1,0.9`` as numbers; of an empty text, none."""
    try:
        return tuple(float(part) for part in text.split(",") if part)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers: write 0.1,0.9") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help=f"{MODEL}; or a checkpoint of --task sequence_regression")
    add("--input", metavar="F", help=".csv, .tsv, .parquet, .npy or .npz (default: CSV from stdin)")
    add("--out", type=Path, metavar="F", help="file to write, .csv or .npz (default: CSV to stdout)")
    add("--length", type=int, metavar="N", help="number of steps to predict (default: as in training)")
    add(
        "--levels",
        type=levels_of,
        metavar="Q,...",
        help="quantiles to write, between 0 and 1 (default: those of the training; '' for none)",
    )
    add("--plot", type=Path, metavar="F.png", help="draw the series, the forecast and its interval")
    add("--batch-size", type=int, default=256, metavar="N", help="number of series at a time (default: 256)")
    add_backend(parser)
    add_files(parser)


def run(args: argparse.Namespace) -> None:
    at_least(args, length=1, batch_size=1)
    if is_job(args, "forecast"):
        leave_out(args, "out", "plot")
        return run_job(args, "forecast", [args.model], ("length", "levels", "batch_size"))
    from s2s_plugins.cli.opening import open_forecaster
    from s2s_plugins.files import check_replaceable
    from s2s_plugins.series.features import unknown_categories
    from s2s_plugins.series.forecasts import write_arrays, write_table
    from s2s_plugins.series.reading import read_series

    for flag in (name for name in ("out", "plot") if getattr(args, name) is not None):
        check_replaceable(getattr(args, flag), f"--{flag}")
    if args.out is not None and args.out.suffix not in ("", ".csv", ".npz"):
        raise UsageError(f"--out {args.out}: forecasts are written as .csv or .npz, name such a file")
    forecaster = open_forecaster(args.model, args.backend)
    forecaster.check_levels(args.levels)
    description = forecaster.description
    if description.kind == "arrays" and (args.out is None or args.out.suffix != ".npz"):
        raise UsageError(f"{args.model} is a model of arrays: give --input F.npz and --out F.npz")
    if args.input is None:
        stream = standard_input()
        if stream.isatty():
            print("s2s forecast: reads CSV, to the end of the input (Ctrl-D)", file=sys.stderr)
        series = read_series(stream, description)  # type: ignore[arg-type]
    else:
        series = read_series(Path(args.input), description)
    for line in (line for one in series for line in unknown_categories(one, description)):
        print(f"s2s forecast: warning: {line}", file=sys.stderr)
    forecasts = forecaster.forecast(series, args.length, args.levels, args.batch_size)
    if args.out is not None and args.out.suffix == ".npz":
        write_arrays(forecasts, args.out)
    else:
        write_table(forecasts, description, standard_output() if args.out is None else args.out)
    if args.plot is not None:
        from s2s_plugins.reports.forecast import draw

        draw(series, forecasts, args.plot)
