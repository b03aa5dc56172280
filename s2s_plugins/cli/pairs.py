"""What the verbs that train on pairs share: their arguments, and the settings that these are."""

from __future__ import annotations

import argparse
import signal
from typing import Any, List, Sequence, Tuple, Union

from s2s_plugins.cli.main import LEVELS
from s2s_plugins.errors import UsageError

FILES = "TSV, CSV or JSON lines; or two text files, line by line"


def add_columns(parser: argparse.ArgumentParser, valid: bool = True, test: bool = True) -> None:
    """How the data is read and split.

    Args:
        parser: to add the arguments to.
        valid: whether a validation part can be given.
        test: likewise a test part.
    """
    add = parser.add_argument_group("data").add_argument
    if valid:
        add("--valid", metavar="FILE|N", help="to choose the best weights by: a file, or number of sources to hold out")
    if test:
        add("--test", metavar="FILE|N", help="to test with: a file, or a number of sources to hold out")
    add("--source", metavar="COLUMN", help="column of the source (default: the first of two)")
    add("--target", metavar="COLUMN", help="column of the target (default: the second of two)")
    for side in ("source", "target"):
        help = f"what a symbol of the {side} is (default: recognised, and reported)"
        add(f"--{side}-level", choices=LEVELS, help=help)


def add_training(parser: argparse.ArgumentParser, minutes: str, arch: str = "") -> Any:
    """How long and in what precision a model is trained.

    Args:
        parser: to add the arguments to.
        minutes: what they are counted of.
        arch: more about the architectures.

    Returns:
        The group of arguments.
    """
    group = parser.add_argument_group("training")
    add = group.add_argument
    add("--minutes", type=float, metavar="N", help=f"{minutes} (default: the recipe's updates)")
    add("--updates", type=int, metavar="N", help="updates of the weights, at most (default: the recipe's)")
    add("--arch", metavar="NAME", help=f"an architecture, as peek_lstm{arch} (default: the recipe's)")
    help = "of matrix products; auto: bfloat16 where it is faster on this machine (default)"
    add("--precision", choices=("auto", "fp32", "bf16"), default="auto", help=help)
    return group


def data_of(files: Sequence[str]) -> Union[str, Tuple[str, str]]:
    """The file, or the two parallel ones, that were given.

    Raises:
        UsageError: there are more.
    """
    if len(files) > 2:
        raise UsageError(f"{len(files)} files are too many: name one of pairs, or two whose lines are pairs")
    return files[0] if len(files) == 1 else (files[0], files[1])


def settings_of(args: argparse.Namespace) -> Any:
    """The :class:`~s2s_plugins.training.settings.TrainSettings` that the arguments are.

    Raises:
        UsageError: a value that makes no sense.
    """
    from s2s_plugins.training.settings import TrainSettings

    given = {name: getattr(args, name) for name in TrainSettings.__dataclass_fields__ if hasattr(args, name)}
    for part in ("valid", "test"):
        if given.get(part) is not None and given[part].isdigit():
            given[part] = int(given[part])
    return TrainSettings(**given, flags=tuple(args.flags_behind))


def save_on_sigterm() -> None:
    """A training that gets SIGTERM is saved, as with Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def words_of(args: argparse.Namespace, names: Sequence[str]) -> List[str]:
    """The arguments of these names as words, as far as they were given."""
    given = [(name, getattr(args, name)) for name in names]
    return [word for name, value in given if value for word in (f"--{name.replace('_', '-')}", f"{value}")]
