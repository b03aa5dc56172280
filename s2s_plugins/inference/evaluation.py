"""Trained models on data with known outputs: what they predict, and the scores of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, NamedTuple, Tuple, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.classes import ClassEvaluation, ClassItem, class_evaluation_of
from s2s_plugins.evaluation.symbols import plain
from s2s_plugins.evaluation.translations import Evaluation, Guess, Predicted, evaluation_of
from s2s_plugins.extras import require
from s2s_plugins.inference.batches import BATCH_SIZE, growing

if TYPE_CHECKING:
    from s2s_plugins.inference.classifier import Classifier
    from s2s_plugins.inference.translator import Translator

__all__ = ["Data", "Evaluation", "ClassEvaluation", "evaluate_classifier", "evaluate_translator", "predicted"]

NBEST = 5  # predictions of a source that are kept
Data = Union[str, "os.PathLike[str]", Iterable[Tuple[str, str]]]


class Pair(NamedTuple):
    """A source and a right output; ``where`` it stands, for messages."""

    source: str
    target: str
    where: str


def evaluate_translator(
    translator: Translator, data: Data, beam: int = 5, batch_size: int = BATCH_SIZE, seed: int = 1
) -> Evaluation:
    """As :meth:`s2s_plugins.inference.translator.Translator.evaluate`."""
    require("rapidfuzz", what="an evaluation")  # before the model works for long
    return evaluation_of(predicted(translator, data, beam, batch_size), translator.target_spelling.level, seed)


def predicted(translator: Translator, data: Data, beam: int = 5, batch_size: int = BATCH_SIZE) -> Iterator[Predicted]:
    """Each source of ``data`` with all of its targets and its up to 5 best predictions, in the order of the data.

    A source that is longer than the model takes has no predictions.

    Raises:
        UsageError: as there.
    """
    translator.search_settings(beam, 1, batch_size)
    for part in growing(iter(_by_source(data).values()), batch_size):
        sentences, fits = [], []
        for source, _ in part:
            try:
                sentences.append(translator.spell(source, "a source"))
                fits.append(True)
            except UsageError:
                fits.append(False)
        found = iter(translator.best(sentences, beam, min(beam, NBEST), batch_size))
        read = iter(sentences)
        for (source, targets), fit in zip(part, fits):
            if not fit:
                yield Predicted(source, tuple(targets), (), len(plain(source)))
                continue
            predictions = map(translator.prediction, next(found))
            guesses = tuple(Guess(one.text, one.probability) for one in predictions)
            yield Predicted(source, tuple(targets), guesses, len(next(read).numbers) - 1)


def _by_source(data: Data) -> Dict[str, Tuple[str, List[str]]]:
    """Sources with all of their targets, each once; what is one source and what is one target, Unicode decides."""
    found: Dict[str, Tuple[str, List[str]]] = {}
    seen = set()
    for pair in _read(data):
        key = plain(pair.source)
        targets = found.setdefault(key, (pair.source, []))[1]
        if (key, plain(pair.target)) not in seen:
            seen.add((key, plain(pair.target)))
            targets.append(pair.target)
    return found


def evaluate_classifier(
    classifier: Classifier, data: Data, batch_size: int = BATCH_SIZE, seed: int = 1
) -> ClassEvaluation:
    """As :meth:`s2s_plugins.inference.classifier.Classifier.evaluate`."""
    return class_evaluation_of(_classified(classifier, data, batch_size), classifier.labels, seed)


def _classified(classifier: Classifier, data: Data, batch_size: int) -> Iterator[ClassItem]:
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size} is too small: use 1 or more")
    for part in growing(_read(data), batch_size):
        for pair in part:
            if pair.target not in classifier.labels:
                known = ", ".join(classifier.labels[:10]) + (", ..." if len(classifier.labels) > 10 else "")
                raise UsageError(
                    f"{pair.where}: the label {pair.target!r} is none of {classifier.name}'s, which are {known}: "
                    "correct it, or leave the line out"
                )
        for pair, found in zip(part, classifier.classify([pair.source for pair in part], batch_size)):
            own = found.probabilities[pair.target]
            yield ClassItem(pair.source, pair.target, found.label, found.probability, own)


def _read(data: Data) -> Iterator[Pair]:
    """Pairs of a file or of an iterable.

    Raises:
        UsageError: there is something else.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            source, tab, target = line.partition("\t")
            if not tab:
                raise UsageError(f"{path}, line {number}: {line[:60]!r} is not SOURCE<TAB>TARGET")
            yield Pair(source, target, f"{path}, line {number}")
        return
    for number, (source, target) in enumerate(data, start=1):
        yield Pair(source, target, f"pair {number}")
