"""What ``s2s predict``, ``classify`` and ``forecast`` share where files go in and files come out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any, Sequence

from s2s_plugins.errors import UsageError, WorkError, one_line_errors

ENGINES, FORMATS = ("local", "ray"), ("tsv", "jsonl", "parquet")
SHOWN = 20  # files that a message lists
ROWS, RAYS = ("column", "features", "format", "max_errors"), ("concurrency", "gpus", "address")


def add_job(parser: argparse.ArgumentParser) -> None:
    """``--input`` and what goes with it, where the inputs have rows."""
    add = _add_input(parser)
    help = "column of the sources, its number where files have no line of names (default: source)"
    add("--column", metavar="NAME", help=help)
    add("--features", metavar="NAME", help="column of features beside the sources")
    add("--format", choices=FORMATS, help="of the predictions (default: like the input)")
    add("--max-errors", type=int, metavar="N", help="unusable lines before the job stops (default: 1000)")


def add_files(parser: argparse.ArgumentParser) -> None:
    """``--output`` and what goes with it, where each input is read whole."""
    _add_cluster(parser.add_argument_group("many files, to --output (docs/cluster.md)").add_argument)


def _add_input(parser: argparse.ArgumentParser) -> Any:
    add = parser.add_argument_group("files in place of stdin (docs/cluster.md)").add_argument
    help = "a folder of files, one file, or a pattern in quotes: text, .csv, .tsv, .jsonl, .parquet; or s3://BUCKET/.."
    add("--input", metavar="WHERE", help=help)
    _add_cluster(add)
    return add


def _add_cluster(add: Any) -> None:
    help = "folder or URL of the predictions; re-run the command to resume"
    add("--output", metavar="DIR", help=help)
    add("--engine", choices=ENGINES, help="this process (local, the default), or a Ray cluster (extra [ray])")
    add("--concurrency", type=int, metavar="N", help="of --engine ray: workers (default: the cluster's CPUs, or GPUs)")
    add("--gpus", type=float, metavar="N", help="of --engine ray: GPUs of a worker, or a share of one")
    help = "of --engine ray: the cluster (default: the one that runs here, or else a new one)"
    add("--address", metavar="HOST:PORT", help=help)


def is_job(args: argparse.Namespace, verb: str) -> bool:
    """Whether files are to be predicted.

    Raises:
        UsageError: flags do not go together.
    """
    given = [name for name in ("output", "engine", *ROWS, *RAYS) if getattr(args, name, None) is not None]
    flags = [f"--{name.replace('_', '-')}" for name in given]
    if args.input is None:
        if given:
            raise UsageError(f"{flags[0]} goes with --input: give both, or s2s {verb} reads stdin")
        return False
    if args.output is None:
        if verb == "forecast" and not given:
            return False
        raise UsageError(f"{(flags or [f'--input {args.input}'])[0]} goes with --output: name a folder")
    for name, flag in zip(given, flags):
        if name in RAYS and args.engine != "ray":
            raise UsageError(f"{flag} goes with --engine ray: give it too")
        if name in ("concurrency", "gpus") and not getattr(args, name) > 0:
            raise UsageError(f"{flag} {getattr(args, name):g} is too small: use more than 0")
    return True


def leave_out(args: argparse.Namespace, *names: str) -> None:
    """See that flags of stdin are not given.

    Raises:
        UsageError: one is.
    """
    for name in names:
        if getattr(args, name) not in (None, False):
            instead = "use --format jsonl" if name == "json" else "leave it out"
            raise UsageError(f"--{name.replace('_', '-')} does not go with --output: {instead}")


def run_job(args: argparse.Namespace, verb: str, models: Sequence[str], options: Sequence[str]) -> None:
    """Predict files.

    Args:
        args: of the command.
        verb: its name.
        models: of which there may be one.
        options: names of those that the model's work takes.

    Raises:
        UsageError: something cannot work.
        WorkError: files or lines could not be predicted.
    """
    from tqdm import tqdm

    from s2s_plugins.cluster import engines
    from s2s_plugins.cluster.job import MAX_ERRORS, Job, run
    from s2s_plugins.cluster.records import Columns

    if len(models) > 1:
        raise UsageError(f"--input takes one model, not {len(models)}: s2s save makes one file of several checkpoints")
    given = {name: getattr(args, name) for name in options}
    job = Job(models[0], args.input, args.output, verb, given, backend=args.backend)
    if verb != "forecast":
        most = MAX_ERRORS if args.max_errors is None else args.max_errors
        job = replace(job, columns=Columns(args.column, args.features), format=args.format, max_errors=most)
    if verb == "predict":
        if args.ngrams is None and args.ngrams_weight is not None:
            raise UsageError(f"--ngrams-weight {args.ngrams_weight:g} goes with --ngrams: give it too")
        job = replace(job, ngrams=args.ngrams, ngrams_weight=args.ngrams_weight)
    engine: Any = engines.local
    if args.engine == "ray":
        engine = engines.Ray(args.address, args.concurrency, args.gpus or 0)
    stopped = f"stopped; {args.output} keeps what is done, re-run the command to resume"
    bar = tqdm(unit="B", unit_scale=True, leave=False, disable=None)
    with one_line_errors(f"s2s {verb}", args.output, stopped), bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        totals = run(job, engine, show)
    for name, why in list(totals.failed.items())[:SHOWN]:
        print(f"s2s {verb}: {why if why.startswith(name) else f'{name}: {why}'}", file=sys.stderr)
    if len(totals.failed) > SHOWN:
        print(f"s2s {verb}: and {len(totals.failed) - SHOWN:,} more", file=sys.stderr)
    what, unknown = ("series", "unknown categories") if verb == "forecast" else ("lines", "lines with unknown tokens")
    if totals.unknown:
        print(f"s2s {verb}: warning: {totals.unknown:,} {unknown}", file=sys.stderr)
    if totals.stale:
        shown = ", ".join(totals.stale[:SHOWN]) + (", .." if len(totals.stale) > SHOWN else "")
        what_of = f"{len(totals.stale):,} files of {args.output}/predictions have no input any more: {shown}"
        print(f"s2s {verb}: warning: {what_of}: remove them", file=sys.stderr)
    unusable = f", {totals.errors:,} of them unusable: {args.output}/errors" if totals.errors else ""
    print(f"{args.output}: {totals.partitions:,} files, {totals.lines:,} {what}{unusable}")
    if totals.failed:
        failed = f"{len(totals.failed):,} of {totals.partitions:,} files were not predicted"
        raise WorkError(f"{failed}: mend them, and run the command again")
