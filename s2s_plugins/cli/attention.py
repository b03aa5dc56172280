"""``s2s attention``: where a model with attention looks, as a picture of each sentence and a page of all of them."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from pathlib import Path
from typing import List, Optional

from s2s_plugins.cli.main import MODEL, add_backend, at_least
from s2s_plugins.errors import UsageError, standard_input
from s2s_plugins.extras import require

DESCRIPTION = """\
Draws the attention weights of the best translation of each sentence: source tokens along the top, output tokens down
the side, darker cells for larger weights. Writes DIR/0001.png, ... and DIR/attention.html, a page with all sentences
that shows the weight under the pointer. Of a model that copies, a last column says what is copied. Sentences come from
--data, or from stdin, one per line: a model file knows how its text becomes tokens, and for a checkpoint they are
separated by spaces."""
OUTPUT, STOPPED = "out", "interrupted; what is in {output} is whole"
LIMIT, SPLIT = 20, "test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help=f"{MODEL}; or a checkpoint; of --arch attention_lstm, transducer_lstm, or lstm")
    add("--data", metavar="DATA-BIN", help="binarised data to take the sentences from (default: stdin)")
    add("--split", metavar="NAME", help=f"split of --data (default: {SPLIT})")
    add("--limit", type=int, metavar="N", help=f"the first N sentences (default: {LIMIT} of --data, all of stdin)")
    add("--beam", type=int, default=5, metavar="N", help="width of the beam search, 1 = greedy (default: 5)")
    add_backend(parser)
    add("--out", required=True, metavar="DIR", help="folder for the pictures and the page")


def run(args: argparse.Namespace) -> None:
    at_least(args, limit=1, beam=1)
    if args.split is not None and args.data is None:
        raise UsageError(f"--split {args.split} is a part of binarised data: give --data too")
    if os.path.exists(args.out) and not os.path.isdir(args.out):
        raise UsageError(f"--out {args.out} is a file: name a folder")
    require("jinja2", "matplotlib", what="s2s attention")
    from s2s_plugins.cli.opening import open_translator
    from s2s_plugins.reports import attention

    if args.data is not None:
        from s2s_plugins.models.translator import CheckpointTranslator

    translator, split = open_translator([args.model], args.backend, args.data), args.split or SPLIT
    if args.data is None:
        lines = _lines(args.limit)
        where, sentences = "stdin", [translator.spell(line, f"line {number}") for number, line in enumerate(lines, 1)]
    else:
        assert isinstance(translator, CheckpointTranslator), "a model file has no data folder"
        where, sentences = f"{args.data}, {split}", translator.read(split, args.limit or LIMIT)
        if not sentences:
            raise UsageError(f"split {split!r} of {args.data} is empty: name another with --split")
    alignments = translator.attend(sentences, args.beam)
    attention.write(alignments, Path(args.out), f"Attention of {args.model}, {where}")
    print(f"{attention.summary(alignments)}: {os.path.join(args.out, attention.PAGE)}")


def _lines(limit: Optional[int]) -> List[str]:
    from s2s_plugins.inference.lines import read_batches

    stream = standard_input()
    if stream.isatty():
        print("s2s attention: reads one sentence per line, to the end of the input (Ctrl-D)", file=sys.stderr)
    lines = list(itertools.chain.from_iterable(read_batches(stream, 1000)))[:limit]
    if not lines:
        raise UsageError("stdin is empty: give source sentences, one per line, or --data")
    return lines
