"""How probable targets are that were not searched for: of pairs that somebody wrote."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.batches import batches, growing
from s2s_plugins.text.symbols import EOS

if TYPE_CHECKING:
    from s2s_plugins.inference.sentences import Sentence
    from s2s_plugins.inference.translator import Translator


class Scored(NamedTuple):
    """How probable a target is.

    Attributes:
        tokens: of the target, without ``</s>``. One that the model does not know counts as ``<unk>``.
        each: (T,), the log-probability of each token and of ``</s>``, natural logarithm.
    """

    tokens: List[str]
    each: NDArray[np.floating]

    @property
    def log_probability(self) -> float:
        """That of the whole target."""
        return float(self.each.sum())

    @property
    def score(self) -> float:
        """The mean log-probability of a token, as a prediction has it."""
        return self.log_probability / len(self.each)

    @property
    def probability(self) -> float:
        """That of the whole target."""
        return math.exp(self.log_probability)


def score_pairs(translator: Translator, pairs: Iterable[Tuple[str, str]], batch_size: int) -> Iterator[Scored]:
    """As :meth:`s2s_plugins.inference.translator.Translator.score`."""
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size} is too small: use 1 or more")
    return _scored(translator, pairs, batch_size)


def _scored(translator: Translator, pairs: Iterable[Tuple[str, str]], batch_size: int) -> Iterator[Scored]:
    first = 1
    for part in growing(iter(pairs), batch_size):
        sources = [translator.spell(source, f"source {number}") for number, (source, _) in enumerate(part, first)]
        targets = [_target(translator, target, f"target {number}") for number, (_, target) in enumerate(part, first)]
        yield from score_sentences(translator, sources, targets, batch_size)
        first += len(part)


def score_sentences(
    translator: Translator, sources: Sequence[Sentence], targets: Sequence[List[str]], batch_size: int
) -> List[Scored]:
    """How probable the tokens of targets are, one for each source.

    Args:
        translator: gives the probabilities.
        sources: as its ``spell`` gives them.
        targets: tokens, as :func:`target_tokens` gives them.
        batch_size: number of pairs at a time.

    Raises:
        UsageError: the model gives no numbers.
    """
    numbers = [[*_numbers(translator, *pair), EOS] for pair in zip(sources, targets)]
    found: List[NDArray[np.floating]] = [_of_nothing(one) for one in numbers]
    full = [place for place, source in enumerate(sources) if len(source.numbers) > 1]
    for part in batches([sources[place].numbers for place in full], batch_size):
        places = [full[place] for place in part]
        given = ([sources[place].numbers for place in places], [numbers[place] for place in places])
        for place, each in zip(places, translator.model.score(*given)):
            if np.isnan(each).any():
                raise UsageError(f"{translator.name} gives no probabilities, its numbers are not finite: use another")
            found[place] = each
    return [Scored(target, each) for target, each in zip(targets, found)]


def target_tokens(translator: Translator, text: str) -> List[str]:
    """The tokens of a target, without ``</s>``."""
    return translator.target_spelling.tokens(text, translator.slots.known(translator.target)).split()


def _target(translator: Translator, text: str, what: str) -> List[str]:
    if not isinstance(text, str):
        raise UsageError(f"{what} is a {type(text).__name__}, not a text")
    tokens, limit = target_tokens(translator, text), translator.model.longest_target
    if len(tokens) + 1 > limit:
        raise UsageError(
            f"{what} has {len(tokens) + 1} tokens, </s> included, and the model takes {limit} (--max-target-positions "
            "of its training): shorten it"
        )
    return tokens


def _numbers(translator: Translator, source: Sentence, tokens: Sequence[str]) -> List[int]:
    slots = translator.slots
    return slots.target_numbers(tokens, slots.held(source.tokens, source.numbers))


def _of_nothing(target: Sequence[int]) -> NDArray[np.floating]:
    """Of a source without tokens: the output has none either."""
    return np.array([0.0 if number == EOS else -math.inf for number in target])
