"""The scores of additive attention, without keeping their hidden layer.

Shape letters: B sentences, S source tokens, T queries, A size of the hidden layer.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

import torch
from torch import Tensor


def additive_scores(query: Tensor, keys: Tensor, vector: Tensor, covered: Optional[Tensor] = None) -> Tensor:
    """``vector . tanh(query_t + key_j + covered_tj)``, and for all j of a t the same number more.

    A softmax over j takes that number away: it is what remains of ``tanh(x) = 2 sigmoid(2x) - 1``, which is faster
    than tanh on a CPU, when the -1 is left out.

    Args:
        query: (B, T, A).
        keys: (B, S, A).
        vector: (A,).
        covered: (B, T, S, A), a further term of the hidden layer, or None.

    Returns:
        (B, T, S).
    """
    if covered is None and torch.is_grad_enabled():
        scores: Tensor = _AdditiveScores.apply(2 * query, keys, 2 * vector)
        return scores
    hidden = torch.add(2 * query.unsqueeze(2), keys.unsqueeze(1), alpha=2)  # B T S A
    if covered is not None:
        hidden = hidden + 2 * covered
    return hidden.sigmoid_() @ (2 * vector)


class _AdditiveScores(torch.autograd.Function):
    """``vector . sigmoid(query_t + 2 key_j)``, whose backward pass computes its hidden layer again.

    The hidden layer is (B, T, S, A): kept for the backward pass, it would be most of a model's memory, and more so the
    longer the sentences. Here there is a (B, S, A) of it at a time.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
        ctx.save_for_backward(query, keys, vector)
        scores = [_AdditiveScores.hidden(one, keys) @ vector.to(keys.dtype) for one in query.unbind(1)]
        return torch.stack(scores, 1)

    @staticmethod
    def hidden(query: Tensor, keys: Tensor) -> Tensor:
        """(B, A) and (B, S, A) -> (B, S, A)."""
        return torch.add(query.unsqueeze(1), keys, alpha=2).sigmoid_()

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        query, keys, vector = ctx.saved_tensors
        d_query, d_vector = torch.empty_like(query), torch.zeros_like(vector)
        d_keys: Optional[Tensor] = None
        weighted = vector.to(keys.dtype)
        for t, (one, d_score) in enumerate(zip(query.unbind(1), d_scores.to(keys.dtype).unbind(1))):
            hidden = _AdditiveScores.hidden(one, keys)
            d_vector += (d_score.reshape(1, -1) @ hidden.flatten(0, 1)).squeeze(0)
            slope = hidden.addcmul_(hidden, hidden, value=-1)
            torch.mul(torch.bmm(d_score.unsqueeze(1), slope).squeeze(1), weighted, out=d_query[:, t])
            slope.mul_(d_score.unsqueeze(-1))
            d_keys = slope if d_keys is None else d_keys.add_(slope)
        if d_keys is None:  # no query
            d_keys = torch.zeros_like(keys)
        return d_query, d_keys.mul_(2 * weighted), d_vector
