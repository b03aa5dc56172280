"""``s2s prepare``: labelled and unlabelled text to binarised data, for pretraining and for classification.

With ``--series`` among its words the verb prepares series of numbers: :mod:`s2s_plugins.cli.prepare_series`; with
``--pairs`` pairs of source and target: :mod:`s2s_plugins.cli.prepare_pairs`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import Optional, Sequence

from s2s_plugins.cli.main import values

DESCRIPTION = """\
Text to binarised data: DIR/pretrain for --task language_modeling and sequence_autoencoding,
DIR/classify for --task text_classification, with one dictionary."""
EPILOG = """\
labelled:   .csv or .tsv with a header, .jsonl, or a folder with a folder of files for each class
            (a .tsv has no quoting: everything between two tabs is a value)
unlabelled: plain text with a document a line, or one of these forms without labels

pairs:             s2s prepare --pairs FILE --help
series of numbers: s2s prepare --series FILE --help"""
OUTPUT, STOPPED = "dest", "interrupted, nothing was written"


def instead(words: Sequence[str]) -> Optional[str]:
    """The verb's module for these words, if it is another one."""
    flags = {word.partition("=")[0] for word in words}
    found = [other for other in ("series", "pairs") if f"--{other}" in flags]
    return f"prepare_{found[0]}" if found else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--train", required=True, metavar="F", help="labelled documents to train on")
    add("--valid", metavar="F", help="labelled documents to validate on (default: some of --train are held out)")
    add("--test", metavar="F", help="labelled documents to test on")
    add("--unlabelled", nargs="+", default=[], metavar="F", help="further text to pretrain on")
    add("--dest", required=True, metavar="DIR", help="folder to write")
    add("--level", choices=["word", "char", "sentencepiece"], help="what a token is")
    add("--vocab-size", type=int, metavar="N", help="number of sentencepiece pieces (default: 8000)")
    add("--min-count", type=int, metavar="N", help="leave out rarer tokens (default: 2 for words, else 1)")
    add("--max-words", type=int, metavar="N", help="keep the N most frequent tokens (default: all)")
    add("--rare", choices=["drop", "unk"], help="leave other tokens out, or make them <unk> (default: drop)")
    add("--keep-case", action="store_true", help="do not convert the text to lower case")
    add("--tokens-from", metavar="DIR", help="use the dictionary and tokenizer of another prepared folder")
    add("--text-column", default="text", metavar="NAME", help="column or key of the text (default: text)")
    add("--label-column", default="label", metavar="NAME", help="column or key of the label (default: label)")
    add("--valid-fraction", type=float, default=0.15, metavar="P", help="share of --train to hold out (default: 0.15)")
    add("--seed", type=int, default=1, metavar="N", help="random seed of the held-out documents (default: 1)")
    add("--skip-bad-rows", action="store_true", help="leave out rows with too few or too many columns, and count them")
    help = "deal the text to N folders, for fairseq-train DIR/pretrain/1:DIR/pretrain/2:..; by several processes"
    add("--shards", type=int, default=1, metavar="N", help=help)
    add("--no-train-text", action="store_false", dest="train_text", help="pretrain on --unlabelled alone")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.text.folder import prepared_folder
    from s2s_plugins.text.prepare import TokenChoice, prepare
    from s2s_plugins.text.shares import check_name
    from s2s_plugins.text.sources import Sources

    sources, choice = values(Sources, args), values(TokenChoice, args)
    check_name("--dest", args.dest, args.shards)
    with prepared_folder(args.dest) as folder:
        prepared = prepare(sources, choice, folder, args.shards)
    print(prepared)
    for warning in prepared.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    print(f"\nwritten to {args.dest}; next, with --optimizer, --lr, --max-tokens and --save-dir as you like them:")
    plugin = "--user-dir $(s2s user-dir) --arch lm_lstm"
    for parts, task in ((prepared.pretrain, "language_modeling"), (["classify"], "text_classification")):
        data = ":".join(os.path.join(args.dest, part) for part in parts)
        print(f"  fairseq-train {shlex.quote(data)} {plugin} --task {task}")
