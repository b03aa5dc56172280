"""Draws the decoders side by side, as the README shows them: ``python scripts/draw_decoders.py``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Dict, List, Optional, Sequence, Tuple

from fairseq.data import Dictionary
from fairseq.models import ARCH_MODEL_REGISTRY

import s2s_plugins  # noqa: F401  (registers the architectures)
from s2s_plugins.errors import one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.models.config import RecurrentConfig
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.reports.diagram import Diagram, diagram_of, draw

PICTURE = Path(__file__).resolve().parents[1] / "s2s_plugins" / "nn" / "decoders" / "decoders.svg"
# what else is drawn: title, architecture, flags
VARIANTS: Tuple[Tuple[str, str, Dict[str, object]], ...] = (
    ("--attention-timing after", "attention_lstm", {"attention_timing": "after"}),
    ("... and --input-feeding", "attention_lstm", {"attention_timing": "after", "input_feeding": True}),
)


def architectures() -> List[str]:
    """Those with a decoder of their own, the ones that see the least first, those with attention last."""

    def seen(arch: str) -> Tuple[bool, int, str]:
        sees = ARCH_MODEL_REGISTRY[arch].decoder_class.sees
        return "context" in (*sees.step, *sees.output), len(sees.step) + len(sees.output), arch

    own = [
        arch
        for arch, model in ARCH_MODEL_REGISTRY.items()
        if issubclass(model, RecurrentModel)
        and issubclass(model.config_class, RecurrentConfig)
        and "decoder_class" in vars(model)
    ]
    return sorted(own, key=seen)


def diagrams() -> List[Diagram]:
    """Of each architecture and each of :data:`VARIANTS`, with the sizes that are the default."""
    dictionary = Dictionary()
    task = SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    found: List[Diagram] = []
    plain: List[Tuple[str, str, Dict[str, object]]] = [(arch, arch, {}) for arch in architectures()]
    for title, arch, flags in (*plain, *VARIANTS):
        model = ARCH_MODEL_REGISTRY[arch].build_model(argparse.Namespace(arch=arch, **flags), task)
        found += filter(None, [diagram_of(title, model)])
    return found


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", metavar="FILE", type=Path, default=PICTURE, help="default: the README's picture")
    args = parser.parse_args(argv)
    logging.disable(logging.INFO)
    with one_line_errors("draw_decoders.py", args.out):
        write_whole(args.out, draw(diagrams()))
    print(f"drawn: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
