"""From labelled texts to binarised data: read, looked at, split, and made numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.text.folder import prepared_folder
from s2s_plugins.text.labelled import findings
from s2s_plugins.text.labelled.ends import better_end
from s2s_plugins.text.labelled.options import LEVEL_NAMES, TextOptions
from s2s_plugins.text.labelled.prepared import DESCRIPTION, PreparedTexts, matches, read_prepared, save
from s2s_plugins.text.labelled.reading import Unlabelled, read_texts
from s2s_plugins.text.labelled.splits import LabelledSplits
from s2s_plugins.text.labelled.splitting import assign
from s2s_plugins.text.labelled.survey import Survey
from s2s_plugins.text.pairs.levels import wide_share
from s2s_plugins.text.pairs.options import is_data, size_of
from s2s_plugins.text.pairs.pair import Pairs
from s2s_plugins.text.pairs.pieces import vocabulary_for
from s2s_plugins.text.pairs.splitting import OUT, PARTS, TRAIN, VALID
from s2s_plugins.text.prepare import Prepared, TokenChoice, prepare_splits

MOST_WORDS = 20_000  # of a dictionary
SINGLE = 1.5  # words of a text in the mean, below which characters are tokens
FEW = 1000  # training texts, below which a word that occurs once is kept
MANY_CLASSES = 1000


def prepare_labelled(train: Any, out: Path, options: Optional[TextOptions] = None) -> PreparedTexts:
    """Read labelled texts, recognise what they are, split them and write ``out``; if that is done already, read it.

    ``out`` holds ``pretrain`` and ``classify`` as ``s2s prepare`` writes them, ``valid.jsonl`` and ``test.jsonl``, and
    ``description.json``.

    Args:
        train: what :func:`~s2s_plugins.text.labelled.reading.read_texts` takes.
        out: the folder; it appears whole or not at all.
        options: how; None: all of it recognised.

    Raises:
        UsageError: the data cannot be read, is of another form, or hardly any of it can be used.
    """
    out, options = Path(out), options or TextOptions()
    out.parent.mkdir(parents=True, exist_ok=True)
    given = {"train": train, "valid": options.valid, "test": options.test}
    read = {part: read_texts(data, options.columns, out.parent) for part, data in given.items() if is_data(data)}
    unlabelled = Unlabelled(options.unlabelled, options.text)
    data: Dict[str, object] = {part: pairs.fingerprint() for part, pairs in read.items()}
    inputs: Dict[str, object] = {"options": options.plain(), "data": {**data, "unlabelled": unlabelled.fingerprint()}}
    if matches(out, inputs):
        return read_prepared(out)
    with prepared_folder(str(out), strange_to_labelled, "--out") as folder:
        save(_prepared(read, unlabelled, options, folder), folder, inputs)
    return read_prepared(out)


def strange_to_labelled(folder: Path) -> Optional[str]:
    """What a folder holds that was not prepared by ``s2s train``; None: nothing."""
    there = sorted(entry.name for entry in folder.iterdir())
    return None if not there or DESCRIPTION in there else there[0]


def _prepared(read: Dict[str, Pairs], unlabelled: Unlabelled, options: TextOptions, folder: Path) -> PreparedTexts:
    """Pass over the data several times, and write all but the description.

    Raises:
        UsageError: as :func:`prepare_labelled`.
    """
    train = Survey("train", read["train"], options.seed)
    _check_classes(train)
    surveys = {"train": train}
    for part in ("valid", "test"):
        if part in read:
            surveys[part] = Survey(part, read[part], options.seed, train.classes)
    parts = _parts(surveys, options)
    held_out = not (parts["train"] & VALID).any() or not (parts["train"][(parts["train"] & VALID) > 0] & TRAIN).all()
    splits = LabelledSplits(surveys, parts, unlabelled, options.seed)
    counts = {part: sum(int((bits & bit > 0).sum()) for bits in parts.values()) for part, bit in PARTS.items()}
    level = LEVEL_NAMES[options.level] if options.level else level_of(train.sample)
    found = prepare_splits(splits, _choice(level, counts["train"], splits), folder, has_test=counts["test"] > 0)
    for part in ("valid", "test"):
        if counts[part]:
            _write_texts(folder / f"{part}.jsonl", splits, part)
    rows = dict(found.rows)
    documents = rows["classify/train"]
    prepared = PreparedTexts(
        folder=folder,
        classes=found.labels,
        level=level,
        symbols=found.symbols,
        train=counts["train"],
        valid=counts["valid"],
        test=counts["test"],
        valid_held_out=held_out,
        mean_length=round(documents.tokens / documents.documents, 2),
        tokens=rows["pretrain/train"].tokens,
        unlabelled=rows["pretrain/train"].documents - documents.documents,
        end=better_end(folder / "classify", len(found.labels), found.symbols),
        findings=[],
    )
    prepared.findings.extend(findings.all_of(prepared, surveys, parts, splits, _by_class(found), options.seed))
    return prepared


def _check_classes(train: Survey) -> None:
    """Check that the labels are classes.

    Raises:
        UsageError: there is one, or nearly as many as texts.
    """
    classes, texts = len(train.classes), int(train.kept.sum())
    name = train.pairs.name
    if classes < 2:
        raise UsageError(f"{name}: every label is {train.classes[0][:40]!r}: a classifier needs two classes or more")
    if classes > max(MANY_CLASSES, texts // 2):
        raise UsageError(
            f"{name}: {classes:,} distinct labels of {texts:,} texts are no classes: name the column of the labels "
            "with --label; or, to write a text for a text, use --task pairs"
        )


def _parts(surveys: Dict[str, Survey], options: TextOptions) -> Dict[str, NDArray[np.uint8]]:
    """The part of each text, by file."""
    train = surveys["train"]
    asked = {part: size_of(getattr(options, part)) for part in ("valid", "test") if part not in surveys}
    found = {"train": assign(train.texts, train.labels, train.kept, asked)}
    for part in surveys.keys() - {"train"}:
        found[part] = np.where(surveys[part].kept, PARTS[part], OUT).astype(np.uint8)
    if not any((bits & VALID).any() for bits in found.values()):  # too few to hold any out
        found["train"][np.flatnonzero(found["train"] == TRAIN)[:200]] |= VALID
    return found


def level_of(texts: List[str]) -> str:
    """``"word"``; of texts that are one word, as names, ``"char"``; of scripts without spaces ``"sentencepiece"``."""
    if wide_share(texts) > 0.5:
        return "sentencepiece" if len(texts) >= FEW else "char"
    words = sum(len(text.split()) for text in texts) / len(texts)
    return "char" if words < SINGLE else "word"


def _choice(level: str, texts: int, splits: LabelledSplits) -> TokenChoice:
    if level == "sentencepiece":
        characters = sum(len(text) for text in splits.texts())
        return TokenChoice(level, vocab_size=vocabulary_for(characters))
    if level == "char":
        return TokenChoice(level, rare="unk")
    return TokenChoice(level, max_words=MOST_WORDS, min_count=1 if texts < FEW else None)


def _by_class(found: Prepared) -> Dict[str, Dict[str, int]]:
    return {part: dict(counts) for part, counts in found.of_label.items()}


def _write_texts(path: Path, splits: LabelledSplits, part: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in splits.of(part):
            file.write(json.dumps({"text": document.text, "label": document.label}, ensure_ascii=False) + "\n")
