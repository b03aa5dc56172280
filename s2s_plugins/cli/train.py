"""``s2s train``: from a file to a tested model."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_plugins.cli.pairs import FILES, add_columns, add_training, data_of, save_on_sigterm, settings_of

OUTPUT = "out"
STOPPED = "stopped; the same command resumes in {output}"
FLAGS_BEHIND = True

DESCRIPTION = """\
Trains a model on your own file, tests it, and writes OUT/model.safetensors, which s2s predict, serve and export take,
and OUT/report.html. The data decides how: what a symbol is, the model's size, how long it trains. Run the same command
again to resume after Ctrl-C."""
EPILOG = """\
  s2s train words.tsv --out g2p                         WORD<TAB>PH PH: a part is held out to test
  s2s train words.tsv --out g2p --minutes 10            ends after ten minutes, report included
  s2s train train.tsv --valid dev.tsv --test test.tsv --out g2p
  s2s train names.csv --source latin --target arabic --out names
  s2s train text.de text.en --out de-en                 two files, a line of each is a pair
  s2s train words.tsv --out g2p -- --dropout 0.2        any flag of the architecture, behind --"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", nargs="+", metavar="FILE", help=FILES)
    add("--out", required=True, metavar="DIR", help="folder of the model and of all results")
    add("--redo", action="store_true", help="train again what DIR has with other settings")
    add("--seed", type=int, default=1, metavar="N", help="of the split and of the first model (default: 1)")
    add_columns(parser)
    add("--licence", default="", metavar="NAME", help="of the model, to stand in its file")
    add = add_training(
        parser, "wall time from start to report", "; or fairseq's lstm, which writes no model file"
    ).add_argument
    add("--members", type=int, default=1, metavar="N", help="models that vote, with the next seeds (default: 1)")
    add("--tensorboard", metavar="DIR", help="write the learning curves for TensorBoard too")


def run(args: argparse.Namespace) -> None:
    save_on_sigterm()
    from s2s_plugins.training.run import train_in

    train_in(data_of(args.data), Path(args.out), settings_of(args), args.redo)
