"""``s2s prepare --pairs``: pairs of source and target to binarised data, for ``--task translation``."""

from __future__ import annotations

import argparse
import shlex

from s2s_plugins.cli.main import values
from s2s_plugins.cli.train_arguments import add_pairs, data_of

DESCRIPTION = """\
Pairs of source and target to data for --task translation, split, with what their symbols are recognised: what
s2s train does first. Features of the source, as of words to be inflected, may stand in a third column."""
EPILOG = """\
FILE: TSV, CSV or JSON lines, or two text files whose lines are pairs

  s2s prepare --pairs words.tsv --dest data                  WORD<TAB>PH PH
  s2s prepare --pairs verbs.tsv --dest data                  LEMMA<TAB>FORM<TAB>V;PST
  s2s prepare --pairs train.tsv --valid dev.tsv --test 0 --dest data"""
OUTPUT, STOPPED = "dest", "interrupted, nothing was written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--pairs", required=True, nargs="+", metavar="FILE", help="the pairs; see below")
    add("--dest", required=True, metavar="DIR", help="folder to write")
    held_out = "a file, or a number of sources to hold out"
    add("--valid", metavar="FILE|N", help=f"to validate on: {held_out} (default: a twentieth)")
    add("--test", metavar="FILE|N", help=f"to test on: {held_out} (default: a tenth)")
    add("--seed", type=int, default=1, metavar="N", help="of what is held out and drawn (default: 1)")
    add("--min-count", type=int, default=1, metavar="N", help="rarer symbols are unknown (default: 1)")
    help = "write N folders, which fairseq-train DIR/1:DIR/2:.. reads in turn; several processes work on them"
    add("--shards", type=int, default=1, metavar="N", help=help)
    add_pairs(parser)


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.text.pairs.options import Options
    from s2s_plugins.text.pairs.prepare import prepare_pairs
    from s2s_plugins.training.recipes import for_data, recipe_for, words

    for part in ("valid", "test"):
        value = getattr(args, part)
        if value is not None and value.isdigit():
            setattr(args, part, int(value))
    prepared = prepare_pairs(data_of(args.pairs), args.dest, values(Options, args), "--dest")
    for line in prepared.findings:
        print(line)
    recipe = recipe_for(prepared)
    print(f"\nwritten to {args.dest}; next, by the recipe {recipe.name} ({recipe.reason}):")
    task = "--task translation --source-lang source --target-lang target"
    folders = ":".join(map(str, prepared.folders))
    command = f"fairseq-train {shlex.quote(folders)} --user-dir $(s2s user-dir) {task}"
    flags = shlex.join(words(for_data(recipe.flags, prepared)))
    print(f"  {command} {flags} --max-update {recipe.updates} --save-dir CHECKPOINTS")
