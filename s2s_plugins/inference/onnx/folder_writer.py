"""A folder of ONNX files, written: a trained model for any program that runs ONNX. ``docs/onnx.md`` describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from s2s_plugins.inference.files.model_file import Member, ModelFile
from s2s_plugins.inference.load import opened
from s2s_plugins.inference.onnx.folder import DESCRIPTION, ENDING, places_of
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.onnx.greedy import greedy_onnx
from s2s_plugins.inference.onnx.quantise import check_quantisation, quantised
from s2s_plugins.inference.translator import Translator
from s2s_plugins.text.folder import prepared_folder

GREEDY = "greedy"


def write_onnx_folder(model: ModelFile, folder: str, int8: bool = False) -> List[str]:
    """Write a folder with an ONNX file for each graph, with weights in it, and ``model.json``.

    It appears whole or not at all. Of a translator that is no ensemble it has ``greedy.onnx`` too.

    Args:
        model: as it was read.
        folder: to write; an earlier one is replaced.
        int8: whether LSTMs and products get 8-bit weights.

    Returns:
        The names of the files.

    Raises:
        UsageError: the folder holds other things, the model is damaged, or ``int8`` needs what is not installed.
    """
    if int8:
        check_quantisation()
    ready = opened(model, "onnx")
    with prepared_folder(folder, strange_to_onnx, "--onnx") as new:
        for place, member in zip(places_of(len(model.members)), model.members):
            (new / place).mkdir(exist_ok=True)
            for name, content in _contents(member, ready, alone=not place).items():
                file = f"{name}{ENDING}"
                (new / place / file).write_bytes(quantised(content, f"{file} of {model.path}") if int8 else content)
        description = {**model.metadata(), "int8": int8}
        (new / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
        return sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file())


def _contents(member: Member, ready: Any, alone: bool) -> Dict[str, bytes]:
    """The files of a member, by name."""
    found = {name: to_onnx(graph, member.weights) for name, graph in member.graphs.items()}
    if alone and isinstance(ready, Translator):
        never = ready.search_settings(beam=1).never
        found[GREEDY] = greedy_onnx(member.graphs, member.weights, never)
    return found


def strange_to_onnx(folder: Path) -> Optional[str]:
    """What a folder holds that ``s2s export --onnx`` did not write; None: nothing."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    if files and not _is_ours(folder / DESCRIPTION):
        return str(files[0].relative_to(folder))
    strange = [path for path in files if path.suffix != ENDING and path != folder / DESCRIPTION]
    return str(strange[0].relative_to(folder)) if strange else None


def _is_ours(description: Path) -> bool:
    """Whether a file is the ``model.json`` of such a folder."""
    try:
        values = json.loads(description.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and {"format", "graphs", "int8"} <= set(values)
