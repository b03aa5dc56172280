"""What a checkpoint answers to the prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

from dialogue.prompts import PROMPTS
from s2s_plugins.files import write_whole


def write(checkpoint: Path, searches: Dict[str, dict], seed: int, path: Path) -> None:
    """The answers of ``checkpoint`` to all prompts as JSON, ``{name: [answer, ...]}``, in the prompts' order.

    Args:
        checkpoint: of fairseq-train.
        searches: options of fairseq-generate for each name, ``beam`` among them.
        seed: of the sampling, set again for each of ``searches``.
        path: of the file, which appears whole or not at all.

    Raises:
        UsageError: the checkpoint cannot be read.
    """
    import torch  # seconds that a command that shows its help need not wait

    from s2s_plugins.models.translator import load_translator

    translator = load_translator(str(checkpoint))
    found = {}
    for name, search in searches.items():
        torch.manual_seed(seed)
        others = {option: value for option, value in search.items() if option != "beam"}
        hypotheses = translator.translate(PROMPTS, beam=search["beam"], search=others)
        found[name] = [" ".join(best[0].tokens) for best in hypotheses]
    write_whole(path, json.dumps(found, ensure_ascii=False, indent=1) + "\n")
