"""Runs the examples that compare models, and film dialogue, one after the other; one page links the reports.

Each goes to OUT/NAME, with its report in OUT/NAME/report.html; OUT/index.html lists all that are done.
Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

from s2s_plugins import nn
from s2s_plugins.comparison.report import span
from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.extras import library
from s2s_plugins.files import write_whole
from s2s_plugins.steps import clock

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))
from common.comparison import Comparison  # noqa: E402
from common.engine import STOPPED  # noqa: E402
from common.trainings.task import Task  # noqa: E402

DIALOGUE = "dialogue"  # one model with a report of its own
TEMPLATE = Path(__file__).with_suffix(".html")
DECODERS = Path(nn.__file__).parent / "decoders" / "decoders.svg"  # of scripts/draw_decoders.py


@dataclass(frozen=True)
class Part:
    """A part of the gallery.

    Args:
        name: of its folder.
        example: that it is of.
        title: what it is.
        comparison: its recipe, if it is an ``s2s compare``.
        task: its recipe, if it is trainings by ``s2s train``; neither: film dialogue.
        alone: the example has no other comparison.
    """

    name: str
    example: str
    title: str
    comparison: Optional[Comparison] = None
    task: Optional[Task] = None
    alone: bool = True


def parts() -> List[Part]:
    """Of each example whose ``recipe.py`` has ``COMPARISONS`` or a ``TASK``, by name, and of film dialogue."""
    found: List[Part] = []
    for recipe in sorted(EXAMPLES.glob("*/recipe.py")):
        example = recipe.parent.name
        module = importlib.import_module(f"{example}.recipe")
        comparisons = getattr(module, "COMPARISONS", [])
        found += [Part(one.name, example, one.title, one, None, len(comparisons) == 1) for one in comparisons]
        task = getattr(module, "TASK", None)
        found += [Part(task.name, example, task.title, None, task)] if isinstance(task, Task) else []
    return [*found, Part(DIALOGUE, DIALOGUE, "Film dialogue")]


def chosen(names: Sequence[str]) -> List[Part]:
    """The parts of these names, or of the examples of these names; all if there is no name.

    Raises:
        UsageError: a name is unknown.
    """
    known = parts()
    for name in names:
        if not any(name in (one.name, one.example) for one in known):
            every = sorted({name for one in known for name in (one.name, one.example)})
            raise UsageError(f"{name} is not in the gallery: use {', '.join(every)}")
    return [one for one in known if not names or one.name in names or one.example in names]


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="examples, or single comparisons (default: all)")
    add("--out", default="gallery", metavar="DIR", help="where everything goes (default: gallery)")
    add("--archs", metavar="A,B,...", help="the systems of comparisons, as s2s compare takes them")
    add("--updates", type=int, metavar="N", help="of each training, but not of film dialogue")
    add("--seeds", metavar="N", help="of each training of comparisons, as s2s compare takes them")
    add("--demo", action="store_true", help="little data and few updates, to see that it works")
    add("--redo", action="store_true", help="redo what was made with other settings")
    add("--list", action="store_true", help="print the commands; run nothing")
    return parser.parse_intermixed_args(argv)


def command(part: Part, args: argparse.Namespace) -> List[str]:
    """The example's ``run.py``."""
    words = [sys.executable, str(EXAMPLES / part.example / "run.py")]
    if part.comparison is None:
        words += ["--out", str(Path(args.out) / part.name)]
        words += ["--updates", str(args.updates)] if part.task is not None and args.updates is not None else []
    else:
        words += [*([] if part.alone else [part.name]), "--out", str(args.out)]
        for flag in ("archs", "updates", "seeds"):
            value = getattr(args, flag)
            words += [f"--{flag}", str(value)] if value is not None else []
    return words + [f"--{flag}" for flag in ("demo", "redo") if getattr(args, flag)]


def run(part: Part, args: argparse.Namespace) -> None:
    """Run an example, and write the index.

    Raises:
        WorkError: it fails.
        KeyboardInterrupt: it was stopped.
    """
    done = subprocess.run(command(part, args))
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise WorkError(f"{part.name} stopped: exit code {done.returncode}, see above")
    write_index(Path(args.out))


def entry(one: Comparison, results: dict) -> dict:
    """A comparison in the index: the first metric on each split."""
    metric = results["metrics"][0]
    subsets = [subset for subset in results["subsets"] if subset["scores"]]
    rows = []
    for system in [*results["systems"], *results.get("baselines", [])]:
        scores = [
            span([run[metric["name"]] for run in subset["scores"][system["name"]]], 2)
            for subset in subsets
            if system["name"] in subset["scores"]
        ]
        rows.append({"name": system["name"], "scores": scores})
    seconds = sum(run["train_seconds"] for system in results["systems"] for run in system["runs"])
    return {
        "name": one.name,
        "title": one.title,
        "shows": one.shows,
        "metric": metric["title"],
        "subsets": [subset["name"] for subset in subsets],
        "rows": rows,
        "minutes": seconds / 60,
        "machine": results["machine"],
    }


def task_entry(task: Task, results: dict) -> dict:
    """Trainings by ``s2s train`` in the index: the error on each test file."""
    rows = [
        {"name": row["name"], "scores": [span(scores, 2) if scores else ("-", "") for scores in row["scores"]]}
        for row in results["rows"]
    ]
    return {**results, "name": task.name, "rows": rows}


def dialogue_entry(results: dict) -> dict:
    """Film dialogue in the index: how varied each decoding's answers are."""
    perplexity = results["test_perplexity"]
    return {
        "name": DIALOGUE,
        "title": results["title"],
        "shows": "ten prompts after each epoch; distinct-n is the share of different n-grams in all answers"
        + (f"; test perplexity {perplexity:.2f}" if perplexity is not None else ""),
        "metric": "answers by",
        "subsets": ["distinct-1 %", "distinct-2 %"],
        "rows": [
            {"name": one["name"], "scores": [(f"{one[key]:.2f}", "") for key in ("distinct_1", "distinct_2")]}
            for one in results["decodings"]
        ],
        "minutes": sum(epoch["seconds"] for epoch in results["epochs"]) / 60,
        "machine": results["machine"],
    }


def write_index(out: Path) -> None:
    """``index.html``: each part that has results, and the decoders drawn; appears whole or not at all."""
    entries = []
    for one in parts():
        path = out / one.name / "results.json"
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            if one.comparison is not None:
                entries.append(entry(one.comparison, results))
            else:
                entries.append(dialogue_entry(results) if one.task is None else task_entry(one.task, results))
    jinja2 = library("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    write_whole(out / "index.html", page.render(entries=entries, decoders=DECODERS.read_text(encoding="utf-8")))


def main(argv: Optional[Sequence[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with one_line_errors("gallery.py", args.out, STOPPED):
        wanted = chosen(args.names)
        for number, part in enumerate(wanted, start=1):
            if args.list:
                print(shlex.join(command(part, args)))
                continue
            began = time.monotonic()
            print(f"== {number} of {len(wanted)}: {part.name}: {part.title}", flush=True)
            run(part, args)
            print(f"== {part.name} took {clock(time.monotonic() - began)}\n", flush=True)
        if not args.list:
            print(f"all reports: {Path(args.out) / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
