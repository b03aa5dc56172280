"""What a model answers to the sources of a part of a file, and how an answer is written."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple, Union

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import AHEAD
from s2s_plugins.inference.classifier import Classifier, label_of
from s2s_plugins.inference.load import Model
from s2s_plugins.inference.predictions import Options, cells
from s2s_plugins.inference.sentences import Hypothesis, Sentence
from s2s_plugins.inference.translator import Translator
from s2s_plugins.inference.unsure import columns, is_unsure
from s2s_plugins.text.symbols import is_unknown

MANY = {"prediction": "predictions", "score": "scores", "probability": "probabilities"}


class Failed(NamedTuple):
    """In place of an answer, why there is none."""

    error: str


Answer = Any  # what a kind of work answers to a source
Answers = List[Union[Answer, Failed]]


class Work(Protocol):
    """What is done to sources.

    Attributes:
        part: sources that are answered at a time; what is cut alike is computed alike.
        names: of the columns that an answer adds, in TSV.
        fields: the same in JSON and Parquet, and their types.
        unknown: sources with unknown tokens so far.
    """

    part: int
    names: List[str]
    fields: Dict[str, str]
    unknown: int

    def __call__(self, sources: Sequence[str]) -> Answers:
        """An answer to each source."""

    def rows(self, answer: Answer) -> List[List[str]]:
        """The cells of an answer in TSV: of several predictions, rows."""

    def values(self, answer: Answer) -> Dict[str, Any]:
        """An answer in JSON and Parquet, the keys of ``fields``."""


class Prediction(NamedTuple):
    """What a translator answers."""

    texts: List[str]
    found: List[Hypothesis]
    unsure: bool


class Predicting:
    """What ``s2s predict`` does to lines.

    Args:
        translator: the model.
        options: how lines are searched and answered.
    """

    def __init__(self, translator: Translator, options: Options) -> None:
        translator.search_settings(options.beam, options.nbest, options.batch_size)
        self.translator, self.options = translator, options
        self.part = options.batch_size * AHEAD
        least = options.min_probability is not None
        self.names = ["prediction", *["score"] * options.scores, *["probability", "sure"] * least]
        kinds = {"prediction": "string", "score": "float", "probability": "float"}
        many = {MANY[name]: f"{kind}s" for name, kind in kinds.items()}
        self.fields = {**(kinds if options.nbest == 1 else many), **({"unsure": "bool"} if least else {})}
        self.unknown = 0

    def __call__(self, sources: Sequence[str]) -> Answers:
        sentences: List[Tuple[int, Sentence]] = []
        answers: Dict[int, Any] = {}
        for place, source in enumerate(sources):
            try:
                one = self.translator.spell(source, "the source")
            except UsageError as error:
                answers[place] = Failed(str(error))
                continue
            sentences.append((place, one))
            self.unknown += any(map(is_unknown, one.numbers))
        options = self.options
        best = self.translator.best([one for _, one in sentences], options.beam, options.nbest, options.batch_size)
        for (place, _), found in zip(sentences, best):
            unsure = is_unsure(found[0].probability, options.min_probability)
            texts = ["" if unsure else self.translator.target_spelling.text(one.tokens) for one in found]
            answers[place] = Prediction(texts, found, unsure)
        return [answers[place] for place in range(len(sources))]

    def rows(self, answer: Prediction) -> List[List[str]]:
        pairs = zip(answer.texts, answer.found)
        return [cells(text, found, answer.unsure, self.options) for text, found in pairs]

    def values(self, answer: Prediction) -> Dict[str, Any]:
        found: Dict[str, List[Any]] = {
            "prediction": answer.texts,
            "score": [round(one.score, 6) for one in answer.found],
            "probability": [round(one.probability, 6) for one in answer.found],
        }
        one = self.options.nbest == 1
        told = {name if one else MANY[name]: values[0] if one else values for name, values in found.items()}
        return told if self.options.min_probability is None else {**told, "unsure": answer.unsure}


class Classification(NamedTuple):
    """What a classifier answers."""

    label: str
    probability: float
    unsure: bool


class Classifying:
    """What ``s2s classify`` does to lines.

    Args:
        classifier: the model.
        batch_size: number of documents at a time.
        min_probability: a label that is less probable is left empty.
    """

    unknown = 0

    def __init__(self, classifier: Classifier, batch_size: int = 64, min_probability: Optional[float] = None) -> None:
        self.classifier, self.batch_size, self.least = classifier, batch_size, min_probability
        self.part = batch_size * AHEAD
        least = min_probability is not None
        self.names = ["label", "probability", *["sure"] * least]
        self.fields = {"label": "string", "probability": "float", **({"unsure": "bool"} if least else {})}

    def __call__(self, sources: Sequence[str]) -> Answers:
        found = self.classifier(sources, self.batch_size)
        return [Classification(*label_of(row, self.classifier.labels, self.least)) for row in found]

    def rows(self, answer: Classification) -> List[List[str]]:
        told = columns(answer.probability, answer.unsure)
        return [[answer.label, *(told if self.least is not None else told[:1])]]

    def values(self, answer: Classification) -> Dict[str, Any]:
        told = {"label": answer.label, "probability": round(answer.probability, 6)}
        return told if self.least is None else {**told, "unsure": answer.unsure}


def work_of(model: Model, options: Dict[str, Any]) -> Work:
    """The work of a model.

    Args:
        model: a translator or classifier.
        options: of :class:`~s2s_plugins.inference.predictions.Options`, or of :class:`Classifying`.

    Raises:
        UsageError: an option is out of range, or the model is another one.
    """
    if isinstance(model, Translator):
        return Predicting(model, Options(**options))
    if isinstance(model, Classifier):
        return Classifying(model, **options)
    raise UsageError(f"{model.name} is a {model.kind}: s2s forecast runs it")
