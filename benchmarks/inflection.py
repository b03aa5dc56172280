"""How good ``s2s train`` inflects: a model for each language of CoNLL-SIGMORPHON 2017, in a table.

    python -m benchmarks.inflection conll2017/all/task1 --amount medium --minutes 5 --out DIR
    python -m benchmarks.inflection conll2017/all/task1 --amount high --minutes 15 --out DIR2 --copy -- --dropout 0.3

Further flags are for ``s2s train``; all languages have the same. The folder has ``LANGUAGE-train-medium`` (1,000
examples), ``-high`` (10,000) and ``LANGUAGE-dev``, of lines LEMMA<TAB>FORM<TAB>TAGS. All training examples are trained
on, and the development files are scored: nothing is chosen by them. Beside the accuracies are those of the affix
baseline on the test files. Run it on a machine that does nothing else: the time decides how much is learnt. Re-run the
command to resume.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Dict, List, Optional, Sequence

from benchmarks.machine import machine
from benchmarks.minutes import at_least_one, known_flags, measure
from s2s_plugins.cli.main import parse
from s2s_plugins.cli.train_arguments import settings_of
from s2s_plugins.errors import UsageError, one_line_errors

AMOUNTS = ("low", "medium", "high")
# accuracy of the baseline of Cotterell et al. 2017, arXiv:1706.09031, on the test files
AFFIXES: Dict[str, Dict[str, float]] = {
    "arabic": {"medium": 42.1, "high": 50.9},
    "finnish": {"medium": 43.4, "high": 78.2},
    "german": {"medium": 72.1, "high": 82.3},
    "hungarian": {"medium": 42.3, "high": 68.2},
    "navajo": {"medium": 33.6, "high": 37.8},
    "polish": {"medium": 74.0, "high": 88.1},
    "russian": {"medium": 75.9, "high": 85.4},
    "spanish": {"medium": 84.5, "high": 90.7},
    "turkish": {"medium": 33.0, "high": 72.6},
    "welsh": {"medium": 56.0, "high": 69.0},
}


def languages(folder: Path, amount: str, wanted: Optional[str]) -> List[str]:
    """The languages in the folder that have a training file of this amount, or those that are wanted.

    Raises:
        UsageError: there is none, or a file of a language is missing.
    """
    names = sorted(path.name.rpartition(f"-train-{amount}")[0] for path in folder.glob(f"*-train-{amount}"))
    if wanted is not None:
        names = [name for name in wanted.split(",") if name]
    if not names:
        raise UsageError(f"{folder} has no file LANGUAGE-train-{amount}: name the folder of the task's files")
    for name in names:
        for file in (f"{name}-train-{amount}", f"{name}-dev"):
            if not (folder / file).is_file():
                raise UsageError(f"{folder} has no file {file}: use --languages to name those that are there")
    return names


def table(rows: Sequence[Dict[str, Any]], amount: str) -> str:
    """Accuracies in Markdown by language, the means over all of them last; languages under the baseline are marked."""
    lines = ["| language | accuracy % | affix baseline % | minutes |", "|---|---|---|---|"]
    by_language: Dict[str, List[Dict[str, Any]]] = {}
    for row in rows:
        by_language.setdefault(row["language"], []).append(row)
    means = []
    for language, seeds in by_language.items():
        right = [100 - row["error_rate"] for row in seeds]
        spread = f" ± {stdev(right):.2f}" if len(right) > 1 else ""
        baseline = AFFIXES.get(language, {}).get(amount)
        lost = " **under it**" if baseline is not None and mean(right) < baseline else ""
        minutes = mean(row["minutes"] for row in seeds)
        means.append((mean(right), baseline, minutes))
        beside = "" if baseline is None else f"{baseline:.1f}{lost}"
        lines.append(f"| {language} | {means[-1][0]:.2f}{spread} | {beside} | {minutes:.1f} |")
    known = [one[1] for one in means if one[1] is not None]
    baseline_mean = f"{mean(known):.1f}" if len(known) == len(means) else ""
    last = f"{mean(one[0] for one in means):.2f} | {baseline_mean} | {mean(one[2] for one in means):.1f}"
    return "\n".join([*lines, f"| mean of {len(means)} | {last} |"])


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("--amount", choices=AMOUNTS, default="medium", help="of training examples (default: medium)")
    add("--languages", metavar="A,B,...", help="(default: all that the folder has)")
    add("--seed", type=int, default=1, metavar="N", help="the first one (default: 1)")
    add("--seeds", type=at_least_one, default=1, metavar="N", help="models of each language (default: 1)")
    add("--out", type=Path, required=True, metavar="DIR")
    args, flags = known_flags(parser, argv)
    with one_line_errors("benchmarks.inflection", args.out, "stopped; re-run the command to resume"):
        rows = []
        for language in languages(args.folder, args.amount, args.languages):
            for seed in range(args.seed, args.seed + args.seeds):
                file, test = (str(args.folder / f"{language}-{part}") for part in (f"train-{args.amount}", "dev"))
                words = [file, "--out", str(args.out), "--test", test, "--valid", "0", "--task", "pairs"]
                settings = settings_of(parse("train", [*words, "--seed", str(seed), *flags])[1])
                rows.append({"language": language, **measure(file, settings, args.out)})
                print(table(rows, args.amount), flush=True)
        print(f"\n{json.dumps(machine())}\n\n{table(rows, args.amount)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
