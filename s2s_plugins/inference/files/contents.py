"""What a path or a name that a user gives stands for: by what is there, whatever its suffix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.model_file import SUFFIX
from s2s_plugins.inference.files.packages import MODEL as IN_FOLDER
from s2s_plugins.inference.files.packages import installed_model
from s2s_plugins.inference.onnx.folder import is_onnx_folder

MODEL, ONNX, CHECKPOINT = "model file", "folder of ONNX files", "checkpoint"
LONGEST_HEADER = 100_000_000  # bytes: safetensors takes no longer one
ZIP, PICKLE = b"PK\x03\x04", b"\x80"


def content_of(path: Union[str, "os.PathLike[str]"]) -> str:
    """What ``path`` is: :data:`MODEL`, also a folder or an installed package with one; :data:`ONNX`; or
    :data:`CHECKPOINT`.

    Raises:
        UsageError: there is nothing, or it is none of these.
        OSError: it cannot be read.
    """
    name = os.fspath(path)
    if installed_model(name) is not None:
        return MODEL
    if is_onnx_folder(name):
        return ONNX
    name = os.fspath(located(name))
    if not os.path.exists(name):
        raise UsageError(f"{name}: there is no such file, folder or installed package: check the name")
    if not os.path.isfile(name):
        raise UsageError(f"{name} is no regular file: name a model file")
    with open(name, "rb") as file:
        head = file.read(9)
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER:
        return MODEL
    if head.startswith((ZIP, PICKLE)):
        return CHECKPOINT
    if name.endswith(SUFFIX):
        raise UsageError(f"{name} is damaged, or no model file: use one that s2s save wrote")
    raise UsageError(f"{name} is no model file and no checkpoint: name one that s2s save or fairseq-train wrote")


def model_file_of(path: Union[str, "os.PathLike[str]"]) -> Path:
    """The model file that ``path`` is, or that the installed package of this name brings.

    Raises:
        UsageError: it is something else; the message says what to do with it.
        OSError: it cannot be read.
    """
    name, content = os.fspath(path), content_of(path)
    if content == CHECKPOINT:
        raise UsageError(f"{name} is a checkpoint: s2s save {name} --out MODEL{SUFFIX} makes a model file of it")
    if content == ONNX:
        raise UsageError(f"{name} is a folder of ONNX files: name the model file that it was exported from")
    return located(name)


def located(path: Union[str, "os.PathLike[str]"]) -> Path:
    """The file that ``path`` stands for: itself, that of an installed package of this name, or ``model.safetensors`` in
    this folder.

    Raises:
        UsageError: it is a folder without.
    """
    installed, own = installed_model(path), Path(path)
    if installed is not None or not own.is_dir():
        return installed or own
    if (own / IN_FOLDER).is_file():
        return own / IN_FOLDER
    others = sorted(file.name for file in own.glob(f"*{SUFFIX}") if file.is_file())
    remedy = f"name one of its model files, as {own / others[0]}" if others else "name a model file"
    raise UsageError(f"{path} is a folder without {IN_FOLDER}, and none that s2s export --onnx wrote: {remedy}")
