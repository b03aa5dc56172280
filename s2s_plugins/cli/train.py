"""``s2s train``: from a file to a tested model."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from s2s_plugins.cli.main import LEVELS
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.trained import NGRAMS_WEIGHT

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
    add("data", nargs="+", metavar="FILE", help="TSV, CSV or JSON lines; or two text files, line by line")
    add("--out", required=True, metavar="DIR", help="folder of the model and of all results")
    add("--redo", action="store_true", help="train again what DIR has with other settings")
    add("--seed", type=int, default=1, metavar="N", help="of the split and of the first model (default: 1)")
    add = parser.add_argument_group("data").add_argument
    add("--valid", metavar="FILE|N", help="to choose the best weights by: a file, or a number of sources to hold out")
    add("--test", metavar="FILE|N", help="to test with: a file, or a number of sources to hold out")
    add("--source", metavar="COLUMN", help="column of the source (default: the first of two)")
    add("--target", metavar="COLUMN", help="column of the target (default: the second of two)")
    for side in ("source", "target"):
        help = f"what a symbol of the {side} is (default: recognised, and reported)"
        add(f"--{side}-level", choices=LEVELS, help=help)
    add("--licence", default="", metavar="NAME", help="of the model, to stand in its file")
    add = parser.add_argument_group("training").add_argument
    add("--minutes", type=float, metavar="N", help="wall time from start to report (default: the recipe's updates)")
    add("--updates", type=int, metavar="N", help="updates of the weights, at most (default: the recipe's)")
    add("--arch", metavar="NAME", help="an architecture, as peek_lstm; or fairseq's lstm, which writes no model file")
    add("--members", type=int, default=1, metavar="N", help="models that vote, with the next seeds (default: 1)")
    help = "n-grams of characters and symbols (Phonetisaurus) vote too: fewer errors; OUT/with-ngrams has their scores"
    add("--ngrams", action="store_true", help=help)
    help = f"of the n-grams, 0 to 1 (default: {NGRAMS_WEIGHT})"
    add("--ngrams-weight", type=float, default=NGRAMS_WEIGHT, metavar="W", help=help)
    add(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="of matrix products; auto: bfloat16 where it is faster on this machine (default)",
    )
    add("--tensorboard", metavar="DIR", help="write the learning curves for TensorBoard too")


def run(args: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the worker is saved then too
    from s2s_plugins.training.run import train_in
    from s2s_plugins.training.settings import TrainSettings

    names = [name for name in TrainSettings.__dataclass_fields__ if hasattr(args, name)]
    settings = {name: getattr(args, name) for name in names}
    for part in ("valid", "test"):
        if settings[part] is not None and settings[part].isdigit():
            settings[part] = int(settings[part])
    if len(args.data) > 2:
        raise UsageError(f"{len(args.data)} files are too many: name one of pairs, or two whose lines are pairs")
    data = args.data[0] if len(args.data) == 1 else tuple(args.data)
    train_in(data, Path(args.out), TrainSettings(**settings, flags=tuple(args.flags_behind)), args.redo)
