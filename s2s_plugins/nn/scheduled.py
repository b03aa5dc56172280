"""Scheduled sampling: training that reads, now and then, what the model would have written.

Shape letters: B sentences, T target tokens, S source tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Callable, List, Optional, Tuple

import torch
from torch import Tensor, nn

from s2s_plugins.nn.decoder import Decoder, State

DECAYS = ("linear", "exponential", "inverse-sigmoid")

_REST = 0.01  # of an exponential decay at its last update


def teacher_forcing(update: int, updates: int, decay: str) -> float:
    """How much of the fall of the probability of reading the reference is left: 1 at update 0, 0 from ``updates`` on.

    Between them the curves of Bengio, Vinyals, Jaitly, Shazeer 2015, arXiv:1506.03099, section 2.4. The last two reach
    neither 1 nor 0 there, so they are stretched.

    Args:
        update: i.
        updates: length of the fall.
        decay: ``"linear"``: ``1 - c i``; ``"exponential"``: ``k^i``, with the k that leaves 1 % at the end;
            ``"inverse-sigmoid"``: ``k / (k + exp(i / k))``, with the k that puts its middle in the middle.
    """
    if update >= updates:
        return 0.0
    first, now, last = (_curve(i, updates, decay) for i in (0, update, updates))
    return (now - last) / (first - last)


def _curve(update: int, updates: int, decay: str) -> float:
    if decay == "linear":
        return 1 - update / updates
    if decay == "exponential":
        return _REST ** (update / updates)
    half = updates / 2
    k = 1 + half
    for _ in range(50):  # Newton's method for k ln k = half, where exp(half / k) = k
        k = (k + half) / (1 + math.log(k))
    return k / (k + math.exp(update / k))


class ScheduledSampling(nn.Module):
    """Which tokens a decoder reads in training, after Bengio, Vinyals, Jaitly, Shazeer 2015, arXiv:1506.03099.

    A coin is flipped for each token (section 2.3): with :attr:`probability` the decoder reads a token drawn from its
    own distribution at the step before, else the reference's. The gradient does not pass through the drawing.

    Args:
        highest: the probability at the end of the schedule.
        updates: length of the schedule; 0: the probability is ``highest`` throughout.
        decay: of the probability of reading the reference, one of :data:`DECAYS`; see :func:`teacher_forcing`.

    Attributes:
        probability: at the update of the last :meth:`set_num_updates`.

    Raises:
        ValueError: an unknown decay.
    """

    def __init__(self, highest: float = 0.0, updates: int = 0, decay: str = "linear") -> None:
        super().__init__()
        if decay not in DECAYS:
            raise ValueError(f"decay {decay!r} is unknown: use one of {', '.join(DECAYS)}")
        self.highest = highest
        self.updates = updates
        self.decay = decay
        self.set_num_updates(0)

    def set_num_updates(self, num_updates: int) -> None:
        """fairseq's call before each update, and when a training is resumed."""
        self.probability = self.highest * (1 - teacher_forcing(num_updates, self.updates, self.decay))

    def run(
        self,
        decoder: Decoder[State],
        prev_output_tokens: Tensor,
        state: State,
        scores: Callable[[Tensor], Tensor],
        pad: int,
    ) -> Tuple[Tensor, Optional[Tensor]]:
        """Read ``prev_output_tokens`` (B, T), padded on the right, from ``state`` on, a token at a time:

        1. read one token, by :meth:`~s2s_plugins.nn.decoder.Decoder.run`;
        2. draw the model's own next token;
        3. take that or the reference's, as the coin says. The first token and padding stay as they are.

        Args:
            scores: features (B, 1, O) -> logits or log-probabilities (B, 1, V).
            pad: the token that is never drawn, as in beam search.

        Returns:
            Features (B, T, O), and attention (B, T, S) or None.
        """
        own = self.coins(prev_output_tokens) & prev_output_tokens.ne(pad)

        def next_token(t: int, feature: Tensor, reference: Tensor) -> Tensor:
            return torch.where(own[:, t : t + 1], draw(scores, feature, pad), reference)

        return run_stepwise(decoder, prev_output_tokens, state, next_token)

    def coins(self, prev_output_tokens: Tensor) -> Tensor:
        """(B, T), True where the model's own output is read, for ``prev_output_tokens`` (B, T, ...)."""
        shape, device = prev_output_tokens.shape[:2], prev_output_tokens.device
        return torch.rand(shape, device=device) < self.probability

    def extra_repr(self) -> str:
        return f"highest={self.highest}, updates={self.updates}, decay={self.decay}"


def run_stepwise(
    decoder: Decoder[State],
    prev_output_tokens: Tensor,
    state: State,
    next_token: Callable[[int, Tensor, Tensor], Tensor],
) -> Tuple[Tensor, Optional[Tensor]]:
    """Read ``prev_output_tokens`` (B, T, ...) from ``state`` on, a token at a time, each chosen by ``next_token``.

    Args:
        next_token: of t from 1 on, the features (B, 1, O) of the step before, and ``prev_output_tokens[:, t]``
            (B, 1, ...): what to read at t.

    Returns:
        Features (B, T, O), and attention (B, T, S) or None.
    """
    features: List[Tensor] = []
    attention: List[Tensor] = []
    fed = prev_output_tokens[:, :1]
    for t in range(prev_output_tokens.size(1)):
        if t > 0:
            fed = next_token(t, features[-1], prev_output_tokens[:, t : t + 1])
        feature, weights, state = decoder.run(fed, state)
        features.append(feature)
        if weights is not None:
            attention.append(weights)
    return torch.cat(features, 1), torch.cat(attention, 1) if attention else None


@torch.no_grad()
def draw(scores: Callable[[Tensor], Tensor], features: Tensor, pad: int) -> Tensor:
    """A token (B, 1) from the distribution of ``features`` (B, 1, O), never ``pad``.

    The largest score plus Gumbel noise, -log of exponential noise, is a draw from their softmax; unlike a draw from
    probabilities it needs no finite sum, so an overflow in half precision is left to the loss scale to find.
    """
    values = scores(features).float()
    values = values - torch.empty_like(values).exponential_().log()
    values[..., pad] = -math.inf
    return values.argmax(-1)
