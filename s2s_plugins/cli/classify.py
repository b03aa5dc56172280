"""``s2s classify``: the class of each line of a text, by a trained classifier."""

from __future__ import annotations

import argparse
import sys

from s2s_plugins.cli.job import add_job, is_job, leave_out, run_job
from s2s_plugins.cli.main import MODEL, add_backend, add_min_probability, at_least
from s2s_plugins.errors import standard_input
from s2s_plugins.inference.unsure import check_least

DESCRIPTION = "Reads one document per line from stdin, and writes its label and the probability of the label."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help=f"{MODEL}; or a checkpoint of --task text_classification")
    add("--json", action="store_true", help="write a JSON object per line, with the probabilities of all classes")
    add("--batch-size", type=int, default=64, metavar="N", help="number of lines at a time (default: %(default)s)")
    add_min_probability(parser, "without its label; one more column has sure or unsure")
    add_backend(parser)
    add_job(parser)


def run(args: argparse.Namespace) -> None:
    at_least(args, batch_size=1)
    check_least(args.min_probability)
    if is_job(args, "classify"):
        leave_out(args, "json")
        return run_job(args, "classify", [args.model], ("batch_size", "min_probability"))
    lines = standard_input()
    from s2s_plugins.cli.opening import open_classifier
    from s2s_plugins.inference.classifier import answer
    from s2s_plugins.inference.lines import progress, read_batches

    classifier = open_classifier(args.model, args.backend)
    with progress(lines) as bar:
        for texts in read_batches(lines, args.batch_size):
            for probabilities in classifier(texts, args.batch_size):
                print(answer(probabilities, classifier.labels, args.json, args.min_probability))
            sys.stdout.flush()
            bar.update(len(texts))
