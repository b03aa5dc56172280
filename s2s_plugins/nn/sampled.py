"""Sampled softmax: a cross-entropy over the right class and a few others, for vocabularies too large to train whole.

Shape letters: N tokens, O size of the features, V vocabulary, K sampled classes.
"""

from __future__ import annotations

import math
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor


class LogUniformSampler:
    """Draws K different classes of V, frequent ones more often.

    Class c, counted from the most frequent, has probability ``log((c + 2) / (c + 1)) / log(V + 1)``: Zipf's law, and
    the candidate sampler that TensorFlow's sampled softmax takes when it is given none. Drawing one after the other,
    without putting back, is taking the K largest of ``p / e`` with exponential noise e (Efraimidis, Spirakis 2006,
    "Weighted random sampling with a reservoir").

    Args:
        vocabulary: V, sorted by frequency.
        samples: K; V or more: all classes are drawn, each once.

    Raises:
        ValueError: a number is not positive.

    Attributes:
        draws: how many draws with putting back give K different classes on average.
    """

    def __init__(self, vocabulary: int, samples: int) -> None:
        if vocabulary < 1 or samples < 1:
            raise ValueError(f"{samples} samples of {vocabulary} classes cannot be: both have to be 1 or more")
        self.vocabulary = vocabulary
        self.samples = min(samples, vocabulary)
        self.draws = self._draws()

    def probabilities(self, classes: Tensor) -> Tensor:
        """Of ``classes``, of any shape, in one draw."""
        return torch.log1p(1 / (classes + 1.0)) / math.log(self.vocabulary + 1)

    def log_expected_counts(self, classes: Tensor) -> Tensor:
        """Logarithms of how often each of ``classes`` is in a sample on average: ``1 - (1 - p)^draws``; 0 if it always
        is."""
        return torch.log(-torch.expm1(self.draws * torch.log1p(-self.probabilities(classes))))

    def draw(self, device: torch.device) -> Tensor:
        """K different classes, (K,)."""
        probabilities = self.probabilities(torch.arange(self.vocabulary, device=device))
        return (probabilities / torch.empty_like(probabilities).exponential_()).topk(self.samples, sorted=False).indices

    def _draws(self) -> float:
        """By bisection: the sum of all expected counts has to be K."""
        if self.samples == self.vocabulary:
            return math.inf
        log_misses = torch.log1p(-self.probabilities(torch.arange(self.vocabulary, dtype=torch.double)))

        def different(draws: float) -> float:
            return float(-torch.expm1(draws * log_misses).sum())

        low, high = 0.0, float(self.samples)
        while different(high) < self.samples:
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if different(middle) < self.samples else (low, middle)
        return high


def sampled_cross_entropy(
    features: Tensor, weight: Tensor, bias: Optional[Tensor], target: Tensor, sampler: LogUniformSampler
) -> Tensor:
    """The cross-entropy of each token among its own class and the classes of one sample, (N,).

    Jean, Cho, Memisevic, Bengio 2015, arXiv:1412.2007, section 3.2, with the corrections of TensorFlow's
    ``sampled_softmax_loss``: every logit, the right one too, loses the logarithm of how often its class is expected in
    a sample, so that the best logits are those of a full softmax; and where the right class is in the sample it counts
    once. With all classes in the sample this is the full cross-entropy.

    Args:
        features: (N, O).
        weight: of the output layer, (V, O).
        bias: of the output layer, (V,), or None.
        target: (N,), without padding.
        sampler: of V classes.
    """
    sampled = sampler.draw(features.device)  # K
    classes = torch.cat([sampled, target])
    # one selection for both: the gradient of each would be a matrix as large as the weights
    rows = weight.index_select(0, classes)
    own_rows, sampled_rows = rows[len(sampled) :], rows[: len(sampled)]
    offsets = -sampler.log_expected_counts(classes)
    if bias is not None:
        offsets = offsets + bias.index_select(0, classes).float()
    own = (features * own_rows).sum(-1).float() + offsets[len(sampled) :]  # N
    others = F.linear(features, sampled_rows).float() + offsets[: len(sampled)]  # N K
    others = others.masked_fill(target.unsqueeze(1).eq(sampled), -math.inf)
    return torch.cat([own.unsqueeze(1), others], dim=1).logsumexp(1) - own
