"""A trained classifier as an object: texts in, probabilities of the classes out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Union,
    overload,
)

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import BATCH_SIZE, batches, each, growing
from s2s_plugins.inference.calibration import tempered
from s2s_plugins.inference.files.facts import ClassifierFacts, Facts
from s2s_plugins.inference.trained import Trained
from s2s_plugins.inference.unsure import check_least, columns, is_unsure
from s2s_plugins.text.symbols import SymbolTable
from s2s_plugins.text.tokens import Tokenizer, cut

if TYPE_CHECKING:
    from s2s_plugins.evaluation.classes import ClassEvaluation


class Model(Protocol):
    """What a :class:`Classifier` runs."""

    def classify(self, documents: Sequence[Sequence[int]]) -> np.ndarray:
        """The probabilities of the classes, (N, C), of documents that each end in ``</s>``."""


class Classification(NamedTuple):
    """The class of a text.

    Attributes:
        label: of the most probable class; empty if it is :attr:`unsure`.
        probability: of that class.
        probabilities: of all classes, by label.
        unsure: whether the class is less probable than was asked for.
    """

    label: str
    probability: float
    probabilities: Dict[str, float]
    unsure: bool = False


class Classifier(Trained):
    """A trained classifier.

    Args:
        name: of the model, for messages.
        model: what computes.
        tokenizer: how text becomes tokens.
        symbols: of the documents.
        labels: of the C classes.
        limit: most tokens of a document, ``</s>`` included; None: no limit.
        truncate: what is cut off longer documents, ``"head"`` or ``"tail"``.

    Attributes:
        temperature: by which logits are divided, so that probabilities say how often classes are right.
    """

    kind = "classifier"
    temperature: float = 1.0

    def __init__(
        self,
        name: str,
        model: Model,
        tokenizer: Tokenizer,
        symbols: SymbolTable,
        labels: Sequence[str],
        limit: Optional[int] = None,
        truncate: str = "tail",
    ) -> None:
        super().__init__(name)
        self.model = model
        self.tokenizer, self.symbols, self.labels = tokenizer, symbols, list(labels)
        self.limit, self.truncate = limit, truncate

    @overload
    def classify(  # type: ignore[overload-overlap]
        self, texts: str, batch_size: int = BATCH_SIZE, *, min_probability: Optional[float] = None
    ) -> Classification: ...

    @overload
    def classify(
        self, texts: Iterable[str], batch_size: int = BATCH_SIZE, *, min_probability: Optional[float] = None
    ) -> Iterator[Classification]: ...

    def classify(
        self,
        texts: Union[str, Iterable[str]],
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> Any:
        """The classes of texts.

        Args:
            texts: one text, or any number of them, also endlessly many. Of these a batch is read ahead at first, and up
                to sixteen later.
            batch_size: number of texts at a time.
            min_probability: a class that is less probable is not named, and is ``unsure``.

        Returns:
            Of one text its class; of several an iterator over these, in order.

        Raises:
            UsageError: as calling the classifier.
        """
        if batch_size < 1:
            raise UsageError(f"--batch-size {batch_size} is too small: use 1 or more")
        check_least(min_probability)
        found = self._classes(each(texts), batch_size, min_probability)
        return next(found) if isinstance(texts, str) else found

    def _classes(self, texts: Iterator[str], batch_size: int, least: Optional[float]) -> Iterator[Classification]:
        for part in growing(texts, batch_size):
            for probabilities in self(part, batch_size):
                label, most, unsure = label_of(probabilities, self.labels, least)
                every = {label: float(value) for label, value in zip(self.labels, probabilities)}
                yield Classification(label, most, every, unsure)

    def evaluate(
        self,
        data: Any,
        text: Optional[str] = None,
        label: Optional[str] = None,
        batch_size: int = BATCH_SIZE,
        seed: int = 1,
    ) -> ClassEvaluation:
        """How good classes are on texts with known labels: the error rate with its confidence interval, and details.

        Args:
            data: pairs of text and label, as :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes them.
            text: name of its column; by default the first one.
            label: name of its column; by default the second one.
            batch_size: number of texts at a time.
            seed: of the interval's bootstrap.

        Raises:
            UsageError: the data cannot be read, has no text, or has a label that the model lacks.
        """
        from s2s_plugins.inference.evaluation import evaluate_classifier

        return evaluate_classifier(self, data, (text, label), batch_size, seed)

    def __call__(self, texts: Sequence[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Probabilities of the classes, (len(texts), C), in float32.

        Args:
            texts: documents.
            batch_size: number of documents at a time, of like length.

        Raises:
            UsageError: ``batch_size`` is below 1, or the model's answers are not numbers.
        """
        if isinstance(texts, str):
            raise UsageError("one string is not a list of texts: put it into one, as in classifier([text])")
        return self.probabilities([self.encode(text) for text in texts], batch_size)

    def probabilities(self, documents: Sequence[Sequence[int]], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """As calling the classifier, of documents from :meth:`encode`.

        Raises:
            UsageError: as there.
        """
        found = np.empty((len(documents), len(self.labels)), dtype=np.float32)
        for places in batches(documents, batch_size):
            found[places] = tempered(self.model.classify([documents[place] for place in places]), self.temperature)
        if not np.isfinite(found).all():
            raise UsageError(f"{self.name} answers with numbers that are not finite: use another one")
        return found

    def _facts(self, facts: Facts) -> Facts:
        assert isinstance(facts, ClassifierFacts)
        return replace(facts, temperature=self.temperature)

    def encode(self, text: str) -> List[int]:
        """The numbers of a text's tokens, ``</s>`` included, cut to :attr:`limit`.

        Raises:
            UsageError: it is no text.
        """
        if not isinstance(text, str):
            raise UsageError(f"a {type(text).__name__} is no text to classify")
        numbers = self.tokenizer.encode(self.tokenizer.tokenize(text), self.symbols.indices)
        if self.limit is None:
            return numbers
        kept, end = cut(numbers, self.limit, self.truncate)
        return [*kept, *end]


def answer(probabilities: np.ndarray, labels: Sequence[str], as_json: bool, least: Optional[float] = None) -> str:
    """A line of output: label, tab, probability; or a JSON object with the probabilities of all classes.

    Args:
        probabilities: (C,).
        labels: of the classes.
        as_json: which of the two.
        least: a label that is less probable is left empty, and one more column says so; None: none is.
    """
    label, most, unsure = label_of(probabilities, labels, least)
    if not as_json:
        probability, said = columns(most, unsure)
        return "\t".join([label, probability] + ([] if least is None else [said]))
    every = {one: round(float(p), 6) for one, p in zip(labels, probabilities)}
    values: Dict[str, Any] = {"label": label, "probability": round(most, 6), "probabilities": every}
    return json.dumps(values if least is None else {**values, "unsure": unsure}, ensure_ascii=False)


def label_of(probabilities: np.ndarray, labels: Sequence[str], least: Optional[float]) -> Tuple[str, float, bool]:
    """The most probable label, its probability, and whether that is less than ``least``, so that the label is empty."""
    best = int(probabilities.argmax())
    most = float(probabilities[best])
    unsure = is_unsure(most, least)
    return "" if unsure else labels[best], most, unsure
