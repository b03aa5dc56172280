"""``s2s package``: a model file to a wheel."""

from __future__ import annotations

import argparse

DESCRIPTION = """\
Writes a wheel that holds a model file and depends on s2s-plugins: pip install it, and s2s_plugins.load("NAME") and
s2s predict NAME find the model. Its README is made of what the model file says. Needs the extra [export]."""
EPILOG = "  s2s package g2p.safetensors --name s2s_g2p_en --version 1.0 --licence BSD-2-Clause --out dist"
OUTPUT = "out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model file, as s2s save writes it, or the name of an installed package")
    add("--name", required=True, help="of the package: letters a-z, digits and _, as s2s_g2p_en")
    add("--version", default="1.0", metavar="V", help="of the model (default: %(default)s)")
    add("--licence", metavar="NAME", help="under which the model may be used (default: what the model file says)")
    add("--out", default=".", metavar="DIR", help="folder of the wheel (default: this one)")


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.inference.files.info import size_of
    from s2s_plugins.inference.files.wheel import write_wheel

    wheel = write_wheel(args.model, args.name, args.version, args.licence, args.out)
    print(f'{wheel}: {size_of(wheel.stat().st_size)}; installed, s2s_plugins.load("{args.name}") opens it')
