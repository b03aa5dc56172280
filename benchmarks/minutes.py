"""How good ``s2s train`` is within a time: a model for each file, with no flag but ``--minutes``, and a table.

    python -m benchmarks.minutes --minutes 4 --out DIR ady_train.tsv=ady_dev.tsv arm_train.tsv=arm_dev.tsv ..
    python -m benchmarks.minutes --minutes 10 --seeds 2 --out DIR cmudict.tsv

``FILE=TEST`` tests on a file of its own; of ``FILE`` alone a part is held out. Nothing is chosen by what is tested. Run
it on a machine that does nothing else: the time decides how much is learnt. Re-run the command to resume.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, Optional, Sequence, Tuple

from benchmarks.machine import machine
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.training.run import train_in
from s2s_plugins.training.settings import TrainSettings


def measure(file: str, settings: TrainSettings, out: Path) -> Dict[str, Any]:
    """Train on one file, and read the scores of the test part; what was measured before is read.

    Raises:
        UsageError: it was measured with other settings.
    """
    folder = out / f"{Path(file).stem}-{settings.seed}"
    kept, plain = folder / "measured.json", {**settings.plain(), **vars(settings.options)}
    if kept.exists():
        found: Dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if found["settings"] != plain:
            raise UsageError(f"{folder} was measured with other settings: use another --out, or remove it")
        return found
    began = time.monotonic()
    train_in(file, folder, settings)
    took = time.monotonic() - began
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["scores"]["test"]
    names = {"file": Path(file).stem, "seed": settings.seed, "minutes": round(took / 60, 2)}
    found = {**names, "settings": plain, **scores}
    write_whole(kept, json.dumps(found, indent=1) + "\n")
    return found


def known_flags(parser: argparse.ArgumentParser, argv: Optional[Sequence[str]]) -> Tuple[argparse.Namespace, List[str]]:
    """The arguments that a parser knows, and the others, which are for ``s2s train``: all from ``--`` on, too."""
    words = list(sys.argv[1:] if argv is None else argv)
    place = words.index("--") if "--" in words else len(words)
    args, rest = parser.parse_known_args(words[:place])
    return args, [*rest, *words[place:]]


def table(rows: List[Dict[str, Any]]) -> str:
    """The rows in Markdown, and their means."""
    names = ("error_rate", "symbol_error_rate", "calibration_error", "minutes")
    lines = ["| file | seed | error % | symbol error % | calibration error | minutes |", "|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row['file']} | {row['seed']} | " + " | ".join(f"{row[name]:.2f}" for name in names) + " |")
    means = " | ".join(f"{mean(row[name] for row in rows):.2f}" for name in names)
    return "\n".join([*lines, f"| mean of {len(rows)} | | {means} |"])


def at_least_one(text: str) -> int:
    """An argument that is a number of models."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE[=TEST]")
    add("--minutes", type=float, metavar="N", help="of a model (default: the recipe's updates)")
    add("--seeds", type=at_least_one, default=1, metavar="N", help="models of each file (default: 1)")
    add("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(argv)
    with one_line_errors("benchmarks.minutes", args.out, "stopped; re-run the command to resume"):
        rows = []
        for word in args.files:
            file, _, test = word.partition("=")
            for seed in range(1, args.seeds + 1):
                settings = TrainSettings(minutes=args.minutes, seed=seed, test=test or None)
                rows.append(measure(file, settings, args.out))
        print(f"\n{json.dumps(machine())}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
