"""Checkpoints that are damaged, tampered with, or malicious, made from sound ones."""

from __future__ import annotations

import argparse
import copy
import io
import os
import pickle
import random
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Callable, Dict

import torch


def load(path: Path) -> dict:
    """A checkpoint that these tests have made themselves, with the types that a safe reading refuses, to be changed."""
    return torch.load(path, weights_only=False)


def save(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


def changed(sound: Path, path: Path, change: Callable[[dict], Any]) -> Path:
    """The checkpoint ``sound`` after ``change``, which edits it, or returns what takes its place."""
    state = load(sound)
    result = change(state)
    return save(state if result is None else result, path)


def set_field(part: str, name: str, value: Any) -> Callable[[dict], None]:
    """Set one setting, of a dictionary or of a namespace."""

    def change(state: dict) -> None:
        section = state["cfg"][part]
        if isinstance(section, argparse.Namespace):
            setattr(section, name, value)
        else:
            section[name] = value

    return change


def set_weight(name: str, value: Callable[[torch.Tensor], Any]) -> Callable[[dict], None]:
    def change(state: dict) -> None:
        state["model"][name] = value(state["model"][name])

    return change


def drop(*keys: str) -> Callable[[dict], None]:
    def change(state: dict) -> None:
        for key in keys[:-1]:
            state = state[key]
        del state[keys[-1]]

    return change


def spoil(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """One number of a weight is ``value``."""

    def change(weight: torch.Tensor) -> torch.Tensor:
        weight = weight.clone()
        weight.view(-1)[3] = value
        return weight

    return change


def flipped(sound: Path, path: Path, count: int = 200) -> Path:
    """``sound`` with other bits in its largest record."""
    content, draw = bytearray(sound.read_bytes()), random.Random(7)
    with zipfile.ZipFile(sound) as archive:
        record = max(archive.infolist(), key=lambda one: one.file_size)
    start = content.find(b"FB", record.header_offset) + 64
    for _ in range(count):
        content[draw.randrange(start, record.header_offset + record.file_size)] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return path


def compressed(sound: Path, path: Path) -> Path:
    with zipfile.ZipFile(sound) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for record in archive.infolist():
            written.writestr(record.filename, archive.read(record))
    return path


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def many_times_itself(depth: int = 60) -> list:
    """A few hundred bytes in a file; walked through, 2 to the ``depth`` elements."""
    found: list = [1]
    for _ in range(depth):
        found = [found, found]
    return found


def damaged(sound: Path, folder: Path, embedding: str = "encoder.core.embed_tokens.weight") -> Dict[str, Path]:
    """Files that are no sound checkpoint, by what is wrong with them.

    Args:
        sound: a checkpoint of one of our architectures.
        folder: where the files go.
        embedding: the name of one of its weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = sound.read_bytes()
    made: Dict[str, Path] = {}

    def path(name: str) -> Path:
        made[name] = folder / f"{name}.pt"
        return made[name]

    path("missing")
    path("empty").write_bytes(b"")
    path("text").write_text("these are words, not weights\n" * 20)
    path("binary").write_bytes(random.Random(1).randbytes(5000))
    for name, kept in (("cut-10", 10), ("cut-half", len(content) // 2), ("cut-end", len(content) - 30)):
        path(name).write_bytes(content[:kept])
    path("folder").mkdir(exist_ok=True)
    with zipfile.ZipFile(path("zip"), "w") as archive:
        archive.writestr("notes.txt", "hello")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path("torchscript")))
    path("pickle").write_bytes(pickle.dumps({"model": {}, "cfg": {}}))
    for name, value in {
        "bare": load(sound)["model"],
        "nothing": {},
        "list": [1, 2],
        "tensor": torch.zeros(3),
        "number": 7,
        "none": None,
        "keys": {1: 2},
    }.items():
        save(value, path(name))
    flipped(sound, path("flipped"))
    compressed(sound, path("compressed"))

    def laughing(state: dict) -> None:
        state["cfg"]["common"]["wandb_project"] = many_times_itself()

    def circular(state: dict) -> None:
        state["cfg"]["common"]["loop"] = state["cfg"]["common"]

    for name, change in {
        "nan": set_weight(embedding, spoil(float("nan"))),
        "inf": set_weight(embedding, spoil(float("inf"))),
        "no-model": drop("model"),
        "no-settings": drop("cfg"),
        "no-model-settings": drop("cfg", "model"),
        "no-task": drop("cfg", "task"),
        "no-weight": drop("model", embedding),
        "settings-are-text": lambda state: {**state, "cfg": "text"},
        "settings-are-a-list": lambda state: {**state, "cfg": [1]},
        "model-is-a-list": lambda state: {**state, "model": [1]},
        "weight-is-text": set_weight(embedding, lambda weight: "text"),
        "weight-is-small": set_weight(embedding, lambda weight: weight[:1]),
        "weight-is-huge": set_weight(embedding, lambda weight: torch.zeros(1).expand(10**9, 10**3)),
        "weight-is-integer": set_weight(embedding, lambda weight: weight.bool()),
        "size-is-text": set_field("model", "decoder_hidden_size", "many"),
        "size-is-negative": set_field("model", "decoder_hidden_size", -5),
        "size-is-huge": set_field("model", "decoder_hidden_size", 10**15),
        "size-is-none": set_field("model", "decoder_hidden_size", None),
        "dropout-is-7": set_field("model", "dropout", 7),
        "unknown-architecture": set_field("model", "_name", "no_such_model"),
        "unknown-task": set_field("task", "_name", "no_such_task"),
        "positions-are-text": set_field("task", "max_source_positions", "many"),
        "interpolation": set_field("common", "wandb_project", "${oc.env:HOME}"),
        "laughing": laughing,
        "circular": circular,
        "symbols-are-noise": set_weight("decoder.symbols", lambda weight: weight * 0 + 255.0),
        "symbols-are-nan": set_weight("decoder.symbols", lambda weight: weight * float("nan")),
    }.items():
        changed(sound, path(name), copy.copy(change))
    return made


def with_two_tables(sound: Path, path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """An archive that two readers read in two ways: one finds records after ``change``, one finds others, all sound.

    A zip archive says where its table of records is. Python's reader goes by where the table has to end, torch's by
    what is said.
    """
    out = io.BytesIO()
    tables: Dict[str, list] = {"said": [], "last": []}

    def add(table: str, name: str, content: bytes, checksum: int) -> None:
        tables[table].append((name, content, checksum, out.tell()))
        name_bytes = name.encode()
        head = (b"PK\3\4", 20, 0, 0, 0, 0, checksum, len(content), len(content), len(name_bytes), 0)
        out.write(struct.pack("<4s5H3I2H", *head) + name_bytes + content)

    with zipfile.ZipFile(sound) as archive:
        for record in archive.infolist():
            content = archive.read(record)
            add("said", record.filename, change(record.filename, content), zlib.crc32(content))
        for record in archive.infolist():
            add("last", record.filename, b"x", zlib.crc32(b"x"))

    def table(name: str, shift: int) -> bytes:
        rows = b""
        for record, content, checksum, place in tables[name]:
            size, row = len(content), record.encode()
            numbers = (
                b"PK\1\2",
                20,
                20,
                0,
                0,
                0,
                0,
                checksum,
                size,
                size,
                len(row),
                0,
                0,
                0,
                0,
                0,
                (place - shift) % 2**32,
            )
            rows += struct.pack("<4s6H3I5H2I", *numbers) + row
        return rows

    said, start = table("said", 0), out.tell()
    count = len(tables["said"])
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(said), start, 0)
    path.write_bytes(out.getvalue() + said + table("last", len(said)) + end)
    return path
