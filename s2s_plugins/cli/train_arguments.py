"""The arguments of ``s2s train`` in groups: what the data is, by its kind, and how it is trained."""

from __future__ import annotations

import argparse
import signal
from typing import Any, Callable, Sequence, Tuple, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.trained import NGRAMS_WEIGHT
from s2s_plugins.text.features import FEATURES_AS
from s2s_plugins.training.choices import LEVELS, PRECISIONS, PRETRAININGS


def add_data(parser: argparse.ArgumentParser) -> None:
    """What the data is."""
    add = parser.add_argument_group("data").add_argument
    held_out = "a file, or a number of sources, texts or rows to hold out"
    add("--valid", metavar="FILE|N", help=f"to choose the best weights by: {held_out}; of series also a time")
    add("--test", metavar="FILE|N", help=f"to test with: {held_out}; of series also a time")
    add("--licence", default="", metavar="NAME", help="of the model, to stand in its file")
    add_pairs(parser)
    add = parser.add_argument_group("labelled texts").add_argument
    add("--text", metavar="COLUMN", help="column of the text (default: the one called text, or the first of two)")
    add("--label", metavar="COLUMN", help="column of its class (default: the one called label, or the second of two)")
    add("--unlabelled", nargs="+", default=[], metavar="FILE", help="further text to learn words from, a text a line")
    help = "from text without labels: word vectors, or a model too (lm, sa; default: vectors)"
    add("--pretrain", choices=PRETRAININGS, help=help)
    add = parser.add_argument_group("series of numbers").add_argument
    add("--time", metavar="COLUMN", help="column of the times, as 2024-03-31 (default: rows are counted)")
    add("--value", metavar="A,B", help="columns to forecast (default: all that have no other role)")
    add("--horizon", type=int, metavar="N", help="steps to forecast (default: a season)")
    add("--series", metavar="COLUMN", help="column that tells the series of a table apart")
    add("--past", metavar="A,B", help="columns that are known up to the origin of a forecast")
    add("--known", metavar="A,B", help="columns that are known in the future too")
    add("--static", metavar="A,B", help="columns that are constant in a series, numbers or text")
    add("--step", metavar="ALIAS", help="distance of the times: h, D, W-SUN, MS .. (default: what they show)")


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """What pairs are."""
    add = parser.add_argument_group("pairs").add_argument
    add("--source", metavar="COLUMN", help="column of the source (default: the first of two)")
    add("--target", metavar="COLUMN", help="column of the target (default: the second of two)")
    help = "column of features of the source, as V;PST (default: one of three columns, if it looks like features)"
    add("--features", metavar="COLUMN", help=help)
    add("--features-separator", metavar="MARK", help="between two features: ; | , + or a space (default: recognised)")
    help = "copy symbols of the source, those that training lacks too (default: if targets consist of them)"
    add("--copy", action=argparse.BooleanOptionalAction, default=None, help=help)
    for side, also in (("source", ", or of a text"), ("target", "")):
        help = f"what a symbol of the {side}{also} is (default: recognised, and reported)"
        add(f"--{side}-level", choices=LEVELS, help=help)
    add("--vocab-size", type=int, metavar="N", help="pieces of the words of sentences (default: by the amount of text)")
    add("--longest", type=int, metavar="N", help="leave out longer entries (default: 200 tokens, 1000 of sentences)")


def add_training(parser: argparse.ArgumentParser) -> None:
    """How it is trained."""
    add = add_budget(parser, "wall time from start to report")
    help = "start from this model of pairs, in place of random weights; symbols that it lacks are added"
    add("--from", dest="start", metavar="MODEL", help=help)
    help = "features are symbols before the source (joined), or given to every step of the decoder (bag, the default)"
    add("--features-as", choices=FEATURES_AS, help=help)
    add("--members", type=int, default=1, metavar="N", help="models of pairs that vote (default: 1)")
    help = "n-grams of characters and symbols (Phonetisaurus) vote too: fewer errors; OUT/with-ngrams has their scores"
    add("--ngrams", action="store_true", help=help)
    help = f"of the n-grams, 0 to 1 (default: {NGRAMS_WEIGHT})"
    add("--ngrams-weight", type=float, default=NGRAMS_WEIGHT, metavar="W", help=help)
    add("--tensorboard", metavar="DIR", help="write the learning curves for TensorBoard too")


def add_budget(parser: argparse.ArgumentParser, minutes: str) -> Callable[..., Any]:
    """How long a model is trained, and which one.

    Args:
        parser: to add the arguments to.
        minutes: what they are.

    Returns:
        What adds further arguments to the group.
    """
    add = parser.add_argument_group("training").add_argument
    add("--minutes", type=float, metavar="N", help=f"{minutes} (default: the recipe's updates)")
    add("--updates", type=int, metavar="N", help="updates of the weights, at most (default: the recipe's)")
    add("--arch", metavar="NAME", help="an architecture, as peek_lstm (default: the recipe's)")
    help = "of matrix products; auto: bfloat16 where it is faster on this machine (default)"
    add("--precision", choices=PRECISIONS, default="auto", help=help)
    return add


def settings_of(args: argparse.Namespace) -> Any:
    """The :class:`~s2s_plugins.training.settings.TrainSettings` that the arguments are, those behind ``--`` included.

    Raises:
        UsageError: a value that makes no sense.
    """
    from s2s_plugins.training.settings import TrainSettings

    given = {name: getattr(args, name) for name in TrainSettings.__dataclass_fields__ if hasattr(args, name)}
    for part in ("valid", "test"):
        if given.get(part) is not None and given[part].isdigit():
            given[part] = int(given[part])
    return TrainSettings(**given, flags=tuple(args.flags_behind))


def data_of(files: Sequence[str], several: bool = False) -> Union[str, Tuple[str, ...]]:
    """The file, or the two parallel ones, that were given.

    Args:
        files: as they were given.
        several: there may be more.

    Raises:
        UsageError: there are more.
    """
    if len(files) > 2 and not several:
        raise UsageError(f"{len(files)} files are too many: name one of pairs, or two whose lines are pairs")
    return files[0] if len(files) == 1 else tuple(files)


def save_on_sigterm() -> None:
    """A training that gets SIGTERM is saved, as with Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
