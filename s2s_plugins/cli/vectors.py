"""``s2s vectors``: word vectors of binarised text, for the flags that load an embedding from a file."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Train word vectors (skip-gram) on the training text of a folder of binarised data, and write them in word2vec's text
form, which --encoder-embed-path and --decoder-embed-path read."""
OUTPUT, STOPPED = "out", "stopped; {output} is as it was"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", metavar="DATA", help="DIR/pretrain of s2s prepare, or a folder of fairseq-preprocess")
    add("--out", required=True, metavar="FILE", help="file to write")
    add("--dim", type=int, default=128, metavar="N", help="size of a vector (default: 128)")
    add(
        "--window",
        type=int,
        default=10,
        metavar="N",
        help="number of words on either side that a word predicts (default: 10)",
    )
    add("--epochs", type=int, default=5, metavar="N", help="number of passes over the text (default: 5)")
    add("--lr", type=float, default=0.05, metavar="X", help="initial learning rate; falls to 0 (default: 0.05)")
    add(
        "--sample",
        type=float,
        default=1e-4,
        metavar="X",
        help="words with a larger share of the text are sampled less often; 0 = never (default: 1e-4)",
    )
    add("--seed", type=int, default=1, metavar="N", help="random seed (default: 1)")
    add(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="number of threads; with more than one the vectors vary (default: 1)",
    )


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.text.vectors import make_vectors

    settings = ("dim", "window", "epochs", "lr", "sample", "seed", "workers")
    count = make_vectors(Path(args.data), Path(args.out), **{name: getattr(args, name) for name in settings})
    print(
        f"{args.out}: {count:,} vectors, for fairseq-train --decoder-embed-path {args.out} --decoder-embed-dim "
        f"{args.dim}, and with --encoder the same where there is one"
    )
