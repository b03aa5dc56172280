"""What a server does with a model of each kind: a request to items of a batch, a batch to answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Dict, Generic, Hashable, Iterator, List, Optional, Sequence, Tuple, TypeVar

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import BATCH_SIZE
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.files.plain import to_plain
from s2s_plugins.inference.forecaster import ForecastArrays, Forecaster
from s2s_plugins.inference.load import Model
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.inference.translator import Translator
from s2s_plugins.inference.unsure import is_unsure
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.problems import Problem
from s2s_plugins.text.symbols import is_unknown

BATCH_TOKENS = 1 << 14  # texts of a batch times the tokens of the longest: what a step of attention holds grows with it
DIGITS = 6  # of scores, probabilities and weights, as s2s predict --json has
M = TypeVar("M", Translator, Classifier, Forecaster)
Answer = Dict[str, Any]


class Service(ABC, Generic[M]):
    """A model that is served.

    Args:
        name: that requests call it by.
        model: ready to use.
        limits: of the server.
    """

    verb: ClassVar[str]
    failure: ClassVar[str] = "internal"  # what it is if the model fails on a request

    def __init__(self, name: str, model: M, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.model: M = model

    def listed(self) -> Answer:
        """What a client may want to know about the model."""
        about = self.model.about
        return {
            "name": self.name,
            "kind": self.model.kind,
            "path": f"/v1/{self.verb}",
            "about": None if about is None else to_plain(about),
            **self.facts(),
        }

    @abstractmethod
    def facts(self) -> Answer:
        """The part of :meth:`listed` that is of this kind of model alone."""

    @abstractmethod
    def items(self, request: Any) -> Tuple[Sequence[Any], Hashable]:
        """What a request asks, one or several; and what it shares with others that may be in its batch.

        Args:
            request: of :mod:`s2s_plugins.server.schemas`.

        Raises:
            Problem: the model cannot take it.
        """

    @abstractmethod
    def run(self, items: Sequence[Any], key: Any) -> Sequence[Answer]:
        """The answers to ``items`` of one ``key``, in order.

        Raises:
            UsageError: the model fails on them.
        """

    def heading(self, request: Any) -> Answer:
        """What all answers to a request have in common."""
        return {}

    @abstractmethod
    def warm_up(self) -> None:
        """Use the model once: what is prepared at the first use is prepared then, and a model of no use is found.

        Raises:
            UsageError: it is of no use.
        """

    def _check_length(self, tokens: int, what: str) -> None:
        if tokens > self.limits.max_tokens:
            raise Problem(
                "text_too_long",
                f"{what} has {tokens} tokens, </s> included, the server takes {self.limits.max_tokens}: shorten it",
            )

    def _batches(self, lengths: Sequence[int]) -> Iterator[List[int]]:
        """The places of texts of like length, as many as fit a batch, the longest first."""
        order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
        while order:
            fit = min(BATCH_SIZE, self.limits.batch_size, max(1, BATCH_TOKENS // max(1, lengths[order[0]])))
            yield order[:fit]
            del order[:fit]


class Predicting(Service[Translator]):
    """A translator. The key is beam, number of predictions, whether alignments are wanted, the least probability."""

    verb = "predict"

    def facts(self) -> Answer:
        model = self.model
        return {
            "source": model.source_spelling.level,
            "target": model.target_spelling.level,
            "max_tokens": min(model.limit, self.limits.max_tokens),
            "alignment": model.has_attention,
            **({} if model.source_spelling.features is None else {"features": model.source_spelling.features}),
        }

    def items(self, request: Any) -> Tuple[List[Sentence], Tuple[int, int, bool, Optional[float]]]:
        texts = [request.text] if isinstance(request.text, str) else request.text
        sentences = []
        for number, text in enumerate(texts, 1):
            self._check_length(self.model.source_spelling.most(text), f"text {number}")
            try:
                sentences.append(self.model.spell(text, f"text {number}"))
            except UsageError as error:
                lacks_features = self.model.source_spelling.features is not None and text.count("\t") != 1
                raise Problem("no_features" if lacks_features else "text_too_long", str(error)) from None
            self._check_length(len(sentences[-1].numbers), f"text {number}")
        # more predictions than beams cannot be found
        return sentences, (max(request.beam, request.nbest), request.nbest, request.alignment, request.min_probability)

    def run(self, items: Sequence[Sentence], key: Tuple[int, int, bool, Optional[float]]) -> List[Answer]:
        beam, nbest, attends, least = key
        answers: List[Answer] = [{} for _ in items]
        for places in self._batches([len(sentence.numbers) for sentence in items]):
            batch = [items[place] for place in places]
            found = self.model.best(batch, beam, nbest, len(batch), attends)
            for place, sentence, hypotheses in zip(places, batch, found):
                answers[place] = self._answer(sentence, hypotheses, attends, least)
        return answers

    def _answer(
        self, sentence: Sentence, hypotheses: Sequence[Hypothesis], attends: bool, least: Optional[float]
    ) -> Answer:
        predictions, unsure = [], is_unsure(hypotheses[0].probability, least)
        for one in (self.model.prediction(hypothesis, unsure) for hypothesis in hypotheses):
            answer: Answer = {
                "text": one.text,
                "score": round(one.score, DIGITS),
                "probability": round(one.probability, DIGITS),
                "tokens": one.tokens,
            }
            if attends:
                weights = one.alignment
                answer["alignment"] = None if weights is None else weights.astype(float).round(DIGITS).tolist()
            predictions.append(answer)
        pairs = zip(sentence.tokens, sentence.numbers)
        return {
            "source_tokens": sentence.tokens[:-1],
            "unknown": [token for token, number in pairs if is_unknown(number)],
            **({} if least is None else {"unsure": unsure}),
            "predictions": predictions,
        }

    def warm_up(self) -> None:
        self.model.translate([], self.limits.max_beam, 1, 1)
        self.run([self.model.spell("a\t", "a text")], (1, 1, False, None))


class Classifying(Service[Classifier]):
    """A classifier. The key is the least probability."""

    verb = "classify"

    def facts(self) -> Answer:
        return {"labels": self.model.labels}

    def items(self, request: Any) -> Tuple[List[List[int]], Optional[float]]:
        texts = [request.text] if isinstance(request.text, str) else request.text
        documents = [self.model.encode(text) for text in texts]
        for number, document in enumerate(documents, 1):
            self._check_length(len(document), f"text {number}")
        return documents, request.min_probability

    def run(self, items: Sequence[List[int]], key: Optional[float]) -> List[Answer]:
        answers: List[Answer] = [{} for _ in items]
        for places in self._batches([len(document) for document in items]):
            batch = [items[place] for place in places]
            for place, row in zip(places, self.model.probabilities(batch, len(batch))):
                every = {label: round(float(value), DIGITS) for label, value in zip(self.model.labels, row)}
                label = self.model.labels[int(row.argmax())]
                unsure = is_unsure(float(row.max()), key)
                said = {} if key is None else {"unsure": unsure}
                own = {"label": "" if unsure else label, "probability": every[label], **said}
                answers[place] = {**own, "probabilities": every}
        return answers

    def warm_up(self) -> None:
        self.run([self.model.encode("a")], None)


class Forecasting(Service[Forecaster]):
    """A model of arrays, or of series whose rows are counted. The key is the shape, the length and the levels."""

    verb = "forecast"
    failure = "unfit_source"

    def facts(self) -> Answer:
        description = self.model.description
        return {
            "columns": list(description.observed),
            "targets": list(description.targets),
            "length": description.output_length,
            "levels": list(self.model.levels),
        }

    def items(self, request: Any) -> Tuple[List[np.ndarray], Tuple[object, ...]]:
        try:
            source = np.array(request.source, dtype=np.float64)
            levels = self.model.check_levels(request.levels)
        except (ValueError, UsageError) as error:
            ragged = "the samples of the source are not of one shape: send one request for each"
            raise Problem("unfit_source", str(error) if isinstance(error, UsageError) else ragged) from None
        return list(source), (source.shape[1:], request.length, levels)

    def run(self, items: Sequence[np.ndarray], key: Tuple[Any, ...]) -> List[Answer]:
        _, length, levels = key
        found: ForecastArrays = self.model.forecast(np.stack(items), length, levels, self.limits.batch_size)
        pairs = zip(found.values, found.quantiles)
        return [{"values": values.tolist(), "quantiles": quantiles.tolist()} for values, quantiles in pairs]

    def heading(self, request: Any) -> Answer:
        levels = self.model.levels if request.levels is None else request.levels
        return {"targets": list(self.model.description.targets), "levels": list(levels)}

    def warm_up(self) -> None:
        """What a model is given depends on its data: nothing is tried."""


def service_of(name: str, model: Model, limits: Limits) -> "Service[Any]":
    """What serves ``model``."""
    if isinstance(model, Translator):
        return Predicting(name, model, limits)
    if isinstance(model, Classifier):
        return Classifying(name, model, limits)
    return Forecasting(name, model, limits)
