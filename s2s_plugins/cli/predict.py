"""``s2s predict``: lines from stdin through a trained model, a prediction a line, or the n best."""

from __future__ import annotations

import argparse
import logging
import sys

from s2s_plugins.cli.job import add_job, is_job, leave_out, run_job
from s2s_plugins.cli.main import LEVELS, MODEL, add_backend, add_min_probability, values
from s2s_plugins.errors import UsageError, standard_input

logger = logging.getLogger(__name__)

DESCRIPTION = """\
Reads one source per line from stdin and writes it back with a tab and the prediction, as soon as no more input waits.
The model file is all that it needs; a checkpoint needs the extra [train]. Unknown tokens are reported on stderr."""
EPILOG = """\
  s2s predict g2p.safetensors < words.txt                              zebra<TAB>Z IY B R AH
  s2s predict g2p --ngrams < words.txt                                 after s2s train --ngrams: fewer errors
  s2s predict checkpoint_best.pt --source char < words.txt             zebra<TAB>Z IY B R AH
  s2s predict checkpoint_best.pt --source char --beam 1 < words.txt    greedy search, the fastest
  s2s predict g2p.safetensors --input words/ --output phones/          files; --engine ray: over a cluster
  s2s predict 1.pt 2.pt 3.pt --source char --nbest 3 --scores < words.txt    three best of an ensemble"""

JOB = ("beam", "nbest", "scores", "batch_size", "min_probability")  # what a job of files takes of these


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help=f"{MODEL}; or checkpoints of --task translation, an ensemble")
    add("--data", metavar="DATA-BIN", help="dictionaries for an architecture that does not carry them")
    add(
        "--source",
        choices=LEVELS,
        help="the input is tokens separated by spaces, or characters (default: what a model file says, else token)",
    )
    add("--target", choices=LEVELS, help="the same for the output")
    add("--beam", type=int, default=5, metavar="N", help="width of the beam search, 1 = greedy (default: 5)")
    add("--nbest", type=int, default=1, metavar="N", help="number of predictions per line, best first (default: 1)")
    add("--scores", action="store_true", help="add a column: the mean log-probability of a token")
    add(
        "--json",
        action="store_true",
        help="write a JSON object per line: source, its tokens, predictions, scores, probabilities",
    )
    add("--batch-size", type=int, default=64, metavar="N", help="number of lines at a time (default: 64)")
    help = "n-grams vote too: ngrams.fst beside the model, as s2s train --ngrams wrote it, or FILE"
    add("--ngrams", nargs="?", const="", metavar="FILE", help=help)
    add("--ngrams-weight", type=float, metavar="W", help="of the n-grams, 0 to 1 (default: the training's)")
    add_min_probability(parser, "its predictions empty; two more columns have the probability, and sure or unsure")
    add_backend(parser)
    add_job(parser)


def run(args: argparse.Namespace) -> None:
    if is_job(args, "predict"):
        leave_out(args, "data", "source", "target", "json")
        return run_job(args, "predict", args.models, JOB)
    stream = standard_input()
    from s2s_plugins.cli.opening import open_translator
    from s2s_plugins.inference.lines import progress
    from s2s_plugins.inference.predictions import Options, predict_lines

    options = values(Options, args)
    translator = open_translator(args.models, args.backend, args.data, args.source, args.target)
    if args.ngrams is not None:
        from s2s_plugins.inference.ngrams import with_ngrams

        translator = with_ngrams(translator, args.ngrams or None, args.ngrams_weight)
    elif args.ngrams_weight is not None:
        raise UsageError(f"--ngrams-weight {args.ngrams_weight:g} goes with --ngrams: give it too")
    if args.min_probability is not None and translator.calibration is None and not translator.calibrated_on:
        logger.warning(
            f"the probabilities of {translator.name} are its own, and say little of how often predictions are right: "
            "s2s calibrate mends that"
        )
    translator.translate([], args.beam, args.nbest, args.batch_size)  # report unusable flags before reading
    if stream.isatty():
        print("s2s predict: reads one source per line, to the end of the input (Ctrl-D)", file=sys.stderr)
    with progress(stream) as bar:
        for answers in predict_lines(translator, stream, options):
            for lines in answers:
                print(*lines, sep="\n")
            sys.stdout.flush()
            bar.update(len(answers))
