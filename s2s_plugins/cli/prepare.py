"""``s2s prepare``: labelled and unlabelled text to binarised data, for pretraining and for classification."""

from __future__ import annotations

import argparse
import os
import shlex

from s2s_plugins.errors import UsageError

DESCRIPTION = """\
Text to binarised data: DIR/pretrain for --task language_modeling and sequence_autoencoding,
DIR/classify for --task text_classification (and fairseq's sentence_prediction), with one dictionary."""
EPILOG = """\
labelled:   .csv or .tsv with a header, .jsonl, or a folder with a folder of files for each class
            (a .tsv knows no quotes: what stands between two tabs is a value)
unlabelled: plain text with a document a line, or one of these forms without labels"""
OUTPUT, STOPPED = "dest", "interrupted, nothing was written"
MOST_TOKENS = 100_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--train", required=True, metavar="F", help="labelled documents to train on")
    add("--valid", metavar="F", help="labelled documents to choose by (default: held out of --train)")
    add("--test", metavar="F", help="labelled documents to test on")
    add("--unlabelled", nargs="+", default=[], metavar="F", help="further text to pretrain on")
    add("--dest", required=True, metavar="DIR", help="where the data goes")
    add("--level", choices=["word", "char", "sentencepiece"], help="what a token is")
    add("--vocab-size", type=int, metavar="N", help="sentencepiece: pieces (default: 8000)")
    add("--min-count", type=int, metavar="N", help="leave out rarer tokens (default: 2 for words, else 1)")
    add("--max-words", type=int, metavar="N", help="keep the N most frequent tokens (default: all)")
    add("--rare", choices=["drop", "unk"], help="what becomes of other tokens: left out, or <unk> (default: drop)")
    add("--keep-case", action="store_true", help="do not put the text into lower case")
    add("--tokens-from", metavar="DIR", help="take dictionary and tokens of another prepared folder")
    add("--text-column", default="text", metavar="NAME", help="column or key of the text (text)")
    add("--label-column", default="label", metavar="NAME", help="column or key of the label (label)")
    add("--valid-fraction", type=float, default=0.15, metavar="P", help="held out of --train (0.15)")
    add("--seed", type=int, default=1, metavar="N", help="of what is held out (default: 1)")
    add("--skip-bad-rows", action="store_true", help="leave out rows with too few or too many columns, and count them")
    add("--no-train-text", action="store_true", help="pretrain on --unlabelled alone")


def run(args: argparse.Namespace) -> None:
    _check(args)
    from s2s_plugins.text.folder import prepared_folder
    from s2s_plugins.text.prepare import prepare

    with prepared_folder(args.dest) as folder:
        prepare(args, folder)
    print(f"\nwritten to {args.dest}; next, with --optimizer, --lr, --max-tokens and --save-dir as you like them:")
    plugin = "--user-dir $(s2s user-dir) --arch lm_lstm"
    for part, task in (("pretrain", "language_modeling"), ("classify", "text_classification")):
        print(f"  fairseq-train {shlex.quote(os.path.join(args.dest, part))} {plugin} --task {task}")


def _check(args: argparse.Namespace) -> None:
    """See that the flags go together.

    Raises:
        UsageError: they do not.
    """
    if args.tokens_from:
        settled = ("level", "vocab_size", "min_count", "max_words", "rare", "keep_case")
        given = [name for name in settled if getattr(args, name)]
        if given:
            raise UsageError(f"--tokens-from settles --{given[0].replace('_', '-')}: leave one of them out")
    elif not args.level:
        raise UsageError("--level is missing: word, char or sentencepiece; or --tokens-from another prepared folder")
    elif args.vocab_size is not None and args.level != "sentencepiece":
        raise UsageError(f"--vocab-size is for --level sentencepiece, not {args.level}: use --max-words")
    for name in ("vocab_size", "min_count", "max_words"):
        value = getattr(args, name)
        if value is not None and not 1 <= value <= MOST_TOKENS:
            flag = f"--{name.replace('_', '-')} {value}"
            raise UsageError(f"{flag} is not a number of tokens: use 1 or more, and at most {MOST_TOKENS}")
    if not 0 < args.valid_fraction < 1:
        raise UsageError(f"--valid-fraction {args.valid_fraction} is not a fraction: use more than 0, and less than 1")
    if args.no_train_text and not args.unlabelled:
        raise UsageError("--no-train-text leaves nothing to pretrain on: give --unlabelled")
