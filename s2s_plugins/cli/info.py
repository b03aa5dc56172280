"""``s2s info``: what a model file is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

DESCRIPTION = "Prints what a model file is: its kind, sizes, symbols, figures, data and licence."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model file, as s2s save writes it, or the name of an installed package")
    add("--json", action="store_true", help="write it as JSON, with settings and symbols")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.inference.files.contents import model_file_of
    from s2s_plugins.inference.files.info import as_text
    from s2s_plugins.inference.files.model_file import read_model_file

    model = read_model_file(model_file_of(args.model))
    if not args.json:
        print(as_text(model, Path(model.path).stat().st_size))
        return
    values = model.metadata()
    del values["graphs"]  # of use to ONNX Runtime alone, and most of it
    print(json.dumps(values, ensure_ascii=False, indent=1))
