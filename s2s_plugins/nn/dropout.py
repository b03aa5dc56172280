"""Dropout that fairseq can keep on while decoding (``--retain-dropout``)."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn.fast.dropout import drop


class Dropout(nn.Module):
    """Dropout, with the two hooks that fairseq's inference uses.

    After Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
    overfitting"; kept on while decoding it is the Monte Carlo dropout of Gal and Ghahramani 2016,
    arXiv:1506.02142.

    Args:
        p: probability of zeroing a value, 0 <= p < 1.
        side: ``"encoder"`` or ``"decoder"``, the name by which ``--retain-dropout-modules`` picks it.

    Raises:
        ValueError: ``p`` is outside of [0, 1).
    """

    def __init__(self, p: float, side: str) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout {p} is not a probability: use a value from 0 up to, not including, 1")
        self.p = p
        self.side = side
        self.keep_at_inference = False

    def forward(self, x: Tensor, alike: Optional[int] = None) -> Tensor:
        """Drop values of ``x``; along the dimension ``alike`` the same ones."""
        if self.p == 0 or not (self.training or self.keep_at_inference):
            return x
        shape = [1 if dim == alike else size for dim, size in enumerate(x.shape)]
        if x.device.type == "cpu":
            return drop(x, self.p, shape)
        return F.dropout(x, self.p) if alike is None else x * F.dropout(x.new_ones(shape), self.p)

    def make_generation_fast_(
        self,
        name: str = "",
        retain_dropout: bool = False,
        retain_dropout_modules: Optional[Sequence[str]] = None,
        **_: Any,
    ) -> None:
        """fairseq's call before decoding; ``retain_dropout_modules`` is a list of sides, None means all."""
        if retain_dropout and (retain_dropout_modules is None or self.side in retain_dropout_modules):
            self.keep_at_inference = True

    def extra_repr(self) -> str:
        return f"p={self.p}"
