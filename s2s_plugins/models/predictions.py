"""Predictions for lines of text: a line to tokens, the best hypotheses, and those to a line of output."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import unicodedata
from typing import IO, Container, List, Optional, Sequence, Tuple

import torch

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.lines import progress, read_batches
from s2s_plugins.models.translator import Hypothesis, Sentence, Translator

SPACE = "\u2581"  # stands for a space where characters are tokens
UNKNOWN = "<unk>"

logger = logging.getLogger(__name__)


def characters(line: str) -> str:
    """A line in Unicode's composed form, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(line.split()))


def as_tokens(line: str, level: str, known: Container[str]) -> str:
    """A line as tokens separated by spaces.

    Characters are in Unicode's composed form; one that is not ``known`` is taken apart (an accent, the parts of a
    Hangul syllable), or in the other case, if that is.
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
    return " ".join(tokens) if level == "token" else "".join(tokens).replace(SPACE, " ")


def answers(line: str, sentence: Sentence, hypotheses: Sequence[Hypothesis], args: argparse.Namespace) -> List[str]:
    """The lines of output for a line of input, which the model read as ``sentence``."""
    texts = [as_text(hypothesis.tokens, args.target) for hypothesis in hypotheses]
    if args.json:
        answer = {
            "source": line,
            "source_tokens": sentence.words[:-1],
            "predictions": texts,
            "scores": [round(hypothesis.score, 6) for hypothesis in hypotheses],
            "probabilities": [round(math.exp(one.score * len(one.numbers)), 6) for one in hypotheses],
        }
        return [json.dumps(answer, ensure_ascii=False)]
    columns = [[line, text] for text in texts]
    if args.scores:
        columns = [[*row, f"{hypothesis.score:.4f}"] for row, hypothesis in zip(columns, hypotheses)]
    return ["\t".join(row) for row in columns]


def encode(
    translator: Translator, lines: Sequence[str], first: int, args: argparse.Namespace
) -> Tuple[List[Sentence], Optional[UsageError]]:
    """The lines as sentences, up to one that the model cannot take, and what is wrong with that one.

    The first of them is the input's line ``first``.
    """
    known = translator.task.source_dictionary
    sentences: List[Sentence] = []
    for number, line in enumerate(lines, first):
        try:
            if args.source == "char":  # a look at each character of a line of millions takes half a minute
                translator.check_length(len(characters(line)) + 1, f"line {number}")
            sentences += translator.encode([as_tokens(line, args.source, known)], number)
        except UsageError as error:
            return sentences, error
    return sentences, None


class Unknown:
    """Counts the lines with tokens that the model does not know, and says so: of the first at once, of all at the end.

    Args:
        unk: the number by which the model reads such a token.
    """

    def __init__(self, unk: int) -> None:
        self.unk, self.lines = unk, 0

    def look(self, sentences: Sequence[Sentence], first: int) -> None:
        """The first of the sentences is the input's line ``first``."""
        for line, sentence in enumerate(sentences, first):
            places = (sentence.tokens == self.unk).nonzero().flatten().tolist()
            if places and not self.lines:
                token = sentence.words[places[0]]
                logger.warning(
                    f"line {line}: {token} is no token that the model knows: it reads {UNKNOWN} in its place"
                )
            self.lines += bool(places)

    def tell(self, lines: int) -> None:
        """At the end of so many lines."""
        if self.lines > 1:
            logger.warning(f"{self.lines} of {lines} lines have tokens that the model does not know")


def predict(translator: Translator, sentences: Sequence[Sentence], args: argparse.Namespace) -> List[List[Hypothesis]]:
    """The hypotheses of each sentence; one without a token has an empty one."""
    full = [place for place, sentence in enumerate(sentences) if len(sentence.tokens) > 1]
    end = torch.tensor([translator.task.target_dictionary.eos()])
    found = [[Hypothesis([], 0.0, end)] for _ in sentences]
    hypotheses = translator.translate([sentences[place] for place in full], args.beam, args.nbest, args.batch_size)
    for place, best in zip(full, hypotheses):
        found[place] = best
    return found


def predict_lines(translator: Translator, stream: IO[bytes], args: argparse.Namespace) -> None:
    """Print the predictions of each line of ``stream``.

    Raises:
        UsageError: a line cannot be read; those before it are answered.
    """
    first, unknown = 1, Unknown(translator.task.source_dictionary.unk())
    with progress(stream) as bar:
        for lines in read_batches(stream, args.batch_size):
            sentences, error = encode(translator, lines, first, args)
            unknown.look(sentences, first)
            for line, sentence, hypotheses in zip(lines, sentences, predict(translator, sentences, args)):
                for answer in answers(line, sentence, hypotheses, args):
                    print(answer)
            sys.stdout.flush()
            if error is not None:
                raise error
            first += len(lines)
            bar.update(len(lines))
    unknown.tell(first - 1)
