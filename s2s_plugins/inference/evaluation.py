"""Trained models on data with known outputs: what they predict, and the scores of it."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple, cast

from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.classes import ClassEvaluation, ClassItem, class_evaluation_of
from s2s_plugins.evaluation.edits import closest
from s2s_plugins.evaluation.symbols import symbols_of
from s2s_plugins.evaluation.translations import Evaluation, Guess, Item, Predicted, evaluation_of
from s2s_plugins.extras import require
from s2s_plugins.inference.batches import BATCH_SIZE, growing
from s2s_plugins.inference.scoring import score_sentences, target_tokens
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.text.features import parted
from s2s_plugins.text.pairs.pair import Columns, Left, Pair, Pairs
from s2s_plugins.text.pairs.sources import read_pairs
from s2s_plugins.text.pairs.survey import key_of

if TYPE_CHECKING:
    from s2s_plugins.inference.classifier import Classification, Classifier
    from s2s_plugins.inference.translator import Translator

logger = logging.getLogger(__name__)

NBEST = 5  # predictions of a source that are kept
SAMPLES, LONGEST_SAMPLE = 10, 40  # sources whose attention is shown, and the tokens of the longest
Data = Any  # what s2s_plugins.text.pairs.read_pairs takes, or targets by source
Names = Sequence[Optional[str]]  # of the two columns, where they are not the only ones, and that of features
UNDECODED = re.compile("[\ud800-\udfff]")


def evaluate_translator(
    translator: Translator,
    data: Data,
    columns: Names,
    beam: int = 5,
    batch_size: int = BATCH_SIZE,
    seed: int = 1,
) -> Evaluation:
    """As :meth:`s2s_plugins.inference.translator.Translator.evaluate`."""
    require("rapidfuzz", what="an evaluation")  # before the model works for long
    found = predicted(translator, data, columns, beam, batch_size, own=True)
    return evaluation_of(found, translator.target_spelling.level, seed)


def predicted(
    translator: Translator,
    data: Data,
    columns: Names = (None, None),
    beam: int = 5,
    batch_size: int = BATCH_SIZE,
    own: bool = False,
) -> Iterator[Predicted]:
    """Each source of ``data`` with all of its targets and its up to 5 best predictions, in the order of the data.

    A source that is longer than the model takes has no predictions.

    Args:
        translator: predicts.
        data: as :meth:`s2s_plugins.inference.translator.Translator.evaluate` takes it.
        columns: names of the two.
        beam: number of hypotheses that are kept at each step.
        batch_size: number of sources at a time.
        own: whether targets are scored too, where the best prediction is none of them.

    Raises:
        UsageError: as there.
    """
    translator.search_settings(beam, 1, batch_size)
    separator = translator.source_spelling.features
    by_source = _by_source(data, Columns(*columns)._replace(separator=separator), translator)
    for part in growing(iter(by_source.values()), batch_size):
        sentences, fits = [], []
        for source, _ in part:
            try:
                sentences.append(translator.spell(source, "a source"))
                fits.append(True)
            except UsageError:
                fits.append(False)
        found = iter(translator.best(sentences, beam, min(beam, NBEST), batch_size))
        read = iter(sentences)
        whole = []
        for (source, targets), fit in zip(part, fits):
            if not fit:
                whole.append(Predicted(source, tuple(targets), (), len(key_of(source))))
                continue
            predictions = map(translator.prediction, next(found))
            guesses = tuple(Guess(one.text, one.probability, one.log_probability) for one in predictions)
            whole.append(Predicted(source, tuple(targets), guesses, len(next(read).numbers) - 1))
        yield from _with_own(translator, whole, batch_size) if own else whole


def _with_own(translator: Translator, found: Sequence[Predicted], batch_size: int) -> List[Predicted]:
    """Predictions with the log-probability of the most probable target, where the best prediction is none of them."""
    wrong: List[Tuple[int, str]] = []
    for place, one in enumerate(found):
        if one.guesses and key_of(one.guesses[0].text) not in map(key_of, one.references):
            limit = translator.model.longest_target  # </s> included
            wrong += [(place, text) for text in one.references if len(target_tokens(translator, text)) < limit]
    sources = [translator.spell(found[place].source, "a source") for place, _ in wrong]
    targets = [target_tokens(translator, text) for _, text in wrong]
    best: Dict[int, float] = {}
    for (place, _), scored in zip(wrong, score_sentences(translator, sources, targets, batch_size)):
        best[place] = max(best.get(place, -math.inf), scored.log_probability)
    return [one._replace(own_log_probability=best.get(place, math.nan)) for place, one in enumerate(found)]


def _by_source(data: Data, columns: Columns, translator: Translator) -> Dict[str, Tuple[str, List[str]]]:
    """Sources with all of their targets, each once; what is one source and what is one target, Unicode decides.

    Raises:
        UsageError: the data cannot be read, or has features and the model none, or the other way round.
    """
    found: Dict[str, Tuple[str, List[str]]] = {}
    seen = set()
    spelling = translator.source_spelling
    for pair in _read(data, columns, spelling.features is not None):
        try:
            if spelling.features is not None:
                parted(pair.source)
        except UsageError as error:
            raise UsageError(f"{pair.where}: {error}") from None
        key = key_of(pair.source)
        targets = found.setdefault(key, (pair.source, []))[1]
        if (key, key_of(pair.target)) not in seen:
            seen.add((key, key_of(pair.target)))
            targets.append(pair.target)
    return found


def evaluate_classifier(
    classifier: Classifier, data: Data, columns: Names, batch_size: int = BATCH_SIZE, seed: int = 1
) -> ClassEvaluation:
    """As :meth:`s2s_plugins.inference.classifier.Classifier.evaluate`."""
    return class_evaluation_of(_classified(classifier, data, columns, batch_size), classifier.labels, seed)


def _classified(classifier: Classifier, data: Data, columns: Names, batch_size: int) -> Iterator[ClassItem]:
    for pair, found in labelled(classifier, data, columns, batch_size):
        own = found.probabilities[pair.target]
        yield ClassItem(pair.source, pair.target, found.label, found.probability, own)


def labelled(
    classifier: Classifier, data: Data, columns: Names = (None, None), batch_size: int = BATCH_SIZE
) -> Iterator[Tuple[Pair, Classification]]:
    """Each text of ``data`` with its label, and the class that ``classifier`` finds.

    Raises:
        UsageError: the data cannot be read, or has a label that the classifier lacks.
    """
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size} is too small: use 1 or more")
    for part in growing(_read(data, Columns(*columns)), batch_size):
        for pair in part:
            if pair.target not in classifier.labels:
                known = ", ".join(classifier.labels[:10]) + (", ..." if len(classifier.labels) > 10 else "")
                raise UsageError(
                    f"{pair.where}: the label {pair.target!r} is none of {classifier.name}'s, which are {known}: "
                    "correct it, or leave the line out"
                )
        yield from zip(part, classifier.classify([pair.source for pair in part], batch_size))


def _read(data: Data, columns: Columns, has_features: bool = False) -> Iterator[Pair]:
    """The pairs that can be scored; of the others it is said how many there are, and where the first ones stand.

    Raises:
        UsageError: the data cannot be read, or has features that the model was trained without.
    """
    if isinstance(data, Mapping):  # as read_references gives it
        data = [(source, target) for source, targets in data.items() for target in _several(targets)]
    pairs, left = read_pairs(data, columns), Left()
    check_features(pairs, has_features)
    for note in pairs.notes:
        logger.info(note)
    for pair in pairs:
        if not key_of(pair.source) or not key_of(pair.target):
            left.add("pairs with an empty side are left out", pair.where)
        elif UNDECODED.search(pair.source + pair.target):
            raise UsageError(f"{pair.where} is not UTF-8 text: convert it, as with iconv -t utf-8")
        else:
            yield pair
    for line in [*pairs.left.lines(), *left.lines()]:
        logger.warning(line)


def check_features(pairs: Pairs, has_features: bool) -> None:
    """See that data has features if a model has, and none otherwise.

    Raises:
        UsageError: it does not fit.
    """
    if pairs.features is not None and not has_features:
        raise UsageError(
            f"{pairs.name} has features, and the model was trained without: name two columns with --source and --target"
        )


def _several(targets: object) -> Sequence[str]:
    return [targets] if isinstance(targets, str) else cast(Sequence[str], targets)


def attention_samples(translator: Translator, evaluation: Evaluation, count: int = SAMPLES) -> List[Alignment]:
    """Where the model looks as it predicts ``count`` of the sources: wrong and right ones, half of each as far as there
    are so many, of up to :data:`LONGEST_SAMPLE` tokens; none of a model without attention.
    """
    if not translator.has_attention:
        return []
    short = [item for item in evaluation.items if item.guesses and 0 < item.length <= LONGEST_SAMPLE]
    wrong, right = ([item for item in short if item.is_right == wanted] for wanted in (False, True))
    of_right = min(len(right), max(count // 2, count - len(wrong)))
    chosen = [*_spread(wrong, count - of_right), *_spread(right, of_right)]
    sentences = [translator.spell(item.source, "a source") for item in chosen]
    found = []
    for item, alignment in zip(chosen, translator.attend(sentences) if sentences else []):
        text = translator.target_spelling.text(alignment.output)
        prediction = symbols_of(text, evaluation.unit)
        _, reference = closest(prediction, [symbols_of(one, evaluation.unit) for one in item.references])
        # the reference is shown in tokens where those are what is compared
        expected = alignment.output if prediction == reference else reference
        found.append(replace(alignment, reference=list(expected)))
    return found


def _spread(items: Sequence[Item], count: int) -> List[Item]:
    """``count`` of ``items``, evenly spread."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]
