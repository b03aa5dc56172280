"""``s2s export``: a trained model for other programs: ONNX files, or a page that runs it in a browser."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from s2s_plugins.errors import UsageError

DESCRIPTION = """\
Writes a folder from a model file. --onnx: ONNX files, for any program that runs these, s2s_plugins.load included.
--web: a static page on which the model runs in the browser; nothing that is typed leaves it. Any web server serves the
folder."""
EPILOG = """\
  s2s export g2p.safetensors --onnx g2p.onnx --int8
  s2s export g2p.safetensors --web page && python -m http.server -d page"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model file, as s2s save writes it, or the name of an installed package")
    folder = parser.add_mutually_exclusive_group(required=True).add_argument
    folder("--onnx", metavar="DIR", help="write ONNX files to this folder; earlier ones in it are replaced")
    folder("--web", metavar="DIR", help="write a page to this folder; an earlier page in it is replaced")
    add("--int8", action="store_true", help="of --onnx: 8-bit weights of LSTMs and products, which changes scores")
    help = "of --web: a folder with onnxruntime-web, as the runtime of another page (default: npm fetches it once)"
    add("--runtime", type=Path, metavar="DIR", help=help)


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.inference.files.contents import model_file_of
    from s2s_plugins.inference.files.info import size_of
    from s2s_plugins.inference.files.model_file import read_model_file

    if args.int8 and args.onnx is None:
        raise UsageError("--int8 is about --onnx: for a small page, save the model with s2s save --int8")
    if args.runtime is not None and args.web is None:
        raise UsageError(f"--runtime {args.runtime} is about --web: leave it out")
    model = replace(read_model_file(model_file_of(args.model)), path=args.model)  # a page has the name of a package
    if args.onnx is not None:
        from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder

        files = write_onnx_folder(model, args.onnx, args.int8)
        size = size_of(sum((Path(args.onnx) / name).stat().st_size for name in files))
        print(f"{args.onnx}: {', '.join(files)}, {size}")
        return
    from s2s_plugins.web.folder import write_page

    size = size_of(write_page(model, args.web, args.runtime))
    print(f"{args.web}: {size}; try it: python -m http.server -d {args.web}")
