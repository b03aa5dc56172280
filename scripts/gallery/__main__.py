"""Prepares data and compares models on it, example after example; one page links the reports.

Each comparison goes to OUT/NAME: its data to OUT/NAME/data, the report of s2s compare to OUT/NAME/report.html; dialogue
has one model, and --archs, --updates and --seeds do not reach it. All that were done are listed in OUT/index.html.
Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from gallery import index
from gallery.tables import COMPARISONS, DIALOGUE, Comparison
from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.steps import clock, executable

ROOT = Path(__file__).resolve().parents[2]


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples, or single comparisons (default: all)")
    parser.add_argument("--out", default="gallery", metavar="DIR", help="where everything goes (default: gallery)")
    parser.add_argument(
        "--archs", metavar="A,B,...", help="the systems, as s2s compare takes them (default: the example's)"
    )
    parser.add_argument("--updates", type=int, metavar="N", help="of each training (default: the example's)")
    parser.add_argument("--seeds", default="1", metavar="N", help="of each training, as s2s compare takes them")
    parser.add_argument("--demo", action="store_true", help="little data and few updates, to see that it works")
    parser.add_argument("--redo", action="store_true", help="redo what was made with other settings")
    parser.add_argument("--list", action="store_true", help="the commands, and nothing done")
    return parser.parse_intermixed_args(argv)


def chosen(names: Sequence[str]) -> List[Comparison]:
    """The comparisons of these names, or of the examples of these names, in the gallery's order.

    A comparison's name beside its example's means this one alone: ``run.sh`` of an example gives the example's name.

    Raises:
        UsageError: a name is unknown.
    """
    known = {comparison.name for comparison in COMPARISONS} | {comparison.example for comparison in COMPARISONS}
    for name in names:
        if name not in known and name != DIALOGUE:
            raise UsageError(f"{name} is not in the gallery: use {', '.join(sorted({*known, DIALOGUE}))}")
    alone = {one.example for one in COMPARISONS if one.name in names and one.name != one.example}
    wanted = set(names) - alone
    return [one for one in COMPARISONS if not names or one.name in wanted or one.example in wanted]


def with_dialogue(names: Sequence[str]) -> bool:
    return not names or DIALOGUE in names


def prepare_flags(comparison: Comparison, args: argparse.Namespace) -> List[str]:
    return shlex.split(f"{comparison.prepare} {comparison.demo}" if args.demo else comparison.prepare)


def prepare_command(comparison: Comparison, args: argparse.Namespace) -> List[str]:
    script = ROOT / "examples" / comparison.example / "prepare.py"
    folder = Path(args.out) / comparison.name / "data"
    return [sys.executable, str(script), "--out", str(folder), *prepare_flags(comparison, args)]


def compare_command(comparison: Comparison, args: argparse.Namespace) -> List[str]:
    folder = Path(args.out) / comparison.name
    updates = args.updates or (comparison.demo_updates if args.demo else comparison.updates)
    command = [
        executable("s2s"),
        "compare",
        str(folder / "data" / "bin"),
        "--out",
        str(folder),
        "--title",
        comparison.title,
    ]
    archs = args.archs or comparison.archs
    command += ["--archs", archs, "--updates", str(updates), "--seeds", args.seeds]
    systems = {arch.split("=")[0] for arch in archs.split(",")}
    command += [word for name, flags in comparison.own.items() if name in systems for word in ("--flags", name, flags)]
    command += [word.replace("{data}", str(folder / "data")) for word in shlex.split(comparison.compare)]
    command += ["--redo"] if args.redo else []
    return [*command, "--", *shlex.split(comparison.train)]


def dialogue_command(args: argparse.Namespace) -> List[str]:
    command = [sys.executable, "-m", "dialogue", "--out", str(Path(args.out) / DIALOGUE)]
    return command + [flag for flag, given in (("--demo", args.demo), ("--redo", args.redo)) if given]


def prepare(comparison: Comparison, args: argparse.Namespace) -> None:
    """The data, unless it is there.

    Raises:
        UsageError: data of other settings is there, and it is not to be made anew.
        WorkError: prepare.py fails.
    """
    folder, flags = Path(args.out) / comparison.name / "data", prepare_flags(comparison, args)
    settings = folder / "prepared.json"
    if settings.exists():
        if json.loads(settings.read_text(encoding="utf-8")) == flags:
            return
        if not args.redo:
            raise UsageError(f"{folder} was prepared otherwise: choose another --out, or make it anew with --redo")
        shutil.rmtree(folder)
    run(prepare_command(comparison, args), f"{comparison.name} could not be prepared")
    write_whole(settings, json.dumps(flags) + "\n")


def run(command: Sequence[str], failure: str) -> None:
    """A command that speaks for itself.

    Raises:
        WorkError: it fails.
        KeyboardInterrupt: it was stopped.
    """
    done = subprocess.run(command)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise WorkError(f"{failure}: exit code {done.returncode}, see above")


@contextlib.contextmanager
def part(place: str, name: str, title: str, out: Path) -> Iterator[None]:
    """Say which part of the gallery this is, how long it took, and put it into the index."""
    began = time.monotonic()
    print(f"== {place}: {name}: {title}", flush=True)
    yield
    index.write(out)
    print(f"== {name} took {clock(time.monotonic() - began)}\n", flush=True)


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = Path(args.out)
    with one_line_errors("run.sh", out, "stopped; the same command goes on from here"):
        if args.updates is not None and args.updates < 1:
            raise UsageError(f"--updates {args.updates} is too few: use 1 or more")
        comparisons, dialogue = chosen(args.names), with_dialogue(args.names)
        if args.list:
            for comparison in comparisons:
                print(shlex.join(prepare_command(comparison, args)))
                print(shlex.join(compare_command(comparison, args)))
            if dialogue:
                print(shlex.join(dialogue_command(args)))
            return 0
        count = len(comparisons) + dialogue
        for number, comparison in enumerate(comparisons, start=1):
            with part(f"{number} of {count}", comparison.name, comparison.title, out):
                prepare(comparison, args)
                run(compare_command(comparison, args), f"{comparison.name} could not be compared")
        if dialogue:
            with part(f"{count} of {count}", DIALOGUE, "Film dialogue", out):
                run(dialogue_command(args), "dialogue stopped")
    print(f"all reports: {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
