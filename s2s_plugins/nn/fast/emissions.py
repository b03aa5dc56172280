"""The logits of hard attention, one set for each source token, without keeping their hidden layer.

Shape letters: B sentences, T target tokens, S source tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def emissions(query: Tensor, memory: Tensor, dropped: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """``dropped_t * tanh(query_t + memory_j) @ weight.T + bias`` for all t and j.

    Args:
        query: (B, T, O), what the hidden states add to the readout.
        memory: (B, S, O), what the source tokens add to it.
        dropped: (B, T, 1, O), the scale of each value, 0 where it is dropped.
        weight: of the output layer, (V, O).
        bias: of the output layer, (V,), or None.

    Returns:
        (B, T, S, V).
    """
    if torch.is_grad_enabled():
        logits: Tensor = _Emissions.apply(query, memory, dropped, weight, bias)
        return logits
    return F.linear(torch.tanh(query.unsqueeze(2) + memory.unsqueeze(1)).mul_(dropped), weight, bias)


class _Emissions(torch.autograd.Function):
    """:func:`emissions`, whose backward pass computes the hidden layer again.

    The hidden layer is (B, T, S, O): kept for the backward pass, it would be most of a model's memory, and take longer
    to read than to compute. Here there is a (B, S, O) of it at a time.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, memory: Tensor, dropped: Tensor, weight: Tensor, bias: Optional[Tensor]
    ) -> Tensor:
        ctx.save_for_backward(query, memory, dropped, weight)
        weight, bias = weight.to(memory.dtype), None if bias is None else bias.to(memory.dtype)
        steps = zip(query.unbind(1), dropped.unbind(1))
        return torch.stack(
            [F.linear(_Emissions.hidden(one, memory).mul_(kept), weight, bias) for one, kept in steps], 1
        )

    @staticmethod
    def hidden(query: Tensor, memory: Tensor) -> Tensor:
        """(B, O) and (B, S, O) -> (B, S, O)."""
        return (query.unsqueeze(1) + memory).tanh_()

    @staticmethod
    def backward(ctx: Any, d_logits: Tensor) -> Tuple[Tensor, Tensor, None, Tensor, Optional[Tensor]]:
        query, memory, dropped, weight = ctx.saved_tensors
        d_query, d_memory, d_weight = torch.empty_like(query), torch.zeros_like(memory), torch.zeros_like(weight)
        weight = weight.to(memory.dtype)
        for t, (one, kept, d_logit) in enumerate(zip(query.unbind(1), dropped.unbind(1), d_logits.unbind(1))):
            hidden = _Emissions.hidden(one, memory)
            d_hidden = (d_logit @ weight).mul_(kept)
            d_weight += d_logit.flatten(0, 1).t() @ (hidden * kept).flatten(0, 1)
            d_hidden.addcmul_(d_hidden * hidden, hidden, value=-1)
            torch.sum(d_hidden, dim=1, out=d_query[:, t])
            d_memory += d_hidden
        d_bias = d_logits.sum((0, 1, 2)) if ctx.needs_input_grad[4] else None
        return d_query, d_memory, None, d_weight, d_bias
