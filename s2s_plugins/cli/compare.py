"""``s2s compare``: train several models alike, decode, score, and write one report."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

DESCRIPTION = """\
Trains each architecture with the same budget, decodes the test set, scores what came out, and writes DIR/report.html
(one page, opens from disk), DIR/results.json and pictures. Re-run the command to resume."""
EPILOG = """\
Flags after -- go to every training that has them; basic_lstm has no --decoder-embed-dim, and none but attention_lstm an
--attention. Left out, they are: --optimizer adam --lr 0.002, falling to 0, --clip-norm 1 --max-tokens 4000.

  s2s compare DATA --archs basic_lstm,feedback_lstm,peek_lstm,attention_lstm,lstm --updates 2000 --out comparison \\
      -- --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-hidden-size 256
  s2s compare DATA --archs attention_lstm,luong=attention_lstm --updates 2000 --out timing \\
      --flags luong '--attention general --attention-timing after'"""
OUTPUT, STOPPED = "out", "stopped; re-run the command to resume"
FLAGS_BEHIND = True
METRICS = "exact, token-error, bleu, chrf, rouge1, rouge2, rougeL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "s2s compare DATA-BIN --archs A,B,... --updates N --out DIR [options] [-- flags for fairseq-train]"
    add = parser.add_argument
    add("data", metavar="DATA-BIN", help="folder of fairseq-preprocess, with train, valid and the split to decode")
    add("--archs", required=True, metavar="A,B,...", help="architectures; NAME=ARCH gives one a name of its own")
    add("--updates", type=int, required=True, metavar="N", help="of each training")
    add("--out", required=True, metavar="DIR", help="where everything goes")
    add("--seeds", default="1", metavar="N", help="trainings of each, with seeds 1 to N; or a list: 4,7 (default: 1)")
    add("--flags", nargs=2, action="append", default=[], metavar=("NAME", "'FLAGS'"), help="flags of one system alone")
    add(
        "--metrics",
        default="exact,token-error",
        metavar="M,...",
        help="of: exact, token-error, bleu, chrf, rouge1, rouge2, rougeL",
    )
    add("--bleu-tokenize", default="13a", metavar="T", help="sacrebleu's tokenizer: 13a, zh, none, ... (default: 13a)")
    add("--lead", default="", metavar="N,...", help="also a row with the first N tokens of the source as the output")
    add("--subset", default="test", metavar="S,...", help="splits to decode, the main one first (default: test)")
    add("--beam", type=int, default=5, metavar="N", help="of decoding (default: 5)")
    add("--decode-flags", default="", metavar="'FLAGS'", help="for fairseq-generate, as '--post-process sentencepiece'")
    add("--references", metavar="DIR", help="text to score against, DIR/SPLIT.LANG (default: the data, with its <unk>)")
    add(
        "--checkpoint", choices=["best", "last"], default="best", help="by validation loss, or the last (default: best)"
    )
    add("--samples", type=int, default=12, metavar="N", help="sentences shown side by side (default: 12)")
    add("--attention-maps", type=int, default=3, metavar="N", help="of those, as many are drawn (default: 3)")
    add("--title", metavar="TEXT", help="of the report")
    add("--redo", action="store_true", help="redo what was made with other settings")


def run(args: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    from s2s_plugins.comparison import report
    from s2s_plugins.comparison.run import compare

    results = compare(args)
    for subset in results["subsets"]:
        print(f"\n{report.text_table(results, subset)}")
    out = Path(args.out)
    print(f"\nreport: {out / 'report.html'}, numbers: {out / 'results.json'}")
