"""``s2s predict``: lines from stdin through a trained model, a prediction a line, or the n best."""

from __future__ import annotations

import argparse
import signal
import sys

from s2s_plugins.errors import standard_input

DESCRIPTION = """\
Reads a source a line from stdin and writes it back with a tab and what the model makes of it, as soon as no more input
waits. The checkpoint is enough: ours carry their dictionaries."""
EPILOG = """\
  s2s predict checkpoint_best.pt --source char < words.txt             zebra<TAB>Z IY B R AH
  s2s predict checkpoint_best.pt --source char --beam 1 < words.txt    greedily, the fastest
  s2s predict 1.pt 2.pt 3.pt --source char --nbest 3 --scores < words.txt    an ensemble's three best"""
LEVELS = ("token", "char")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoints", nargs="+", metavar="CHECKPOINT", help="of --task translation; several are an ensemble")
    add("--data", metavar="DATA-BIN", help="its dictionaries, for an architecture that does not carry them")
    add(
        "--source",
        choices=LEVELS,
        default="token",
        help="tokens separated by spaces, or characters (default: token)",
    )
    add("--target", choices=LEVELS, default="token", help="the same for what is written (default: token)")
    add("--beam", type=int, default=5, metavar="N", help="width of the search, 1: greedily (default: 5)")
    add("--nbest", type=int, default=1, metavar="N", help="predictions of each line, the best first (default: 1)")
    add("--scores", action="store_true", help="a third column: the logarithm of the probability, a token's on average")
    add(
        "--json",
        action="store_true",
        help="a JSON object a line: source, its tokens, predictions, scores, probabilities",
    )
    add("--batch-size", type=int, default=256, metavar="N", help="lines at a time (default: 256)")


def run(args: argparse.Namespace) -> None:
    stream = standard_input()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as other filters: `s2s predict ... | head` ends without a word
    from s2s_plugins.models.predictions import predict_lines
    from s2s_plugins.models.translator import Translator

    translator = Translator(args.checkpoints[0], args.data, ensemble=args.checkpoints[1:])
    translator.translate([], args.beam, args.nbest, args.batch_size)  # flags that cannot work say so before input
    if stream.isatty():
        print("s2s predict: reads a source a line, to the end of the input (Ctrl-D)", file=sys.stderr)
    predict_lines(translator, stream, args)
