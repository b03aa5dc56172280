"""A folder of ONNX files, read: what ``s2s export --onnx`` wrote. ``docs/onnx.md`` describes it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Tuple, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import ModelFile, from_metadata
from s2s_plugins.inference.onnx.session import OnnxFile

DESCRIPTION, ENDING = "model.json", ".onnx"
REMEDY = "use a folder that s2s export --onnx wrote"


def is_onnx_folder(path: Union[str, "os.PathLike[str]"]) -> bool:
    """Whether ``path`` is taken for a folder of ONNX files; that of a page has such a description too."""
    return (Path(path) / DESCRIPTION).is_file() and not (Path(path) / "index.html").exists()


def places_of(members: int) -> Tuple[str, ...]:
    """The folder of each member: of one, the folder itself."""
    return ("",) if members == 1 else tuple(str(number) for number in range(1, members + 1))


def read_onnx_folder(folder: Union[str, "os.PathLike[str]"]) -> ModelFile:
    """The model in a folder; in place of graphs and weights its members have ONNX files.

    Raises:
        UsageError: it is damaged, or of a newer release.
    """
    path = Path(folder)
    try:
        values = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UsageError(f"{path / DESCRIPTION} is no JSON: {REMEDY}") from None
    if not isinstance(values, dict) or type(values.get("format")) is not int:
        raise UsageError(f"{path / DESCRIPTION} does not say of which format it is: {REMEDY}")
    model = from_metadata(values, str(path), more=["int8"])
    members = []
    for place, member in zip(places_of(len(model.members)), model.members):
        contents: Any = {
            name: OnnxFile(_content(path / place / f"{name}{ENDING}"), graph) for name, graph in member.graphs.items()
        }
        members.append(replace(member, graphs=contents, weights={}))
    return replace(model, members=tuple(members))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(f"{path} is missing: {REMEDY}")
    content = path.read_bytes()
    # the key of an entry that names a file with the values of a tensor, which ONNX Runtime would open
    if b"\x0a\x08location" in content:
        raise UsageError(f"{path} names other files: {REMEDY}")
    return content
