"""Predictions for lines of text: from a line to tokens, to the best hypotheses, and to lines of output."""

from __future__ import annotations

import json
import logging
import math
import unicodedata
from dataclasses import dataclass
from typing import IO, Container, Iterator, List, Optional, Sequence, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.lines import read_batches
from s2s_plugins.inference.translator import Hypothesis, Sentence, Translator
from s2s_plugins.text.symbols import EOS, UNK
from s2s_plugins.text.tokens import SPACE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How lines are read, searched and answered.

    Args:
        source: what a token of a line is, ``"token"`` (separated by spaces) or ``"char"``.
        target: the same for the output.
        beam: width of the beam search, 1 = greedy.
        nbest: number of predictions for each line.
        scores: add a column with the mean log-probability of a token.
        json: answer with a JSON object for each line.
        batch_size: number of lines that are searched at a time.
    """

    source: str = "token"
    target: str = "token"
    beam: int = 5
    nbest: int = 1
    scores: bool = False
    json: bool = False
    batch_size: int = 256


def characters(line: str) -> str:
    """A line in Unicode's composed form, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(line.split()))


def as_tokens(line: str, level: str, known: Container[str]) -> str:
    """A line as tokens separated by spaces.

    Characters are in Unicode's composed form. One that is not ``known`` is decomposed (into letter and accent, or the
    parts of a Hangul syllable), or changed to the other case, if the result is known.

    Args:
        line: as it was read.
        level: ``"token"`` or ``"char"``.
        known: the symbols of the model.
    """
    if level == "token":
        return line
    tokens: List[str] = []
    for character in characters(line):
        if character == " ":
            tokens.append(SPACE)
            continue
        other = character.swapcase()
        forms = (character, unicodedata.normalize("NFD", character), other, unicodedata.normalize("NFD", other))
        tokens += next((form for form in forms if all(part in known for part in form)), character)
    return " ".join(tokens)


def as_text(tokens: Sequence[str], level: str) -> str:
    """The line that ``tokens`` stand for."""
    return " ".join(tokens) if level == "token" else "".join(tokens).replace(SPACE, " ")


def answers(line: str, sentence: Sentence, hypotheses: Sequence[Hypothesis], options: Options) -> List[str]:
    """The lines of output for a line of input, which the model read as ``sentence``."""
    texts = [as_text(hypothesis.tokens, options.target) for hypothesis in hypotheses]
    if options.json:
        answer = {
            "source": line,
            "source_tokens": sentence.tokens[:-1],
            "predictions": texts,
            "scores": [round(hypothesis.score, 6) for hypothesis in hypotheses],
            "probabilities": [round(math.exp(one.score * len(one.numbers)), 6) for one in hypotheses],
        }
        return [json.dumps(answer, ensure_ascii=False)]
    columns = [[line, text] for text in texts]
    if options.scores:
        columns = [[*row, f"{hypothesis.score:.4f}"] for row, hypothesis in zip(columns, hypotheses)]
    return ["\t".join(row) for row in columns]


def encode(
    translator: Translator, lines: Sequence[str], first: int, level: str
) -> Tuple[List[Sentence], Optional[UsageError]]:
    """The lines as sentences, up to the first one that the model cannot take, and the error of that one.

    Args:
        translator: the model.
        lines: without their ends.
        first: number of the first line in the input.
        level: what a token is.
    """
    known = translator.source.indices
    sentences: List[Sentence] = []
    for number, line in enumerate(lines, first):
        try:
            if level == "char":  # to look at each character of a line of millions takes half a minute
                translator.check_length(len(characters(line)) + 1, f"line {number}")
            sentences += translator.encode([as_tokens(line, level, known)], number)
        except UsageError as error:
            return sentences, error
    return sentences, None


class Unknown:
    """Reports lines with unknown tokens in the log: the first one at once, their number at the end."""

    def __init__(self) -> None:
        self.lines = 0

    def look(self, sentences: Sequence[Sentence], first: int) -> None:
        """Count the unknown tokens of ``sentences``; the first of them is line ``first`` of the input."""
        for line, sentence in enumerate(sentences, first):
            unknown = UNK in sentence.numbers
            if unknown and not self.lines:
                token = sentence.tokens[sentence.numbers.index(UNK)]
                logger.warning(f"line {line}: unknown token {token}, replaced by <unk>")
            self.lines += unknown

    def summarize(self, lines: int) -> None:
        """Report how many of ``lines`` lines have unknown tokens, if that is more than the one reported before."""
        if self.lines > 1:
            logger.warning(f"{self.lines} of {lines} lines have unknown tokens")


def predict(translator: Translator, sentences: Sequence[Sentence], options: Options) -> List[List[Hypothesis]]:
    """The hypotheses of each sentence; an empty sentence has an empty one."""
    full = [place for place, sentence in enumerate(sentences) if len(sentence.numbers) > 1]
    found = [[Hypothesis([], 0.0, [EOS])] for _ in sentences]
    chosen = [sentences[place] for place in full]
    hypotheses = translator.translate(chosen, options.beam, options.nbest, options.batch_size)
    for place, best in zip(full, hypotheses):
        found[place] = best
    return found


def predict_lines(translator: Translator, stream: IO[bytes], options: Options) -> Iterator[List[List[str]]]:
    """The lines of output for each line of ``stream``, for as many lines at a time as wait there.

    Raises:
        UsageError: a line cannot be read; the answers to those before it are given out first.
    """
    first, unknown = 1, Unknown()
    for lines in read_batches(stream, options.batch_size):
        sentences, error = encode(translator, lines, first, options.source)
        unknown.look(sentences, first)
        found = predict(translator, sentences, options)
        yield [answers(line, sentence, best, options) for line, sentence, best in zip(lines, sentences, found)]
        if error is not None:
            raise error
        first += len(lines)
    unknown.summarize(first - 1)
