"""``s2s``: finds the verb, reads its arguments, and turns errors into one line."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from dataclasses import Field
from types import ModuleType
from typing import ClassVar, Dict, Optional, Protocol, Sequence, Tuple, Type, TypeVar

from s2s_plugins import __version__
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.extras import naming_extras
from s2s_plugins.inference.trained import BACKENDS
from s2s_plugins.registration import handle_ctrl_c


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[Dict[str, "Field[object]"]]


T = TypeVar("T", bound=_Dataclass)
MODEL = (
    "a model file, a folder with model.safetensors in it, a folder of s2s export --onnx, or the name of an installed "
    "package of a model"
)
LEVELS = ("token", "char")  # what a flag may call a token of a text

VERBS = {
    "train": "your own file, of pairs, labelled texts or series, to a tested model",
    "check": "entries of your own lexicon that are improbable, worst first",
    "tune": "search for the settings of a training that err least",
    "prepare": "text, or series of numbers (--series), to data to train on",
    "vectors": "train word vectors on binarised text",
    "predict": "lines through a trained sequence-to-sequence model",
    "classify": "lines through a trained classifier",
    "forecast": "what comes behind series of numbers",
    "attention": "draw where a model looks",
    "serve": "trained models over HTTP",
    "compare": "train several models alike, score them, write a report",
    "average": "average the weights of checkpoints",
    "calibrate": "fit the probabilities of a model to data with known outputs",
    "save": "checkpoints to one model file, which needs no fairseq",
    "info": "what a model file is",
    "export": "a model file to ONNX files, or to a page that runs it in a browser",
    "package": "a model file to a wheel, to be installed and loaded by its name",
    "user-dir": "print the folder that fairseq's --user-dir wants",
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run ``s2s`` with the words ``argv``, by default those of the command line.

    Returns:
        The exit code.
    """
    handle_ctrl_c("s2s", "__main__.py")
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _front_door()
    if not words:
        parser.print_help()
        return 0
    verb = words[0]
    if verb.startswith("-"):
        parser.parse_args(words)
    if verb not in VERBS:
        parser.error(f"there is no verb {verb!r}: choose among {', '.join(VERBS)}")
    module, args = parse(verb, words[1:])
    prog, output = f"s2s {verb}", getattr(args, getattr(module, "OUTPUT", ""), None)
    logging.basicConfig(level=logging.WARNING, format=f"{prog}: warning: %(message)s")
    stopped = getattr(module, "STOPPED", "stopped").format(output=output)
    with one_line_errors(prog, output, stopped), naming_extras(prog):
        module.run(args)
    return 0


def _front_door() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="s2s",
        usage="s2s VERB ...",
        description="Recurrent sequence-to-sequence models and text classifiers: small, fast, your own.",
        epilog=f"verbs:\n{verbs}\n\ns2s VERB --help says what a verb takes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"s2s {__version__}")
    return parser


def parse(verb: str, words: Sequence[str]) -> Tuple[ModuleType, argparse.Namespace]:
    """The module of a verb, and its arguments."""
    module = importlib.import_module(f"s2s_plugins.cli.{verb.replace('-', '_')}")
    other = module.instead(words) if hasattr(module, "instead") else None
    if other is not None:
        module = importlib.import_module(f"s2s_plugins.cli.{other}")
    parser = argparse.ArgumentParser(
        prog=f"s2s {verb}",
        description=module.DESCRIPTION,
        epilog=getattr(module, "EPILOG", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    own, behind = list(words), []
    if getattr(module, "FLAGS_BEHIND", False) and "--" in own:
        place = own.index("--")
        own, behind = own[:place], own[place + 1 :]
    args = parser.parse_args(own)
    args.flags_behind = behind
    return module, args


def add_backend(parser: argparse.ArgumentParser) -> None:
    """``--backend``."""
    help = "of a model file: what computes (default: onnx); torch uses a GPU if there is one"
    parser.add_argument("--backend", choices=BACKENDS, help=help)


def add_min_probability(parser: argparse.ArgumentParser, what: str) -> None:
    """``--min-probability``."""
    help = f"leave a line whose best answer is less probable {what}"
    parser.add_argument("--min-probability", type=float, metavar="P", help=help)


def at_least(args: argparse.Namespace, **limits: int) -> None:
    """Check that the given arguments are not below their limits.

    Raises:
        UsageError: one of them is.
    """
    for name, least in limits.items():
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name.replace('_', '-')} {value} is too small: use {least} or more")


def values(kind: Type[T], args: argparse.Namespace) -> T:
    """An object of the dataclass ``kind``, each field from the argument of the same name."""
    return kind(**{name: getattr(args, name) for name in kind.__dataclass_fields__})
