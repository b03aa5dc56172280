"""The adaptive softmax, as an output layer.

Shape letters: O feature size, V vocabulary.
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor, nn

FACTOR = 4  # each tail's features are so many times smaller than those of the one before


class AdaptiveSoftmax(nn.Module):
    """Frequent tokens in the head, the others in tails of ever smaller features; for use, not for training.

    After Grave et al. 2017, arXiv:1609.04309, section 4. The log-probability of a token of a tail is that of the tail,
    which the head gives, and its own within the tail. Parameters are named as those of fairseq's class, which trains
    such layers.

    Args:
        features: O.
        vocabulary: V.
        cutoffs: first token of each tail, rising; V may stand behind them.

    Raises:
        ValueError: the cutoffs do not rise, or exceed V.
    """

    def __init__(self, features: int, vocabulary: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        ends = [*cutoffs] if cutoffs and cutoffs[-1] == vocabulary else [*cutoffs, vocabulary]
        if not all(one < other for one, other in zip([0, *ends], ends)):
            raise ValueError(f"cutoffs {', '.join(map(str, cutoffs))} do not rise up to {vocabulary}")
        self.sizes = [end - start for start, end in zip(ends, ends[1:])]
        self.head = nn.Linear(features, ends[0] + len(self.sizes), bias=False)
        self.tail = nn.ModuleList()
        for place, size in enumerate(self.sizes, 1):
            inner = features // FACTOR**place
            first, second = nn.Linear(features, inner, bias=False), nn.Linear(inner, size, bias=False)
            self.tail.append(nn.Sequential(first, nn.Identity(), second))

    def forward(self, features: Tensor) -> Tensor:
        """Features (..., O) -> log-probabilities (..., V)."""
        head = torch.log_softmax(self.head(features), dim=-1)
        frequent, *tails = head.split([head.size(-1) - len(self.tail), *[1] * len(self.tail)], dim=-1)
        within = [torch.log_softmax(tail(features), dim=-1) + prior for tail, prior in zip(self.tail, tails)]
        return torch.cat([frequent, *within], dim=-1)
