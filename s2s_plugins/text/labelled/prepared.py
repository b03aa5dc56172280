"""What was prepared of labelled texts, as the folder's ``description.json`` keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from s2s_plugins.errors import UsageError
from s2s_plugins.text.description import DESCRIPTION, REMEDY, read_description

VERSION = 1  # of what is written: another one is prepared again
KIND = "labelled texts"


@dataclass(frozen=True)
class PreparedTexts:
    """What :func:`~s2s_plugins.text.labelled.prepare.prepare_labelled` wrote.

    Args:
        folder: with ``pretrain`` and ``classify``, as ``s2s prepare`` writes them, and ``valid.jsonl`` and
            ``test.jsonl``, the texts that are held out.
        classes: names.
        level: ``"word"``, ``"char"`` or ``"sentencepiece"``.
        symbols: size of the dictionary.
        train: number of texts to train on.
        valid: number of texts to validate on.
        test: number of texts to test on; there may be none.
        valid_held_out: whether the texts of ``valid`` are no texts of ``train``.
        mean_length: of the training texts, in tokens.
        tokens: of all text to pretrain on.
        unlabelled: number of texts without a label.
        end: which end of long texts says more about their class, ``"first"`` or ``"last"``; empty: no telling.
        findings: what to say to the user, a line each.
    """

    folder: Path
    classes: List[str]
    level: str
    symbols: int
    train: int
    valid: int
    test: int
    valid_held_out: bool
    mean_length: float
    tokens: int
    unlabelled: int
    end: str
    findings: List[str]


def save(prepared: PreparedTexts, folder: Path, inputs: Dict[str, object]) -> None:
    """Write the description into ``folder``.

    Args:
        prepared: the facts.
        folder: where.
        inputs: what the data was made of, for :func:`matches`.
    """
    plain: Dict[str, Any] = {"version": VERSION, "kind": KIND, "inputs": inputs, **asdict(prepared)}
    del plain["folder"]
    (folder / DESCRIPTION).write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_prepared(folder: Path) -> PreparedTexts:
    """What is in a folder of prepared texts.

    Raises:
        UsageError: it is none, or is damaged.
    """
    plain = _read(folder)
    path = folder / DESCRIPTION
    if plain is None:
        raise UsageError(f"{path} is missing: prepare the texts")
    try:
        values = {name: plain[name] for name in PreparedTexts.__dataclass_fields__ if name != "folder"}
    except KeyError as error:
        raise UsageError(f"{path} is damaged (it has no {error}): {REMEDY}") from None
    return PreparedTexts(folder=folder, **values)


def matches(folder: Path, inputs: Dict[str, object]) -> bool:
    """Whether ``folder`` was prepared from these inputs, by this version."""
    plain = _read(folder)
    return plain is not None and plain.get("version") == VERSION and plain.get("inputs") == inputs


def _read(folder: Path) -> Optional[Dict[str, Any]]:
    """The description; None if there is none of this kind.

    Raises:
        UsageError: it is damaged.
    """
    plain = read_description(folder)
    return None if plain is None or plain.get("kind") != KIND else plain
