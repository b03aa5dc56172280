"""``s2s compare``: train several models alike, let them predict, score that, and write one report."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from s2s_plugins.cli.main import values
from s2s_plugins.comparison.data import Settings
from s2s_plugins.comparison.metrics import metrics
from s2s_plugins.comparison.values import choice_of, listed, own_flags, seeds_of
from s2s_plugins.extras import require

DESCRIPTION = """\
Trains each architecture with the same budget, decodes the test set (of series: predicts it), scores what came out, and
writes DIR/report.html (one page, opens from disk), DIR/results.json and pictures. Re-run the command to resume."""
EPILOG = """\
Flags after -- go to every training that has them: basic_lstm has no --decoder-embed-dim, and only attention_lstm has
--attention. Defaults: --optimizer adam --lr 0.002, falling to 0, --clip-norm 1 --max-tokens 4000 (of series:
--batch-size 64).

  s2s compare DATA --archs basic_lstm,feedback_lstm,peek_lstm,attention_lstm,lstm --updates 2000 --out comparison \\
      -- --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-hidden-size 256
  s2s compare DATA --archs attention_lstm,luong=attention_lstm --updates 2000 --out timing \\
      --flags luong '--attention general --attention-timing after'
  s2s compare SERIES --archs basic_lstm,attention_lstm --updates 500 --seeds 2 --out forecasts -- --loss quantile"""
OUTPUT, STOPPED = "out", "stopped; re-run the command to resume"
FLAGS_BEHIND = True
OWN = ("NAME", "'FLAGS'")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "s2s compare DATA --archs A,B,... --updates N --out DIR [options] [-- flags for fairseq-train]"
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of fairseq-preprocess, or of s2s prepare --series")
    add("--archs", required=True, metavar="A,B,...", help="architectures; NAME=ARCH gives one a name of its own")
    add("--updates", type=int, required=True, metavar="N", help="updates of each training")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for everything that is written")
    add("--seeds", default="1", metavar="N", help="train with seeds 1 to N, or with those of a list: 4,7 (default: 1)")
    add(
        "--flags", dest="own_flags", nargs=2, action="append", default=[], metavar=OWN, help="flags of one system alone"
    )
    add("--subset", dest="subsets", type=listed, default="test", metavar="S,...", help="splits to decode (%(default)s)")
    add("--checkpoint", choices=["best", "last"], default="best", help="best by validation loss (default), or last")
    add("--samples", type=int, metavar="N", help="number of sentences shown side by side, or of windows (12, or 6)")
    add("--title", metavar="TEXT", help="title of the report")
    add("--redo", action="store_true", help="redo what was made with other settings")
    add = parser.add_argument_group("text alone").add_argument
    add("--metrics", metavar="M,...", help=f"of {', '.join(metrics())} (exact,token-error)")
    add("--bleu-tokenize", metavar="T", help="sacrebleu's tokenizer: 13a, zh, none, ... (default: 13a)")
    add("--lead", metavar="N,...", help="add a row: the first N source tokens as the output")
    add("--beam", type=int, metavar="N", help="width of the beam search, 1 = greedy (default: 5)")
    add("--decode-flags", metavar="'FLAGS'", help="for fairseq-generate, as '--post-process sentencepiece'")
    add("--references", metavar="DIR", help="score against DIR/SPLIT.LANG (default: the binarised data)")
    add("--attention-maps", type=int, metavar="N", help="number of samples with attention drawn (default: 3)")


def settings_of(args: argparse.Namespace) -> Settings:
    """What all systems share.

    Raises:
        UsageError: a flag makes no sense.
    """
    args.flags, args.own_flags, args.seeds = args.flags_behind, own_flags(args.own_flags), seeds_of(args.seeds)
    return values(Settings, args)


def run(args: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    require("fairseq", "jinja2", "matplotlib", what="s2s compare")
    from s2s_plugins.comparison.kinds import open_data
    from s2s_plugins.comparison.report import text_table
    from s2s_plugins.comparison.run import compare

    settings, data = settings_of(args), open_data(args.data, args.subsets, choice_of(vars(args)))
    results = compare(args.archs.split(","), settings, data, args.redo)
    for subset in results["subsets"]:
        print(f"\n{text_table(results, subset)}")
    print(f"\nreport: {args.out / 'report.html'}, numbers: {args.out / 'results.json'}")
    best = args.out / "train" / f"{results['systems'][0]['name']}-seed{settings.seeds[0]}"
    print(f"to use a model elsewhere: s2s save {best / f'checkpoint_{args.checkpoint}.pt'} --out MODEL.safetensors")
