"""``s2s user-dir``: the folder that ``--user-dir`` wants, wherever the package is installed."""

from __future__ import annotations

import argparse
import os

import s2s_plugins

DESCRIPTION = "Print this package's folder, as in: fairseq-train DATA --user-dir $(s2s user-dir) --arch peek_lstm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> None:
    """Print the folder."""
    print(os.path.dirname(s2s_plugins.__file__))
