"""Examples that are comparisons: each prepares its data and is one ``s2s compare``, or several."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from common import engine
from common.recipe import DEFAULT, DEMO, Flags, Sized, System, words
from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.steps import Runner, Step, clock, executable


def classic(arch: str) -> System:
    """An architecture with no flags of its own."""
    return System(arch, Sized({"--arch": arch}))


CLASSICS = {arch: classic(arch) for arch in ("basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm", "lstm")}
# attention after the step, and a target as one fused call (Luong et al. 2015): the fastest with attention
LUONG = System("luong", Sized({"--arch": "attention_lstm", "--attention": "general", "--attention-timing": "after"}))
# fairseq's lstm has an output layer of 512 whatever its decoder's size is: with this, that of the others
LSTM_OF_256 = System("lstm", Sized({"--arch": "lstm", "--decoder-out-embed-dim": 256}))

SHAPE: Flags = {
    "--encoder-embed-dim": 64,
    "--encoder-hidden-size": 128,
    "--encoder-bidirectional": True,
    "--decoder-embed-dim": 64,
    "--decoder-hidden-size": 256,
}
# what the examples made by rule are trained with, and the flags of their prepare.py for a quick check
RULES: Flags = {**SHAPE, "--batch-size": 128, "--lr": 0.005}
FEW: Flags = {"--train": 600, "--valid": 50, "--test": 50}


@dataclass(frozen=True)
class Comparison:
    """One ``s2s compare``.

    Args:
        name: of its folder; ``JOB`` or ``JOB-WORD``, where JOB is the example's folder.
        title: of its report and in the gallery.
        shows: a sentence for the gallery: what to look for.
        updates: of each training, by size.
        train: flags for every fairseq-train.
        prepare: flags for ``prepare.py``.
        systems: what is compared, by name.
        compare: flags for s2s compare; ``{data}`` in a value is the prepared folder.
    """

    name: str
    title: str
    shows: str
    updates: Dict[str, int]
    train: Flags
    prepare: Sized = Sized()
    systems: Dict[str, System] = field(default_factory=lambda: CLASSICS)
    compare: Flags = field(default_factory=dict)

    @property
    def example(self) -> str:
        return self.name.split("-")[0]


def updates(default: int, demo: int = 20) -> Dict[str, int]:
    """Updates of a training by size."""
    return {DEFAULT: default, DEMO: demo}


def parse(comparisons: Sequence[Comparison], argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """The arguments of an example that is a comparison."""
    example = comparisons[0].example
    described = "\n".join(f"  {one.name:<20} {one.title}" for one in comparisons)
    parser = engine.parser(
        f"Prepares data, trains models alike, and writes a report of each comparison, DIR/NAME/report.html:\n\n"
        f"{described}\n\nRe-run the command to resume.",
        f"{example}-results",
    )
    if len(comparisons) > 1:
        help = f"some of {', '.join(one.name for one in comparisons)} (default: all)"
        parser.add_argument("names", nargs="*", metavar="NAME", help=help)
    parser.add_argument("--archs", metavar="A,B,...", help="the models to train, as for s2s compare")
    parser.add_argument("--updates", type=int, metavar="N", help="updates of each training (default: the recipe's)")
    parser.add_argument("--seeds", default="1", metavar="N", help="random seeds, as for s2s compare (default: 1)")
    args = parser.parse_intermixed_args(argv)
    args.out = args.out or f"{example}-results"
    args.names = getattr(args, "names", [])
    return args


def chosen(comparisons: Sequence[Comparison], names: Sequence[str]) -> List[Comparison]:
    """The comparisons of these names, in their order; all if there is no name.

    Raises:
        UsageError: a name is unknown.
    """
    known = [one.name for one in comparisons]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no comparison {name}: use {', '.join(known)}")
    return [one for one in comparisons if not names or one.name in names]


def prepare_step(one: Comparison, args: argparse.Namespace) -> Step:
    folder = Path(args.out) / one.name / "data"
    return engine.prepare_step(one.example, folder, one.prepare.at(DEMO if args.demo else DEFAULT))


def arch_of(name: str, system: System) -> str:
    """A system as ``--archs`` of s2s compare takes it: ``peek_lstm``, ``luong=attention_lstm``."""
    arch = system.train.every["--arch"]
    return name if arch == name else f"{name}={arch}"


def compare_command(one: Comparison, args: argparse.Namespace) -> List[str]:
    """``s2s compare`` of the prepared data."""
    folder = Path(args.out) / one.name
    archs = args.archs or ",".join(arch_of(name, system) for name, system in one.systems.items())
    number = args.updates or one.updates[DEMO if args.demo else DEFAULT]
    command = ["s2s", "compare", str(folder / "data" / "bin"), "--out", str(folder), "--title", one.title]
    command += ["--archs", archs, "--updates", str(number), "--seeds", args.seeds]
    taking_part = {arch.split("=")[0] for arch in archs.split(",")}
    for name, system in one.systems.items():
        own = words({flag: value for flag, value in system.train.every.items() if flag != "--arch"})
        if own and name in taking_part:
            command += ["--flags", name, shlex.join(own)]
    command += [word.replace("{data}", str(folder / "data")) for word in words(one.compare)]
    command += ["--redo"] if args.redo else []
    return [*command, "--", *words(one.train)]


def compare(one: Comparison, args: argparse.Namespace) -> None:
    """Prepare the data of a comparison, and run it; s2s compare shows its own progress and resumes its own steps.

    Raises:
        UsageError: data with other settings is there, and ``--redo`` is not given.
        WorkError: a command failed.
        KeyboardInterrupt: a command was stopped.
    """
    Runner(Path(args.out) / one.name, args.redo).run([prepare_step(one, args)])
    command = compare_command(one, args)
    done = subprocess.run([executable(command[0]), *command[1:]])
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise WorkError(f"{one.name} could not be compared: exit code {done.returncode}, see above")


@contextlib.contextmanager
def part(place: str, one: Comparison) -> Iterator[None]:
    """Print which comparison begins, and at its end how long it took."""
    began = time.monotonic()
    print(f"== {place}: {one.name}: {one.title}", flush=True)
    yield
    print(f"== {one.name} took {clock(time.monotonic() - began)}\n", flush=True)


def main(comparisons: Sequence[Comparison], argv: Optional[Sequence[str]] = None) -> int:
    """The ``main`` of a ``run.py``: prepare and compare, one after the other."""
    args = parse(comparisons, argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with one_line_errors("run.py", args.out, engine.STOPPED):
        if args.updates is not None and args.updates < 1:
            raise UsageError(f"--updates {args.updates} is too few: use 1 or more")
        wanted = chosen(comparisons, args.names)
        for number, one in enumerate(wanted, start=1):
            if args.list:
                prepare = prepare_step(one, args)
                print("\n".join(engine.listing([prepare], Runner(Path(args.out) / one.name))))
                print(f"# compare-{one.name}\n{shlex.join(compare_command(one, args))}")
                continue
            with part(f"{number} of {len(wanted)}", one) if len(wanted) > 1 else contextlib.nullcontext():
                compare(one, args)
    return 0
