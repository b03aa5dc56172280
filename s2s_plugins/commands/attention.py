"""``s2s-attention``: where a model with attention looks, as a picture of each sentence and a page of all of them."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

from s2s_plugins.errors import UsageError, one_line_errors, standard_input
from s2s_plugins.files import write_whole
from s2s_plugins.steps import held_signals

if TYPE_CHECKING:
    from s2s_plugins.reports.heatmap import Alignment
    from s2s_plugins.translator import Sentence, Translator

DESCRIPTION = """\
Draws the attention weights of the best translation of each sentence: source tokens along the top, what the model
produced down the side, the darker the more it looked there. Writes DIR/0001.png, ... and DIR/attention.html, a page
of all of them that says the weight under the pointer. Sentences come from --data, or from stdin: tokens separated by
spaces, a sentence a line."""
LIMIT, SPLIT = 20, "test"
PAGE, PICTURE = "attention.html", r"\d{4,}\.png"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="s2s-attention", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="of fairseq-train --arch attention_lstm, or lstm")
    parser.add_argument("--data", metavar="DATA-BIN", help="binarised data to take the sentences from (default: stdin)")
    parser.add_argument("--split", metavar="NAME", help=f"which part of --data (default: {SPLIT})")
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"the first N sentences (default: {LIMIT} of --data, all of stdin)"
    )
    parser.add_argument("--beam", type=int, default=5, metavar="N", help="width of the beam search (default: 5)")
    parser.add_argument("--out", required=True, metavar="DIR", help="where pictures and page go")
    args = parser.parse_args(argv)
    for name in ("limit", "beam"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name} {getattr(args, name)} is too small: use 1 or more")
    if args.split is not None and args.data is None:
        parser.error(f"--split {args.split} is a part of binarised data: give --data too")
    logging.basicConfig(level=logging.WARNING, format="s2s-attention: warning: %(message)s")
    with one_line_errors("s2s-attention", args.out, f"interrupted; what is in {args.out} is whole"):
        alignments = attend(args)
        write(alignments, Path(args.out), _title(args))
    known = [alignment.is_right for alignment in alignments if alignment.is_right is not None]
    right = f", {sum(known)} of {len(known)} outputs are the reference" if known else ""
    sentences = "1 sentence" if len(alignments) == 1 else f"{len(alignments)} sentences"
    print(f"{sentences}{right}: {os.path.join(args.out, PAGE)}")
    return 0


def attend(args: argparse.Namespace) -> List["Alignment"]:
    """Read the sentences, and decode them.

    Raises:
        UsageError: what the flags name does not exist or does not fit, or there is nothing to read.
    """
    if os.path.exists(args.out) and not os.path.isdir(args.out):
        raise UsageError(f"--out {args.out} is a file: name a folder")
    from s2s_plugins.translator import Translator

    translator = Translator(args.checkpoint, args.data)
    sentences = _sentences(args, translator)
    return translator.attend(sentences, args.beam)


def _sentences(args: argparse.Namespace, translator: "Translator") -> List["Sentence"]:
    if args.data is not None:
        split = SPLIT if args.split is None else args.split
        sentences = translator.read(split, LIMIT if args.limit is None else args.limit)
        if not sentences:
            raise UsageError(f"split {split!r} of {args.data} is empty: name another with --split")
        return sentences
    from s2s_plugins.commands.lines import read_batches

    stream = standard_input()
    if stream.isatty():
        print("s2s-attention: reads a sentence a line, to the end of the input (Ctrl-D)", file=sys.stderr)
    lines = [line for batch in read_batches(stream, 1000) for line in batch][: args.limit]
    if not lines:
        raise UsageError("stdin is empty: give source sentences, a line each, or --data")
    return translator.encode(lines)


def _title(args: argparse.Namespace) -> str:
    where = "stdin" if args.data is None else f"{args.data}, {args.split or SPLIT}"
    return f"Attention of {args.checkpoint}, {where}"


def write(alignments: List["Alignment"], folder: Path, title: str) -> None:
    """Write pictures and page into ``folder``, each whole or not at all.

    Raises:
        UsageError: a library that draws is not installed.
    """
    from s2s_plugins.reports import heatmap

    page = heatmap.page(alignments, title)
    folder.mkdir(parents=True, exist_ok=True)
    shown = {f"{number:04d}.png" for number in range(1, len(alignments) + 1)}
    if (folder / PAGE).is_file() and heatmap.GENERATOR in (folder / PAGE).read_text(encoding="utf-8", errors="replace"):
        # an earlier run's pictures would pass for this one's
        for file in folder.iterdir():
            if re.fullmatch(PICTURE, file.name) and file.name not in shown:
                file.unlink()
    write_whole(folder / PAGE, page)
    for number, alignment in enumerate(alignments, start=1):
        with held_signals():  # libraries have callbacks in which Ctrl-C would be lost
            heatmap.draw(alignment, folder / f"{number:04d}.png", title=f"sentence {number}")


if __name__ == "__main__":
    sys.exit(main())
