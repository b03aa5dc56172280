"""Dropout on a CPU with 16 random bits a value."""

from __future__ import annotations

import math
from typing import Any, Sequence, Tuple

import torch
from torch import Tensor

_LEVELS = 2**16  # of a 16-bit random number


class _Drop(torch.autograd.Function):
    """Dropout that draws 16 random bits a value of ``shape``, which may be 1 where ``x`` is wider.

    PyTorch draws a number of the Mersenne Twister for each, which takes a tenth of a training step. The probability is
    rounded to 1/65536, and the scale goes with the rounded one.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float, shape: Sequence[int]) -> Tensor:
        drop = min(round(p * _LEVELS), _LEVELS - 1)
        values = math.prod(shape)
        bits = torch.empty((values + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = bits.view(torch.int16)[:values].view(shape) >= drop - _LEVELS // 2
        ctx.save_for_backward(kept)
        ctx.scale = _LEVELS / (_LEVELS - drop)
        return torch.mul(x, kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        return torch.mul(gradient, kept).mul_(ctx.scale), None, None


def drop(x: Tensor, p: float, shape: Sequence[int]) -> Tensor:
    """``x`` with values zeroed with probability ``p`` and the others scaled up by ``1 / (1 - p)``.

    Args:
        x: on a CPU.
        p: 0 <= p < 1, rounded to 1/65536.
        shape: of the mask, which is broadcast: 1 where all values along a dimension of ``x`` are dropped together.
    """
    dropped: Tensor = _Drop.apply(x, p, shape)
    return dropped
