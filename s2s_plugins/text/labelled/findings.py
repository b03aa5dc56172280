"""What is said about labelled texts: what was recognised, what was left out, and what looks wrong."""

from __future__ import annotations

from typing import Dict, Iterator, List

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.text.labelled.prepared import PreparedTexts
from s2s_plugins.text.labelled.splits import LabelledSplits
from s2s_plugins.text.labelled.survey import Survey
from s2s_plugins.text.pairs.pair import NAMED, named
from s2s_plugins.text.pairs.splitting import TRAIN

SHOWN = 12  # classes that are listed
LOPSIDED = 0.8  # share of the texts that one class has
LEVELS = {"word": "words", "char": "characters", "sentencepiece": "pieces of words"}
Bits = Dict[str, NDArray[np.uint8]]


def all_of(
    prepared: PreparedTexts,
    surveys: Dict[str, Survey],
    parts: Bits,
    splits: LabelledSplits,
    by_class: Dict[str, Dict[str, int]],
    seed: int,
) -> List[str]:
    """Everything, a line each.

    Args:
        prepared: the facts, without findings.
        surveys: by file.
        parts: of each text, by file, as bits.
        splits: the documents.
        by_class: number of texts of each class, by part.
        seed: of the split.
    """
    lines = [_of_texts(note) for survey in surveys.values() for note in survey.pairs.notes]
    trained = by_class["train"]
    lines.append(f"{len(prepared.classes)} classes: {_listed(trained)}")
    length = f"texts of {prepared.mean_length:,.0f} {LEVELS[prepared.level]} in the mean"
    lines.append(f"{length}, {prepared.symbols:,} distinct ones")
    lines += _sizes(prepared, surveys, seed)
    for part, survey in surveys.items():
        name = survey.pairs.name if part == "train" else f"{part} ({survey.pairs.name})"
        lines += [f"left out of {name}: {line}" for line in survey.lines()]
        if survey.ambiguous:
            lines.append(f"{name}: {survey.ambiguous:,} texts stand there with several labels, each of which is used")
        lines += _seen(survey, surveys["train"], parts)
    lines += [f"left out: {line}" for line in splits.left.lines()]
    if splits.held_out:
        lines.append(f"{splits.held_out:,} unlabelled texts are among those held out, and left out")
    if splits.labelled:
        lines.append(f"{splits.labelled:,} unlabelled texts are training texts too, and are used once")
    lines += _rare(trained, by_class)
    return lines


def _of_texts(note: str) -> str:
    """What was said about the columns of pairs, of texts and labels."""
    return note.replace(" is the source and ", " is the text and ").replace(" the target", " the label")


def _listed(counts: Dict[str, int]) -> str:
    order = sorted(counts, key=lambda label: -counts[label])
    return named([f"{label!r} {counts[label]:,}" for label in order[:SHOWN]], len(order))


def _sizes(prepared: PreparedTexts, surveys: Dict[str, Survey], seed: int) -> Iterator[str]:
    counts = {"train": prepared.train, "valid": prepared.valid, "test": prepared.test}
    drawn = "" if len(surveys) == 3 or not prepared.valid_held_out else f"; what is held out was drawn with seed {seed}"
    yield "texts: " + ", ".join(f"{part} {count:,}" for part, count in counts.items() if count) + drawn
    if prepared.unlabelled:
        yield f"{prepared.unlabelled:,} unlabelled texts, {prepared.tokens:,} tokens to pretrain on with those of train"
    if not prepared.valid_held_out:
        yield "no text is held out for validation: it uses texts of the training part, and says little"
    if not prepared.test:
        yield "no text is held out for testing: there are no scores on a test part"


def _seen(survey: Survey, train: Survey, parts: Bits) -> Iterator[str]:
    """Texts of a further file that are trained on."""
    if survey is train:
        return
    known = np.unique(train.texts[(parts["train"] & TRAIN) > 0])
    seen = np.flatnonzero(survey.kept & np.isin(survey.texts, known))
    if not len(seen):
        return
    wanted = set(seen[:NAMED].tolist())
    places = [pair.where for number, pair in enumerate(survey.pairs) if number in wanted]
    total = int(survey.kept.sum())
    yield (
        f"{len(seen):,} of {total:,} {survey.name} texts are in {train.pairs.name} too, and are kept in both: "
        + named(places, len(seen))
    )


def _rare(trained: Dict[str, int], by_class: Dict[str, Dict[str, int]]) -> Iterator[str]:
    """Classes with a single text, and one class that has nearly all of them."""
    single = [label for label, count in trained.items() if count == 1]
    if single:
        listed = named([repr(label) for label in single[:NAMED]], len(single))
        yield f"{len(single)} classes have one text to train on: {listed}: give more, or join them with others"
    total = sum(trained.values())
    label = max(trained, key=lambda name: trained[name])
    if trained[label] > LOPSIDED * total:
        share = 100 * trained[label] / total
        yield (
            f"class {label!r} has {share:.0f} % of the texts: who always says so errs in {100 - share:.0f} %, and the "
            "error rate says little: look at the scores by class"
        )
    for part, counts in by_class.items():
        lacking = [label for label in trained if not counts.get(label)]
        if part == "test" and lacking:
            listed = named([repr(one) for one in lacking[:NAMED]], len(lacking))
            yield f"{part}: no text of {len(lacking)} classes: {listed}"
