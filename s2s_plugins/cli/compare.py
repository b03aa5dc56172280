"""``s2s compare``: train several models alike, decode, score, and write one report."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from s2s_plugins.cli.main import values
from s2s_plugins.comparison.metrics import metrics
from s2s_plugins.comparison.plan import Settings
from s2s_plugins.comparison.values import leads_of, listed, own_flags, seeds_of, words

DESCRIPTION = """\
Trains each architecture with the same budget, decodes the test set, scores what came out, and writes DIR/report.html
(one page, opens from disk), DIR/results.json and pictures. Re-run the command to resume."""
EPILOG = """\
Flags after -- go to every training that has them: basic_lstm has no --decoder-embed-dim, and only attention_lstm has
--attention. Defaults: --optimizer adam --lr 0.002, falling to 0, --clip-norm 1 --max-tokens 4000.

  s2s compare DATA --archs basic_lstm,feedback_lstm,peek_lstm,attention_lstm,lstm --updates 2000 --out comparison \\
      -- --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-hidden-size 256
  s2s compare DATA --archs attention_lstm,luong=attention_lstm --updates 2000 --out timing \\
      --flags luong '--attention general --attention-timing after'"""
OUTPUT, STOPPED = "out", "stopped; re-run the command to resume"
FLAGS_BEHIND = True
OWN = ("NAME", "'FLAGS'")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "s2s compare DATA-BIN --archs A,B,... --updates N --out DIR [options] [-- flags for fairseq-train]"
    add = parser.add_argument
    add("data", type=Path, metavar="DATA-BIN", help="of fairseq-preprocess, with train, valid and the split to decode")
    add("--archs", required=True, metavar="A,B,...", help="architectures; NAME=ARCH gives one a name of its own")
    add("--updates", type=int, required=True, metavar="N", help="updates of each training")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for everything that is written")
    add("--seeds", default="1", metavar="N", help="train with seeds 1 to N, or with those of a list: 4,7 (default: 1)")
    add(
        "--flags", dest="own_flags", nargs=2, action="append", default=[], metavar=OWN, help="flags of one system alone"
    )
    add("--metrics", default="exact,token-error", metavar="M,...", help=f"of {', '.join(metrics())} (%(default)s)")
    add("--bleu-tokenize", default="13a", metavar="T", help="sacrebleu's tokenizer: 13a, zh, none, ... (default: 13a)")
    add("--lead", dest="leads", default="", metavar="N,...", help="add a row: the first N source tokens as the output")
    add("--subset", dest="subsets", type=listed, default="test", metavar="S,...", help="splits to decode (%(default)s)")
    add("--beam", type=int, default=5, metavar="N", help="width of the beam search, 1 = greedy (default: 5)")
    add("--decode-flags", default="", metavar="'FLAGS'", help="for fairseq-generate, as '--post-process sentencepiece'")
    add("--references", type=Path, metavar="DIR", help="score against DIR/SPLIT.LANG (default: the binarised data)")
    add("--checkpoint", choices=["best", "last"], default="best", help="best by validation loss (default), or last")
    add("--samples", type=int, default=12, metavar="N", help="number of sentences shown side by side (default: 12)")
    add("--attention-maps", type=int, default=3, metavar="N", help="number of these with attention drawn (default: 3)")
    add("--title", metavar="TEXT", help="title of the report")
    add("--redo", action="store_true", help="redo what was made with other settings")


def settings_of(args: argparse.Namespace) -> Settings:
    """What all systems share.

    Raises:
        UsageError: a flag makes no sense.
    """
    args.flags, args.own_flags, args.seeds = args.flags_behind, own_flags(args.own_flags), seeds_of(args.seeds)
    args.decode_flags = words(args.decode_flags, "--decode-flags")
    return values(Settings, args)


def run(args: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    from s2s_plugins.comparison.report import text_table
    from s2s_plugins.comparison.run import Contents, compare

    args.metrics, args.leads = listed(args.metrics), leads_of(args.leads)
    results = compare(args.archs.split(","), settings_of(args), values(Contents, args), args.redo)
    for subset in results["subsets"]:
        print(f"\n{text_table(results, subset)}")
    print(f"\nreport: {args.out / 'report.html'}, numbers: {args.out / 'results.json'}")
