"""What is said about the data: what was recognised, what was left out, and what looks wrong."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Set

import numpy as np

from s2s_plugins.text.pairs.inputs import Input
from s2s_plugins.text.pairs.levels import CHARACTERS
from s2s_plugins.text.pairs.pair import NAMED, counted, named, shown
from s2s_plugins.text.pairs.prepared import Counts
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.splitting import OUT, PARTS, TRAIN
from s2s_plugins.text.pairs.survey import KEPT
from s2s_plugins.text.pairs.tokenizing import JOINERS
from s2s_plugins.text.pairs.writing import Unknown
from s2s_plugins.text.slots import SLOTS

MANY = 20  # targets of a source that are worth a word
FAR = 0.5  # alphabets that fit so much better crosswise: the columns look swapped


def all_of(
    inputs: Dict[str, Input],
    sides: Sequence[Side],
    counts: Dict[str, Counts],
    held_out: bool,
    unknown: Dict[str, Unknown],
    seed: int,
) -> List[str]:
    """Everything, a line each.

    Args:
        inputs: by part.
        sides: of source and target.
        counts: by part.
        held_out: whether there is a validation part of its own.
        unknown: symbols that training lacks, by part.
        seed: of the split.
    """
    lines = [note for data in inputs.values() for note in data.pairs.notes]
    lines += [_side(side) for side in sides]
    lines += _split(inputs, counts, held_out, seed)
    for part, data in inputs.items():
        named = data.pairs.name if part == "train" else f"{part} ({data.pairs.name})"
        lines += [f"left out of {named}: {line}" for line in data.lines()]
        lines += _crosswise(data, inputs["train"])
        lines += [line for other in inputs.values() for line in _seen(data, other)]
    lines += _swapped(sides)
    for side in sides:
        lines += _strange(side)
    lines += _targets(inputs["train"], sides[1])
    for part, lacking in unknown.items():
        lines += _unknown(part, lacking)
    return lines


def copying(copies: bool, copied: float) -> List[str]:
    """Whether symbols are copied, and why.

    Args:
        copies: whether symbols are copied.
        copied: of the targets' symbols the share that stand in their sources.
    """
    lines = []
    if copies:
        share = f"{100 * copied:.0f} % of the targets' symbols stand in their sources" if copied else "as asked for"
        lines.append(f"copying: {share}; up to {len(SLOTS)} symbols of a source that training lacks can be copied")
    return lines


def _side(side: Side) -> str:
    symbols = side.symbols
    form = ", accents and the parts of letters on their own" if side.form == "NFD" and side.composes else ""
    rare = f", {counted(side.rare, 'rarer one')} unknown" if side.rare else ""
    return f"{side.name}: {side.level.reason} ({counted(symbols, 'symbol')}{form}{rare})"


def _split(inputs: Dict[str, Input], counts: Dict[str, Counts], held_out: bool, seed: int) -> List[str]:
    shown = [part for part, count in counts.items() if count.pairs and (held_out or part != "valid")]
    parts = ", ".join(f"{part} {counts[part].sources:,}" for part in shown)
    drawn = "" if len(inputs) == 3 or not held_out else f"; what is held out was drawn with seed {seed}"
    lines = [f"sources: {parts}{drawn}"]
    if not held_out:
        lines.append("no source is held out for validation: it uses entries of the training part, and says little")
    if not counts["test"].pairs:
        lines.append("no source is held out for testing: there are no scores on a test part")
    return lines


def _crosswise(data: Input, train: Input) -> List[str]:
    """Whether source and target of a further file are the wrong way round."""
    if data is train:
        return []
    straight = sum(_shared(data.survey.characters[side], train.survey.characters[side]) for side in (0, 1))
    crossed = sum(_shared(data.survey.characters[side], train.survey.characters[1 - side]) for side in (0, 1))
    if crossed <= straight + FAR:
        return []
    name = train.pairs.name
    return [f"{data.pairs.name}: source and target look swapped: each looks like the other column of {name}"]


def _shared(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / len(one) if one else 0.0


def _seen(data: Input, other: Input) -> List[str]:
    """Sources of a further file that one before it has too."""
    if list(PARTS).index(other.name) >= list(PARTS).index(data.name):
        return []
    known = np.unique(other.survey.sources[other.survey.codes == KEPT])
    sources = np.where(data.parts != OUT, np.isin(data.survey.sources, known), False)
    distinct, first = np.unique(data.survey.sources[sources], return_index=True)
    if not len(distinct):
        return []
    wanted = set(np.flatnonzero(sources)[np.sort(first)[:NAMED]].tolist())
    examples = [shown(pair.source) for number, pair in enumerate(data.pairs) if number in wanted]
    total = data.number_of_sources(PARTS[data.name])
    shown_name = other.pairs.name if other.pairs.name != data.pairs.name else f"the {other.name} data"
    return [
        f"{len(distinct):,} of {total:,} {data.name} sources are in {shown_name} too, and are kept in both: "
        + named(examples, len(distinct))
    ]


def _swapped(sides: Sequence[Side]) -> Iterator[str]:
    source, target = sides
    if source.level.reason == "tokens separated by spaces" and target.level.reason == CHARACTERS:
        yield (
            "the source looks like pronunciations and the target like words: for the other direction give --source 2 "
            "--target 1, or the columns' names"
        )


def _strange(side: Side) -> Iterator[str]:
    writing = side.writing
    for name, count in writing.invisible.most_common():
        texts = counted(count, "training text")
        so = ", and emoji and some scripts need" if name in JOINERS else ": remove it where it is a mistake"
        yield f"{side.name}: {texts} with a {name}, which nobody sees{so}"
    if writing.composed and writing.decomposed:
        yield (
            f"{side.name}: {writing.composed:,} texts are composed (NFC) and {writing.decomposed:,} decomposed (NFD) "
            "Unicode; to the model they are the same"
        )
    if writing.spaces and side.level.name != "token":
        yield f"{side.name}: {counted(writing.spaces, 'text')} with the character ▁, which is a space to the model"


def _targets(train: Input, target: Side) -> Iterator[str]:
    chosen = (train.parts & TRAIN) != OUT
    hashes = np.sort(train.survey.sources[chosen])
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    counts = np.diff(starts, append=len(hashes))
    most = int(counts.max())
    if most >= MANY:
        number = int(np.argmax(chosen & (train.survey.sources == hashes[starts[counts.argmax()]])))
        source = next(pair.source for place, pair in enumerate(train.pairs) if place == number)
        yield f"source {shown(source)} has {most:,} different targets"
    if target.only is not None and chosen.sum() > 1:
        yield f"every target is {shown(target.only)}: there is nothing to learn"


def _unknown(part: str, unknown: Unknown) -> Iterator[str]:
    for side, symbols in unknown.symbols.items():
        if not symbols:
            continue
        examples = named([shown(symbol) for symbol, _ in symbols.most_common(NAMED)], len(symbols))
        texts = unknown.texts[side]
        so = "unknown to the model" if side == "source" else "which the model cannot write"
        count = f"{counted(len(symbols), f'{side} symbol')}, in {counted(texts, 'text')},"
        yield f"{part}: {count} that the training part lacks, {so}: {examples}"
