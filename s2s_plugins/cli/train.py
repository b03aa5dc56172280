"""``s2s train``: from a file to a tested model."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_plugins.cli.train_arguments import add_data, add_training, data_of, save_on_sigterm, settings_of
from s2s_plugins.training.choices import TASKS

OUTPUT = "out"
STOPPED = "stopped; the same command resumes in {output}"
FLAGS_BEHIND = True

DESCRIPTION = """\
Trains a model on your own file of pairs, of labelled texts or of series of numbers, tests it, and writes
OUT/model.safetensors, which s2s predict, classify, forecast, serve and export take, and OUT/report.html. The data
decides how: what a symbol is, the model's size, how long it trains. Run the same command again to resume after
Ctrl-C."""
EPILOG = """\
  s2s train words.tsv --out g2p                         WORD<TAB>PH PH: a part is held out to test
  s2s train words.tsv --out g2p --minutes 10            ends after ten minutes, report included
  s2s train train.tsv --valid dev.tsv --test test.tsv --out g2p
  s2s train names.csv --source latin --target arabic --out names
  s2s train verbs.tsv --out verbs                        LEMMA<TAB>FORM<TAB>V;PST: features of the lemma
  s2s train text.de text.en --out de-en                 two files, a line of each is a pair
  s2s train words.tsv --out g2p -- --dropout 0.2        any flag of the architecture, behind --
  s2s train reviews.csv --unlabelled more.txt --out reviews       columns text, label: a classifier
  s2s train mails --out mails-model                               a folder of files for each class
  s2s train sales.csv --time date --value y --horizon 12 --out sales     a forecaster"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "data",
        nargs="+",
        metavar="FILE",
        help="pairs, labelled texts, or series: TSV, CSV, JSON lines; see the examples",
    )
    add("--out", required=True, metavar="DIR", help="folder of the model and of all results")
    add("--redo", action="store_true", help="train again what DIR has with other settings")
    add("--seed", type=int, default=1, metavar="N", help="of the split and of the first model (default: 1)")
    add("--task", choices=TASKS, help="what the file is for (default: recognised, and reported)")
    add_data(parser)
    add_training(parser)


def run(args: argparse.Namespace) -> None:
    save_on_sigterm()
    from s2s_plugins.training.run import train_in

    args.unlabelled = tuple(map(Path, args.unlabelled))  # texts may be given in Python too
    is_series = args.task == "series" or any((args.time, args.value, args.horizon))
    train_in(data_of(args.data, is_series), Path(args.out), settings_of(args), args.redo)
