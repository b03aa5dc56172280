"""From pairs to fairseq's binarised data: recognised, split, and made numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.text.folder import prepared_folder
from s2s_plugins.text.pairs import findings
from s2s_plugins.text.pairs.inputs import Input
from s2s_plugins.text.pairs.levels import Level, recognise_both
from s2s_plugins.text.pairs.lines import AnyPath
from s2s_plugins.text.pairs.monotonicity import monotonicity
from s2s_plugins.text.pairs.options import Options, is_data, size_of
from s2s_plugins.text.pairs.pair import Pairs
from s2s_plugins.text.pairs.prepared import DESCRIPTION, SIDES, Counts, Prepared, matches, read_prepared, save
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.text.pairs.splitting import HELD_OUT, OUT, PARTS, TRAIN, VALID, assign, smallest
from s2s_plugins.text.pairs.survey import KEPT
from s2s_plugins.text.pairs.writing import write_parts

LONGEST = {"token": 200, "char": 200, "sentencepiece": 1000}  # tokens, or characters of sentences


def prepare_pairs(train: Any, out: AnyPath, options: Optional[Options] = None) -> Prepared:
    """Read pairs, recognise what they are, split them and write ``out``; if that is done already, read it.

    ``out`` holds ``PART.source-target.SIDE.bin`` and ``.idx`` for the parts ``train``, ``valid`` and ``test``,
    ``dict.SIDE.txt``, ``valid.tsv`` and ``test.tsv`` with all targets as they are spelled in the data, sentencepiece
    models as ``SIDE.model``, and ``description.json``.

    Args:
        train: what :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes.
        out: the folder; it appears whole or not at all.
        options: how; None: all of it recognised.

    Raises:
        UsageError: the data cannot be read, is of another form, or hardly any of it can be used.
    """
    out, options = Path(out), options or Options()
    given = {"train": train, "valid": options.valid, "test": options.test}
    read = {part: read_pairs(data, options.columns, out.parent) for part, data in given.items() if is_data(data)}
    data = {part: pairs.fingerprint() for part, pairs in read.items()}
    inputs: Dict[str, object] = {"options": options.plain(), "data": data}
    if matches(out, inputs):
        return read_prepared(out)
    with prepared_folder(str(out), strange_to_pairs, "--out") as folder:
        save(_prepared(read, options, folder), folder, inputs)
    return read_prepared(out)


def strange_to_pairs(folder: Path) -> Optional[str]:
    """What a folder holds that was not prepared from pairs; None: nothing."""
    there = sorted(entry.name for entry in folder.iterdir())
    return None if not there or DESCRIPTION in there else there[0]


def _prepared(read: Dict[str, Pairs], options: Options, folder: Path) -> Prepared:
    """Pass over the data several times, and write all but the description.

    Raises:
        UsageError: as :func:`prepare_pairs`.
    """
    inputs = {part: Input(part, pairs, options.seed) for part, pairs in read.items()}
    train = inputs["train"]
    sides = _sides(train, options)
    longest = {level: options.longest or most for level, most in LONGEST.items()}
    for data in inputs.values():
        data.leave_out([side.level.name for side in sides], longest)
    held_out = _split(inputs, options)
    _train_pieces(train, sides, options)
    for chosen in train.of(TRAIN, "count"):
        for side, text in zip(sides, chosen.pair):
            side.count(text)
    for side in sides:
        side.number_symbols(options.min_count)
    counts = {part: _counts(inputs.values(), bit) for part, bit in PARTS.items()}
    unknown = write_parts(folder, inputs.values(), sides, [part for part in PARTS if counts[part].pairs])
    sample = ([side.tokens(text) for side, text in zip(sides, pair)] for pair in train.survey.sample)
    value = round(monotonicity((source, target) for source, target in sample), 3)
    said = findings.all_of(inputs, sides, counts, held_out, unknown, options.seed)
    return Prepared(
        folder=folder,
        source=sides[0].facts(),
        target=sides[1].facts(),
        train=counts["train"],
        valid=counts["valid"],
        test=counts["test"],
        valid_held_out=held_out,
        monotonicity=value,
        findings=said,
    )


def _sides(train: Input, options: Options) -> List[Side]:
    """Recognise what the tokens of each side are, unless that was said."""
    survey = train.survey
    found = recognise_both([pair.source for pair in survey.sample], [pair.target for pair in survey.sample])
    asked = [Level(name, f"{name} level, as asked for") if name else None for name in options.levels]
    return [Side(*one) for one in zip(SIDES, (ask or level for ask, level in zip(asked, found)), survey.characters)]


def _split(inputs: Dict[str, Input], options: Options) -> bool:
    """Give each pair its part.

    Returns:
        Whether there is a validation part of other sources than the training part's. Otherwise it consists of some of
        those.

    Raises:
        UsageError: more is to be held out than there is.
    """
    train = inputs["train"]
    asked = {part: size_of(getattr(options, part)) for part in ("valid", "test") if part not in inputs}
    train.parts = assign(train.survey.sources, train.survey.codes, asked)
    for part in asked.keys() ^ {"valid", "test"}:
        inputs[part].parts = np.where(inputs[part].survey.codes == KEPT, PARTS[part], OUT).astype(np.uint8)
    if any((data.parts & VALID).any() for data in inputs.values()):
        return True
    own = smallest(train.survey.sources, train.parts == TRAIN, HELD_OUT["valid"])
    train.parts[own] |= VALID
    return False


def _train_pieces(train: Input, sides: List[Side], options: Options) -> None:
    for number, side in enumerate(sides):
        if side.level.name == "sentencepiece":
            texts = (chosen.pair[number] for chosen in train.of(TRAIN, f"sentencepiece, {side.name}"))
            characters = train.survey.characters_of(number, train.parts == TRAIN)
            side.train_pieces(texts, characters, options.vocab_size or 0)
    if options.vocab_size and all(side.level.name != "sentencepiece" for side in sides):
        levels = " and ".join(side.level.name for side in sides)
        raise UsageError(
            f"--vocab-size {options.vocab_size} is for sentencepiece, and the levels are {levels}: leave it out, or "
            "give --source-level or --target-level sentencepiece"
        )


def _counts(inputs: Any, bit: int) -> Counts:
    """The size of a part."""
    return Counts(
        sum(data.number_of_sources(bit) for data in inputs), sum(data.number_of_pairs(bit) for data in inputs)
    )
