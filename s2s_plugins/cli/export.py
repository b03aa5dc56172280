"""``s2s export``: a trained model for other programs: a page that runs it in a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2s_plugins.errors import UsageError

DESCRIPTION = """\
Writes a folder from a model file. --web: a static page on which the model runs in the browser; nothing that is typed
leaves it. Any web server serves the folder."""
EPILOG = """\
  s2s export g2p.safetensors --web page && python -m http.server -d page"""
OUTPUT = "web"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model file, as s2s save writes it")
    add("--web", required=True, metavar="DIR", help="the folder to write; an earlier page in it is replaced")
    help = "of --web: a folder with the files of onnxruntime-web's dist (default: npm fetches them once)"
    add("--runtime", type=Path, metavar="DIR", help=help)


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.inference.model_file import is_model_file, read_model_file
    from s2s_plugins.web.folder import write_page

    if not is_model_file(args.model):
        raise UsageError(f"{args.model} is no model file: make one with s2s save {args.model} --out M.safetensors")
    size = write_page(read_model_file(args.model), args.web, args.runtime)
    print(f"{args.web}: {size / 1e6:.1f} MB; try it: python -m http.server -d {args.web}")
