"""Beam search over the steps of one or several models, on tensors or on numpy arrays.

What the beams of a sentence share is held once: the first step runs on one row a sentence, and only what differs is
reordered. A search ends when it has K hypotheses and no unfinished one is more probable than all of them. Ending at the
K-th hypothesis alone, as is usual, loses the right output where a model is sure of each token: the K - 1 beams beside
the right one are guesses that soon end as stumps, and the right one is longer.

Shape letters: N sentences, K beams, R rows (one a sentence at the first step, then N times K), V vocabulary,
C candidates, S source tokens, t tokens so far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

import numpy as np

Array = Any  # torch.Tensor or numpy.ndarray


class StepState(Protocol):
    """What a model carries from one step to the next.

    Attributes:
        weights: (R, S), the attention of the last step; None of a model without attention.
    """

    @property
    def weights(self) -> Optional[Array]: ...

    def reorder(self, rows: Array, sentences: Optional[Array]) -> StepState:
        """Select rows; and sentences, None for all of them in their order."""


class StepModel(Protocol):
    """A model that is searched, one token a row at a time."""

    def step(self, tokens: Array, state: Any) -> Tuple[Array, Any]:
        """``tokens`` (R,) -> logits (R, V), which the search may overwrite, and the next state."""


@dataclass(frozen=True)
class SearchSettings:
    """What is searched for.

    Args:
        end: the token that ends a hypothesis.
        pad: a token that is never part of one.
        unknown: the token of words that the vocabulary lacks.
        beam: hypotheses that are followed at a time, K; at most V - 2.
        longest: most tokens of a hypothesis before ``end``.
        shortest: fewest tokens before ``end``.
        length_penalty: a hypothesis of n tokens scores its log-probability divided by n to this power.
        normalize: whether scores are divided by the length at all.
        temperature: logits are divided by it.
        unknown_penalty: taken from the log-probability of ``unknown``.
        never: further tokens that are never part of a hypothesis.
        patient: whether a search with K hypotheses continues while an unfinished one is more probable than all of them.

    Raises:
        ValueError: a number is out of range.
    """

    end: int
    pad: int
    unknown: int
    beam: int = 5
    longest: int = 200
    shortest: int = 1
    length_penalty: float = 1.0
    normalize: bool = True
    temperature: float = 1.0
    unknown_penalty: float = 0.0
    never: Tuple[int, ...] = ()
    patient: bool = True

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError(f"beam {self.beam} is too small: use 1 or more")
        if not self.temperature > 0:
            raise ValueError(f"temperature {self.temperature} is too small: use a number above 0")
        if self.longest < 0:
            raise ValueError(f"longest {self.longest} is too small: use 0 or more")
        if self.shortest > self.longest:
            raise ValueError(f"shortest {self.shortest} is more than longest {self.longest}: lower it")


class Found(NamedTuple):
    """A hypothesis that has ended.

    Attributes:
        tokens: (t,), ``end`` included.
        score: its log-probability, divided by its length if scores are normalized; an array without dimensions.
        positional_scores: (t,), log-probability of each token.
        attention: (S, t), mean of the models that have attention; None without.
    """

    tokens: Array
    score: Array
    positional_scores: Array
    attention: Optional[Array]


def beam_search(
    models: Sequence[StepModel],
    states: Sequence[StepState],
    first_tokens: Array,
    settings: SearchSettings,
    attends: bool = False,
) -> List[List[Found]]:
    """The best outputs of N sentences.

    Args:
        models: searched together, the mean of their probabilities; each is bound to the same N sentences.
        states: of each model before the first step, one row a sentence.
        first_tokens: (N,), what the first step reads.
        settings: what is searched for.
        attends: whether attention is kept.

    Returns:
        At most K hypotheses a sentence, best first.

    Raises:
        ValueError: K is too large for the vocabulary, or there is no model.
    """
    if not models:
        raise ValueError("there is no model to search with")
    if not len(first_tokens):
        return []
    return _Search(models, list(states), settings, attends, _arrays_of(first_tokens)).run(first_tokens)


def score_outputs(
    models: Sequence[StepModel], states: Sequence[StepState], first_tokens: Array, outputs: Array
) -> Array:
    """The log-probabilities of the tokens of N given outputs: what a search gives to each that it finds.

    Args:
        models: as :func:`beam_search` takes them.
        states: likewise.
        first_tokens: (N,), what the first step reads.
        outputs: (T, N), the end included; what is behind it is of no matter.

    Returns:
        (N, T), in float32 or more.
    """
    arrays, states, tokens = _arrays_of(first_tokens), list(states), first_tokens
    scores: List[Array] = []
    for wanted in outputs:
        parts = []
        for index, model in enumerate(models):
            logits, states[index] = model.step(tokens, states[index])
            logits = arrays.precise(logits)
            parts.append(arrays.along(logits, wanted[:, None]) - arrays.log_sum_exp(logits))
        scores.append(parts[0] if len(parts) == 1 else arrays.log_add_exp(parts) - math.log(len(parts)))
        tokens = wanted
    return arrays.join(scores, 1)


class _Candidates(NamedTuple):
    """The best continuations of each sentence, best first, all (N, C).

    Attributes:
        scores: log-probabilities of the whole hypothesis.
        tokens: the last token.
        rows: the row that is continued.
        ended: whether the token is the end.
    """

    scores: Array
    tokens: Array
    rows: Array
    ended: Array


@dataclass
class _Ended:
    """What has ended of a sentence.

    Attributes:
        hypotheses: in the order in which they ended.
        best: the log-probability of the most probable one, whatever its length.
    """

    hypotheses: List[Found] = field(default_factory=list)
    best: float = -math.inf


class _Search:
    """One run of :func:`beam_search`.

    Attributes:
        sentences: the numbers of those that are still searched.
        found: what has ended, by number.
        tokens: (R, t+1), the first tokens included.
        scores: (R, t), log-probability of each prefix.
        looked: (R, S, t), the attention of each step.
    """

    def __init__(
        self,
        models: Sequence[StepModel],
        states: List[StepState],
        settings: SearchSettings,
        attends: bool,
        arrays: _Numpy | _Torch,
    ) -> None:
        self.models, self.states, self.settings = models, states, settings
        self.attends, self.arrays = attends, arrays
        self.looked: Optional[Array] = None

    def run(self, first_tokens: Array) -> List[List[Found]]:
        arrays, settings = self.arrays, self.settings
        self.sentences = list(range(len(first_tokens)))
        self.found: Dict[int, _Ended] = {number: _Ended() for number in self.sentences}
        self.tokens = first_tokens.reshape(-1, 1)
        self.scores: Optional[Array] = None
        self.never = arrays.numbers(settings.never, like=first_tokens) if settings.never else None
        for step in range(settings.longest + 1):
            candidates = self._candidates(self._step(), step)
            ends = arrays.places(candidates.ended[:, : settings.beam])
            if ends:
                self._collect(candidates, ends)
            going = self._going(candidates)
            if step == settings.longest or not going:
                break
            self._continue(candidates, going, bool(ends))
        best_first = (sorted(ended.hypotheses, key=lambda one: -float(one.score)) for ended in self.found.values())
        return [hypotheses[: settings.beam] for hypotheses in best_first]

    def _step(self) -> List[Array]:
        """The logits of each model (R, V), in float32 or more; notes where they looked."""
        logits = []
        for index, model in enumerate(self.models):
            output, self.states[index] = model.step(self.tokens[:, -1], self.states[index])
            logits.append(self.arrays.precise(output))
        weights = [state.weights for state in self.states if self.attends and state.weights is not None]
        if weights:
            mean = (weights[0] if len(weights) == 1 else sum(weights) / len(weights))[:, :, None]
            self.looked = mean if self.looked is None else self.arrays.join([self.looked, mean], 2)
        return logits

    def _candidates(self, logits: List[Array], step: int) -> _Candidates:
        """The best continuations, twice as many as beams, since half of them may be ends."""
        arrays, settings, sentences = self.arrays, self.settings, len(self.sentences)
        values, normalizer = self._combine(logits)
        vocabulary = values.shape[1]
        if settings.beam + 2 > vocabulary:
            raise ValueError(
                f"beam {settings.beam} is too large for {vocabulary} symbols: use {vocabulary - 2} or less"
            )
        values[:, settings.pad] = -math.inf
        values[:, settings.unknown] -= settings.unknown_penalty
        if step >= settings.longest:
            values[:, : settings.end] = -math.inf
            values[:, settings.end + 1 :] = -math.inf
        elif step < settings.shortest:
            values[:, settings.end] = -math.inf
        if self.never is not None:
            values[:, self.never] = -math.inf
        # the best of each row, then of these: a row's normalizer does not change their order
        best, indices = arrays.top(values, min(2 * settings.beam, vocabulary - 1))
        best = arrays.finite_or_never(best - normalizer)
        if self.scores is not None:
            best = best + self.scores[:, -1:]
        width, rows = best.shape[1], best.shape[0] // sentences
        best, places = arrays.top(best.reshape(sentences, -1), min(2 * settings.beam, rows * width))
        tokens = arrays.along(indices.reshape(sentences, -1), places)
        first_rows = arrays.count(sentences, like=places)[:, None] * rows
        ended = (tokens == settings.end) & (best != -math.inf)
        return _Candidates(best, tokens, first_rows + places // width, ended)

    def _combine(self, logits: List[Array]) -> Tuple[Array, Array]:
        """Of one or several models: values (R, V), and what to subtract from a row (R, 1) to have log-probabilities."""
        arrays = self.arrays
        if self.settings.temperature != 1:
            logits = [part / self.settings.temperature for part in logits]
        if len(logits) == 1:
            return logits[0], arrays.log_sum_exp(logits[0])
        return arrays.log_add_exp([part - arrays.log_sum_exp(part) for part in logits]), math.log(len(logits))

    def _collect(self, candidates: _Candidates, ends: List[Tuple[int, int]]) -> None:
        """Add the hypotheses that end at ``ends``, pairs of sentence and candidate, to those that were found."""
        arrays, settings = self.arrays, self.settings
        places, columns = (arrays.numbers(part, like=self.tokens) for part in zip(*ends))
        total, last, rows, _ = (part[places, columns] for part in candidates)
        whole = arrays.join([arrays.rows(self.tokens, rows)[:, 1:], last[:, None]], 1)
        sums, each = total[:, None], total[:, None]
        if self.scores is not None:
            before = arrays.rows(self.scores, rows)
            sums = arrays.join([before, sums], 1)
            each = arrays.join([sums[:, :1], sums[:, 1:] - before], 1)
        probable, looked = total.tolist(), None
        if settings.normalize:
            total = total / whole.shape[1] ** settings.length_penalty
        if self.looked is not None:
            looked = arrays.rows(self.looked, rows)
        for index, (place, _) in enumerate(ends):
            ended = self.found[self.sentences[place]]
            ended.best = max(ended.best, probable[index])
            if settings.patient or len(ended.hypotheses) < settings.beam:
                attention = None if looked is None else looked[index]
                ended.hypotheses.append(Found(whole[index], total[index], each[index], attention))

    def _going(self, candidates: _Candidates) -> List[int]:
        """The places of the sentences whose search continues: with under K hypotheses, or patiently."""
        numbers = list(enumerate(self.sentences))
        full = {place for place, number in numbers if len(self.found[number].hypotheses) >= self.settings.beam}
        if full and self.settings.patient:
            # the first candidate either has ended, and is no better than the best, or is the best that has not; its
            # probability, not its score for its length: that of a poor model's endless output rises with each token
            ahead = candidates.scores[:, 0].tolist()
            full = {place for place in full if ahead[place] <= self.found[self.sentences[place]].best}
        return [place for place, _ in numbers if place not in full]

    def _continue(self, candidates: _Candidates, going: List[int], some_ended: bool) -> None:
        """Move to the K best unfinished candidates of the sentences that continue."""
        arrays, beam = self.arrays, self.settings.beam
        kept: Optional[Array] = None
        if len(going) < len(self.sentences):
            self.sentences = [self.sentences[place] for place in going]
            kept = arrays.numbers(going, like=self.tokens)
            candidates = _Candidates(*(arrays.rows(part, kept) for part in candidates))
        scores, tokens, rows = candidates.scores, candidates.tokens, candidates.rows
        if some_ended:
            order = arrays.unset_first(candidates.ended)
            scores, tokens, rows = (arrays.along(part, order) for part in (scores, tokens, rows))
        rows = rows[:, :beam].reshape(-1)
        self.tokens = arrays.join([arrays.rows(self.tokens, rows), tokens[:, :beam].reshape(-1, 1)], 1)
        scores = scores[:, :beam].reshape(-1, 1)
        self.scores = scores if self.scores is None else arrays.join([arrays.rows(self.scores, rows), scores], 1)
        self.states = [state.reorder(rows, kept) for state in self.states]
        if self.looked is not None:
            self.looked = arrays.rows(self.looked, rows)


# Not by array-api-compat: it looks for negative indices wherever rows are taken, and its import loads all of numpy.
# Both show where a line at a time is predicted, or the first one.
class _Numpy:
    """What the search does with numpy arrays, where tensors do it by another name."""

    def precise(self, values: Array) -> Array:
        return values.astype(np.promote_types(values.dtype, np.float32))

    def join(self, parts: List[Array], axis: int) -> Array:
        return np.concatenate(parts, axis)

    def rows(self, values: Array, rows: Array) -> Array:
        return values[rows]

    def along(self, values: Array, places: Array) -> Array:
        return np.take_along_axis(values, places, 1)

    def numbers(self, numbers: Sequence[int], like: Array) -> Array:
        return np.asarray(numbers, dtype=np.int64)

    def count(self, size: int, like: Array) -> Array:
        return np.arange(size)

    def places(self, flags: Array) -> List[Tuple[int, int]]:
        """Row and column of each that is set, row by row."""
        return [(int(row), int(column)) for row, column in zip(*flags.nonzero())]

    def unset_first(self, flags: Array) -> Array:
        """The places along a row, those that are not set first, else in their order."""
        return np.argsort(flags, 1, kind="stable")

    def top(self, values: Array, count: int) -> Tuple[Array, Array]:
        """The largest of each row, largest first, and their places."""
        places = np.argpartition(values, -count, 1)[:, -count:]
        order = np.argsort(-np.take_along_axis(values, places, 1), 1, kind="stable")
        places = np.take_along_axis(places, order, 1)
        return np.take_along_axis(values, places, 1), places

    def log_sum_exp(self, values: Array) -> Array:
        largest = values.max(1, keepdims=True)
        return largest + np.log(np.exp(values - largest).sum(1, keepdims=True))

    def log_add_exp(self, parts: List[Array]) -> Array:
        return np.logaddexp.reduce(parts)

    def finite_or_never(self, values: Array) -> Array:
        return np.nan_to_num(values, nan=-math.inf, neginf=-math.inf)


class _Torch:
    """The same with tensors."""

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def precise(self, values: Array) -> Array:
        return values.to(self.torch.promote_types(values.dtype, self.torch.float32))

    def join(self, parts: List[Array], axis: int) -> Array:
        return self.torch.cat(parts, axis)

    def rows(self, values: Array, rows: Array) -> Array:
        return values.index_select(0, rows)

    def along(self, values: Array, places: Array) -> Array:
        return values.gather(1, places)

    def numbers(self, numbers: Sequence[int], like: Array) -> Array:
        return self.torch.tensor(numbers, device=like.device)

    def count(self, size: int, like: Array) -> Array:
        return self.torch.arange(size, device=like.device)

    def places(self, flags: Array) -> List[Tuple[int, int]]:
        return [(row, column) for row, column in flags.nonzero().tolist()]

    def unset_first(self, flags: Array) -> Array:
        return self.torch.sort(flags.byte(), dim=1, stable=True).indices

    def top(self, values: Array, count: int) -> Tuple[Array, Array]:
        largest, places = values.topk(count)
        return largest, places

    def log_sum_exp(self, values: Array) -> Array:
        return values.logsumexp(dim=1, keepdim=True)

    def log_add_exp(self, parts: List[Array]) -> Array:
        return self.torch.stack(parts).logsumexp(dim=0)

    def finite_or_never(self, values: Array) -> Array:
        return values.nan_to_num(nan=-math.inf, neginf=-math.inf)


def _arrays_of(array: Array) -> _Numpy | _Torch:
    return _Numpy() if isinstance(array, np.ndarray) else _Torch()
