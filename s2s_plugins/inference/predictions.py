"""Predictions for lines of text: from a line to tokens, to the best hypotheses, and to lines of output."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.lines import read_batches
from s2s_plugins.inference.sentences import Hypothesis, Sentence, Unknown
from s2s_plugins.inference.translator import Translator
from s2s_plugins.inference.unsure import check_least, columns, is_unsure


@dataclass(frozen=True)
class Options:
    """How lines are searched and answered.

    Args:
        beam: width of the beam search, 1 = greedy.
        nbest: number of predictions for each line.
        scores: add a column with the mean log-probability of a token.
        json: answer with a JSON object for each line.
        batch_size: number of lines that are searched at a time.
        min_probability: if the best prediction of a line is less probable, its predictions are left empty, and a column
            says so.

    Raises:
        UsageError: ``min_probability`` is none.
    """

    beam: int = 5
    nbest: int = 1
    scores: bool = False
    json: bool = False
    batch_size: int = 64
    min_probability: Optional[float] = None

    def __post_init__(self) -> None:
        check_least(self.min_probability)


def answers(
    translator: Translator, line: str, sentence: Sentence, hypotheses: Sequence[Hypothesis], options: Options
) -> List[str]:
    """The lines of output for a line of input, which the model read as ``sentence``."""
    unsure = is_unsure(hypotheses[0].probability, options.min_probability)
    candidates = [translator.target_spelling.text(hypothesis.tokens) for hypothesis in hypotheses]
    texts = [""] * len(candidates) if unsure else candidates
    if options.json:
        answer: Dict[str, Any] = {
            "source": line,
            "source_tokens": sentence.tokens[:-1],
            "predictions": texts,
            "scores": [round(hypothesis.score, 6) for hypothesis in hypotheses],
            "probabilities": [round(one.probability, 6) for one in hypotheses],
        }
        if options.min_probability is not None:
            answer.update(unsure=unsure, **({"candidates": candidates} if unsure else {}))
        return [json.dumps(answer, ensure_ascii=False)]
    return ["\t".join([line, *cells(text, one, unsure, options)]) for text, one in zip(texts, hypotheses)]


def cells(text: str, hypothesis: Hypothesis, unsure: bool, options: Options) -> List[str]:
    """The columns of a prediction, whose text is empty if it is ``unsure``."""
    scores = [f"{hypothesis.score:.4f}"] if options.scores else []
    probability = [] if options.min_probability is None else columns(hypothesis.probability, unsure)
    return [text, *scores, *probability]


def encode(translator: Translator, lines: Sequence[str], first: int) -> Tuple[List[Sentence], Optional[UsageError]]:
    """The lines as sentences, up to the first one that the model cannot take, and the error of that one.

    Args:
        translator: the model.
        lines: without their ends.
        first: number of the first line in the input.
    """
    sentences: List[Sentence] = []
    for number, line in enumerate(lines, first):
        try:
            sentences.append(translator.spell(line, f"line {number}"))
        except UsageError as error:
            return sentences, error
    return sentences, None


def predict_lines(translator: Translator, stream: IO[bytes], options: Options) -> Iterator[List[List[str]]]:
    """The lines of output for each line of ``stream``, for as many lines at a time as wait there.

    Raises:
        UsageError: a line cannot be read; the answers to those before it are given out first.
    """
    first, unknown = 1, Unknown(bool(translator.slots))
    for lines in read_batches(stream, options.batch_size):
        sentences, error = encode(translator, lines, first)
        unknown.look(sentences, first)
        found = translator.best(sentences, options.beam, options.nbest, options.batch_size)
        yield [
            answers(translator, line, sentence, best, options) for line, sentence, best in zip(lines, sentences, found)
        ]
        if error is not None:
            raise error
        first += len(lines)
    unknown.summarize(first - 1)
