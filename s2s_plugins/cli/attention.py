"""``s2s attention``: where a model with attention looks, as a picture of each sentence and a page of all of them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List

from s2s_plugins.cli.main import at_least
from s2s_plugins.errors import UsageError, standard_input

if TYPE_CHECKING:
    from s2s_plugins.models.translator import Sentence, Translator

DESCRIPTION = """\
Draws the attention weights of the best translation of each sentence: source tokens along the top, what the model
produced down the side, the darker the more it looked there. Writes DIR/0001.png, ... and DIR/attention.html, a page
of all of them that says the weight under the pointer. Sentences come from --data, or from stdin: tokens separated by
spaces, a sentence a line."""
OUTPUT, STOPPED = "out", "interrupted; what is in {output} is whole"
LIMIT, SPLIT = 20, "test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help="of fairseq-train --arch attention_lstm, or lstm")
    add("--data", metavar="DATA-BIN", help="binarised data to take the sentences from (default: stdin)")
    add("--split", metavar="NAME", help=f"which part of --data (default: {SPLIT})")
    add("--limit", type=int, metavar="N", help=f"the first N sentences (default: {LIMIT} of --data, all of stdin)")
    add("--beam", type=int, default=5, metavar="N", help="width of the beam search (default: 5)")
    add("--out", required=True, metavar="DIR", help="where pictures and page go")


def run(args: argparse.Namespace) -> None:
    at_least(args, limit=1, beam=1)
    if args.split is not None and args.data is None:
        raise UsageError(f"--split {args.split} is a part of binarised data: give --data too")
    if os.path.exists(args.out) and not os.path.isdir(args.out):
        raise UsageError(f"--out {args.out} is a file: name a folder")
    from s2s_plugins.models.translator import Translator
    from s2s_plugins.reports import attention

    translator = Translator(args.checkpoint, args.data)
    alignments = translator.attend(_sentences(args, translator), args.beam)
    where = "stdin" if args.data is None else f"{args.data}, {args.split or SPLIT}"
    attention.write(alignments, Path(args.out), f"Attention of {args.checkpoint}, {where}")
    known = [alignment.is_right for alignment in alignments if alignment.is_right is not None]
    right = f", {sum(known)} of {len(known)} outputs are the reference" if known else ""
    sentences = "1 sentence" if len(alignments) == 1 else f"{len(alignments)} sentences"
    print(f"{sentences}{right}: {os.path.join(args.out, attention.PAGE)}")


def _sentences(args: argparse.Namespace, translator: "Translator") -> List["Sentence"]:
    if args.data is not None:
        split = SPLIT if args.split is None else args.split
        sentences = translator.read(split, LIMIT if args.limit is None else args.limit)
        if not sentences:
            raise UsageError(f"split {split!r} of {args.data} is empty: name another with --split")
        return sentences
    from s2s_plugins.inference.lines import read_batches

    stream = standard_input()
    if stream.isatty():
        print("s2s attention: reads a sentence a line, to the end of the input (Ctrl-D)", file=sys.stderr)
    lines = [line for batch in read_batches(stream, 1000) for line in batch][: args.limit]
    if not lines:
        raise UsageError("stdin is empty: give source sentences, a line each, or --data")
    return translator.encode(lines)


def _title(args: argparse.Namespace) -> str:
    where = "stdin" if args.data is None else f"{args.data}, {args.split or SPLIT}"
    return f"Attention of {args.checkpoint}, {where}"
