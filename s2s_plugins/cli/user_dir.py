"""``s2s user-dir``: the folder that ``--user-dir`` wants, wherever the package is installed."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

DESCRIPTION = "Print this package's folder, as in: fairseq-train DATA --user-dir $(s2s user-dir) --arch peek_lstm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> None:
    """Print the folder."""
    print(find_spec("s2s_plugins").submodule_search_locations[0])
