"""Arguments that say what a token of a checkpoint's texts is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from s2s_plugins.cli.main import LEVELS
from s2s_plugins.errors import UsageError
from s2s_plugins.text.features import SEPARATORS


def add_spelling(parser: argparse.ArgumentParser) -> None:
    """The arguments, for both sides."""
    add = parser.add_argument
    for side in ("source", "target"):
        what = f"of a translator: a token of the {side} is what spaces separate, or a character"
        add(f"--{side}", choices=LEVELS, help=f"{what} (default: token)")
        add(f"--{side}-pieces", type=Path, metavar="F.model", help="it is a piece of this sentencepiece model")
    help = "the source's dictionary has features, as ⟦PST⟧: what will stand between them in TEXT<TAB>V;PST"
    add("--features-separator", choices=SEPARATORS, help=help)
    add("--prepared", type=Path, metavar="DIR", help="what s2s prepare --pairs wrote, for --source and --target")


def spelled_of(args: argparse.Namespace, side: str) -> Any:
    """What a token of a side is, and its sentencepiece model: a Spelled."""
    from s2s_plugins.text.pairs.prepared import read_prepared
    from s2s_plugins.text.spelling import Spelled, read_pieces

    level, pieces = getattr(args, side), getattr(args, f"{side}_pieces")
    given = {f"--{side} {level}": level, f"--{side}-pieces": pieces, "--prepared": args.prepared}
    flags = [flag for flag, value in given.items() if value is not None]
    if len(flags) > 1:
        raise UsageError(f"{flags[0]} and {flags[1]} exclude each other: leave one out")
    if args.prepared is not None:
        if args.features_separator is not None:
            raise UsageError("--prepared knows what separates features: leave out --features-separator")
        return getattr(read_prepared(args.prepared), side).spelled
    features = args.features_separator if side == "source" else None
    if pieces is None:
        return Spelled(level or "token", features=features)
    return Spelled("sentencepiece", read_pieces(pieces, flags[0]), features=features)
