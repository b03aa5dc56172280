"""A trained encoder and decoder as an object: sentences in, hypotheses or attention weights out."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Optional, Protocol, Sequence, Tuple, Union, overload

import numpy as np

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.alignments import alignments_of
from s2s_plugins.inference.batches import BATCH_SIZE, batches, each, growing
from s2s_plugins.inference.calibration import Calibration, probabilities_of
from s2s_plugins.inference.files.facts import Facts, TranslatorFacts
from s2s_plugins.inference.sentences import Hypothesis, Prediction, Sentence, Unknown
from s2s_plugins.inference.trained import Trained
from s2s_plugins.inference.unsure import check_least, is_unsure
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.search import Found, SearchSettings
from s2s_plugins.text.slots import Slots
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import BOS, EOS, FILLER, PAD, SPECIAL, UNK, SymbolTable

if TYPE_CHECKING:
    from s2s_plugins.evaluation.translations import Evaluation
    from s2s_plugins.inference.scoring import Scored

LONGEST_OUTPUT = 200  # tokens before </s>, where the model takes as many


class Model(Protocol):
    """What a :class:`Translator` runs.

    Attributes:
        longest_source: most tokens of a source, ``</s>`` included.
        longest_target: most tokens of a target, ``</s>`` included.
        has_attention: whether there are attention weights.
    """

    longest_source: int
    longest_target: int
    has_attention: bool

    def search(
        self, sources: Sequence[Sequence[int]], settings: SearchSettings, attends: bool = False
    ) -> List[List[Found]]:
        """The best outputs of each source, best first; with attention if it ``attends`` and there is any."""

    def attend(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """The attention weights (T, S) of each pair, each target ending in ``</s>``."""

    def copied(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Optional[List[np.ndarray]]:
        """How probable it is that each token (T,) of each target was copied; None if the model does not copy."""

    def score(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> List[np.ndarray]:
        """The log-probability (T,) of each token of each target, which ends in ``</s>``."""


class Translator(Trained):
    """A trained model, ready to decode.

    Args:
        name: of the model, for messages.
        model: what computes.
        source: symbols of the source.
        target: symbols of the target.
        source_spelling: how text becomes tokens in :meth:`predict`; by default they are separated by spaces.
        target_spelling: how tokens become text there.

    Attributes:
        limit: most tokens of a sentence, ``</s>`` included.
        has_attention: whether the model gives attention weights.
        slots: numbers of tokens, also of unknown ones that are copied.
        calibration: what makes probabilities say how often predictions are right; None: they are the model's own.
        calibrated_on: number of sources that this was found out with, 0 if nobody looked.
    """

    kind = "translator"
    calibration: Optional[Calibration] = None
    calibrated_on: int = 0

    def __init__(
        self,
        name: str,
        model: Model,
        source: SymbolTable,
        target: SymbolTable,
        source_spelling: Optional[Spelling] = None,
        target_spelling: Optional[Spelling] = None,
    ) -> None:
        super().__init__(name)
        self.model = model
        self.source, self.target = source, target
        self.slots = Slots(source, target)
        self.source_spelling, self.target_spelling = source_spelling or Spelling(), target_spelling or Spelling()
        self.limit, self.has_attention = model.longest_source, model.has_attention

    def _facts(self, facts: Facts) -> Facts:
        assert isinstance(facts, TranslatorFacts)
        return replace(facts, calibration=self.calibration, calibrated_on=self.calibrated_on)

    def encode(self, lines: Sequence[str], first: int = 1) -> List[Sentence]:
        """Sentences of lines, whose tokens are separated by spaces; ``first`` is the number of the first line.

        Raises:
            UsageError: a line has more tokens than the model takes.
        """
        return [self._sentence(line, f"line {number}") for number, line in enumerate(lines, first)]

    def _sentence(self, line: str, what: str) -> Sentence:
        words = line.split()
        self.check_length(len(words) + 1, what)
        return Sentence([*words, SPECIAL[EOS]], [*self.slots.source_numbers(words), EOS])

    def check_length(self, tokens: int, what: str) -> None:
        """Check that the model takes a sentence of so many tokens.

        Raises:
            UsageError: it does not; ``what`` names the sentence.
        """
        if tokens > self.limit:
            raise UsageError(
                f"{what} has {tokens} tokens, </s> included, and the model takes {self.limit} (--max-source-positions "
                "of its training): shorten it"
            )

    @overload
    def predict(  # type: ignore[overload-overlap]
        self,
        texts: str,
        nbest: None = None,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> Prediction: ...

    @overload
    def predict(  # type: ignore[overload-overlap]
        self,
        texts: str,
        nbest: int,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> List[Prediction]: ...

    @overload
    def predict(
        self,
        texts: Iterable[str],
        nbest: None = None,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> Iterator[Prediction]: ...

    @overload
    def predict(
        self,
        texts: Iterable[str],
        nbest: int,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> Iterator[List[Prediction]]: ...

    def predict(
        self,
        texts: Union[str, Iterable[str]],
        nbest: Optional[int] = None,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        *,
        min_probability: Optional[float] = None,
    ) -> Any:
        """What texts become, by beam search.

        Args:
            texts: one text, or any number of them, also endlessly many. Of these a batch is read ahead at first, and up
                to sixteen later.
            nbest: number of predictions of a text; None: the best one.
            beam: number of hypotheses that are followed at a time.
            batch_size: number of texts at a time.
            min_probability: if the best prediction of a text is less probable, its predictions have no text, and are
                ``unsure``.

        Returns:
            Of one text its prediction, with ``nbest`` a list of them, best first. Of several an iterator over these, in
            order.

        Raises:
            UsageError: a number is out of range, or a text is longer than the model takes: the predictions of those
                before it come first.
        """
        self.search_settings(beam, nbest or 1, batch_size)
        check_least(min_probability)
        found = self._predictions(each(texts), nbest or 1, beam, batch_size, min_probability)
        chosen = (predictions if nbest else predictions[0] for predictions in found)
        return next(chosen) if isinstance(texts, str) else chosen

    def _predictions(
        self, texts: Iterator[str], nbest: int, beam: int, batch_size: int, least: Optional[float]
    ) -> Iterator[List[Prediction]]:
        first, unknown = 1, Unknown(bool(self.slots))
        for part in growing(texts, batch_size):
            sentences: List[Sentence] = []
            error: Optional[UsageError] = None
            for number, text in enumerate(part, first):
                try:
                    sentences.append(self.spell(text, f"text {number}"))
                except UsageError as found:
                    error = found
                    break
            unknown.look(sentences, first, "text")
            for hypotheses in self.best(sentences, beam, nbest, batch_size, attends=True):
                unsure = is_unsure(hypotheses[0].probability, least)
                yield [self.prediction(one, unsure) for one in hypotheses]
            if error is not None:
                raise error
            first += len(part)
        unknown.summarize(first - 1, "texts")

    def evaluate(
        self,
        data: Any,
        source: Optional[str] = None,
        target: Optional[str] = None,
        beam: int = 5,
        batch_size: int = BATCH_SIZE,
        seed: int = 1,
        features: Optional[str] = None,
    ) -> Evaluation:
        """How good predictions are on data with known outputs: error rates with confidence intervals, and details.

        Args:
            data: pairs of source and target: a table, two parallel files, a data frame, an iterable, as
                :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes them; or targets by source. A source with
                several targets is right with any of them.
            source: name of its column; by default the first one.
            target: name of its column; by default the second one.
            beam: number of hypotheses that are followed at a time.
            batch_size: number of sources at a time.
            seed: of the intervals' bootstrap.
            features: name of the column of a source's features; by default a third one.

        Raises:
            UsageError: the data cannot be read or has no pair, or a number is out of range.
            MissingExtra: what scores is not installed.
        """
        from s2s_plugins.inference.evaluation import evaluate_translator

        return evaluate_translator(self, data, (source, target, features), beam, batch_size, seed)

    def score(self, pairs: Iterable[Tuple[str, str]], batch_size: int = BATCH_SIZE) -> Iterator[Scored]:
        """How probable given targets are, in order; a pair with a text that is too long is an error.

        Args:
            pairs: of source and target, also endlessly many.
            batch_size: number of pairs at a time.

        Raises:
            UsageError: a pair cannot be used, or the number is out of range.
        """
        from s2s_plugins.inference.scoring import score_pairs

        return score_pairs(self, pairs, batch_size)

    def prediction(self, found: Hypothesis, unsure: bool = False) -> Prediction:
        """What was found, with its text unless it is ``unsure``."""
        text = "" if unsure else self.target_spelling.text(found.tokens)
        return Prediction(text, found.score, found.probability, found.tokens, found.weights, unsure)

    def spell(self, text: str, what: str) -> Sentence:
        """A text as a sentence, by :attr:`source_spelling`.

        Raises:
            UsageError: it has more tokens than the model takes, is no text, or lacks features; ``what`` names it.
        """
        if not isinstance(text, str):
            raise UsageError(f"{what} is a {type(text).__name__}, not a text")
        self.check_length(self.source_spelling.most(text), what)
        try:
            tokens = self.source_spelling.tokens(text, self.slots.known(self.source))
        except UsageError as error:
            raise UsageError(f"{what}: {error}") from None
        return self._sentence(tokens, what)

    def best(
        self, sentences: Sequence[Sentence], beam: int, nbest: int, batch_size: int, attends: bool = False
    ) -> List[List[Hypothesis]]:
        """As :meth:`translate`, of sentences from :meth:`spell` or :meth:`encode`; if it ``attends``, with weights. But
        a sentence without tokens has one hypothesis, that of none.
        """
        full = [place for place, sentence in enumerate(sentences) if len(sentence.numbers) > 1]
        found = [[Hypothesis([], 0.0, 1.0, [EOS])] for _ in sentences]
        chosen = [sentences[place] for place in full]
        for place, hypotheses in zip(full, self._translate(self.model, chosen, beam, nbest, batch_size, attends)):
            found[place] = hypotheses
        return found

    def translate(
        self,
        lines: Sequence[Union[str, Sentence]],
        beam: int = 5,
        nbest: int = 1,
        batch_size: int = BATCH_SIZE,
    ) -> List[List[Hypothesis]]:
        """The ``nbest`` best translations of each sentence, best first, by beam search.

        None of them has ``<s>`` or what fills up fairseq's dictionaries.

        Args:
            lines: sentences, or lines whose tokens are separated by spaces.
            beam: number of hypotheses that are followed at a time, at most that of the target's symbols less 2.
            nbest: number of hypotheses to return, of those that were found.
            batch_size: number of sentences at a time.

        Raises:
            UsageError: ``beam``, ``nbest`` or ``batch_size`` is out of range, or a sentence is too long.
        """
        return self._translate(self.model, lines, beam, nbest, batch_size)

    def _translate(
        self,
        model: Model,
        lines: Sequence[Union[str, Sentence]],
        beam: int,
        nbest: int,
        batch_size: int,
        attends: bool = False,
    ) -> List[List[Hypothesis]]:
        settings = self.search_settings(beam, nbest, batch_size)
        sentences = self._encoded(lines)
        found: List[List[Hypothesis]] = [[] for _ in sentences]
        for places in batches([sentence.numbers for sentence in sentences], batch_size):
            outputs = model.search([sentences[place].numbers for place in places], settings, attends)
            for place, hypotheses in zip(places, outputs):
                found[place] = self._hypotheses(hypotheses, nbest, sentences[place])
        return found

    def search_settings(self, beam: int, nbest: int = 1, batch_size: int = BATCH_SIZE) -> SearchSettings:
        """What is searched for.

        Raises:
            UsageError: a number is out of range, or the model has no outputs.
        """
        for name, value in (("--beam", beam), ("--nbest", nbest), ("--batch-size", batch_size)):
            if not isinstance(value, (int, np.integer)):
                raise UsageError(f"{name} {value!r} is no whole number: use 1 or more")
            if value < 1:
                raise UsageError(f"{name} {value} is too small: use 1 or more")
        if nbest > beam:
            raise UsageError(f"--nbest {nbest} is more than --beam {beam} finds: raise --beam, or lower --nbest")
        longest = min(LONGEST_OUTPUT, self.model.longest_target - 1)
        if longest < 1:
            raise UsageError(
                f"{self.name} has outputs of {self.model.longest_target} tokens, </s> included (--max-target-positions "
                "of its training): use a model that takes 2 or more"
            )
        return SearchSettings(
            end=EOS,
            pad=PAD,
            unknown=UNK,
            beam=min(beam, len(self.target) - 2),  # there are no more first tokens to follow
            longest=longest,
            never=tuple(never_written(self.target)),
        )

    def _hypotheses(self, found: Sequence[Found], nbest: int, sentence: Sentence) -> List[Hypothesis]:
        """The ``nbest`` best of what was found for a sentence, which a batch may have padded."""
        scores = [float(one.score) for one in found]
        if not scores or not all(map(math.isfinite, scores)):
            raise UsageError(f"{self.name} gives no probabilities, its numbers are not finite: use another one")
        logs = [score * len(one.tokens) for score, one in zip(scores, found)]
        probabilities = probabilities_of(self.calibration, logs)
        return [self._hypothesis(*one, sentence) for one in zip(found[:nbest], scores, probabilities)]

    def _hypothesis(self, found: Found, score: float, probability: float, sentence: Sentence) -> Hypothesis:
        numbers: List[int] = found.tokens.tolist()
        weights = None if found.attention is None else np.asarray(found.attention)[: len(sentence.numbers)].T
        return Hypothesis(self.written(sentence, numbers), score, probability, numbers, weights)

    def attend(
        self, lines: Sequence[Union[str, Sentence]], beam: int = 5, batch_size: int = BATCH_SIZE
    ) -> List[Alignment]:
        """Translate by beam search, and say where the model looked for each token of the best translation.

        Raises:
            UsageError: the model has no attention; else as :meth:`translate`.
        """
        if not self.has_attention:
            raise UsageError(
                f"{self.name} is of a model without attention: use one of --arch attention_lstm, with any "
                "--attention, or of fairseq's --arch lstm"
            )
        sentences = self._encoded(lines)
        found = self._translate(self.model, sentences, beam, 1, batch_size, attends=True)
        best = [hypotheses[0] for hypotheses in found]
        looks = all(one.weights is not None for one in best)
        return alignments_of(self, sentences, best, batch_size) if looks else self.align(sentences, best, batch_size)

    def align(
        self, sentences: Sequence[Sentence], hypotheses: Sequence[Hypothesis], batch_size: int = BATCH_SIZE
    ) -> List[Alignment]:
        """Where a model with attention looks if it produces ``hypotheses``, one for each sentence, and what it copies.

        Of hypotheses without weights, a forward pass says so.
        """
        return alignments_of(self, sentences, hypotheses, batch_size)

    def _encoded(self, lines: Sequence[Union[str, Sentence]]) -> List[Sentence]:
        if isinstance(lines, str):
            raise UsageError("one string is not a list of lines: put it into one, as in translate([line])")
        sentences = [self.encode([line])[0] if isinstance(line, str) else line for line in lines]
        for number, sentence in enumerate(sentences, start=1):
            self.check_length(len(sentence.numbers), f"sentence {number}")
        return sentences

    def written(self, sentence: Sentence, numbers: Sequence[int], with_end: bool = False) -> List[str]:
        """The tokens of an output for ``sentence``, which its slots are turned back into, as :meth:`tokens`."""
        tokens = self.slots.written(numbers, self.slots.held(sentence.tokens, sentence.numbers))
        return tokens[:-1] if not with_end and list(numbers[-1:]) == [EOS] else tokens

    @staticmethod
    def tokens(symbols: SymbolTable, numbers: Sequence[int], with_end: bool = False) -> List[str]:
        """The tokens that ``numbers`` stand for, without the ``</s>`` at the end unless it is asked for."""
        end = len(numbers) - (not with_end and list(numbers[-1:]) == [EOS])
        return [symbols.symbols[number] for number in numbers[:end]]


def never_written(symbols: SymbolTable) -> List[int]:
    """The symbols that no output has: the start, and what fills up a dictionary; label smoothing makes them a little
    probable."""
    fillers = re.compile(FILLER + r"\d{4}")
    return [BOS, *(number for number, symbol in enumerate(symbols.symbols) if fillers.fullmatch(symbol))]
