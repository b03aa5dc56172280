"""Optimizations of our side, each a switch that can be turned off in the process of our worker.

Plain is what PyTorch offers for the same mathematics, so a model computes the same with a switch off, only slower.
"""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import torch
import torch.nn.functional as F
from fairseq.optim.adam import Adam

from s2s_plugins.nn import attention
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentLayer


def _never(self, steps, device) -> bool:
    return False


def _torch_dropout(self, x, alike=None):
    return F.dropout(x, self.p) if self.p and self.training else x


def _scores_that_keep_their_hidden_layer(query, keys, vector, covered=None):
    return torch.add(2 * query.unsqueeze(2), keys.unsqueeze(1), alpha=2).sigmoid_() @ (2 * vector)


def _scores_by_tanh(query, keys, vector, covered=None):
    return torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ vector


SWITCHES: Dict[str, Tuple[Tuple[Any, str, Callable], ...]] = {
    "unrolled LSTM steps": ((RecurrentLayer, "unrolls", _never),),
    "16-bit dropout": ((Dropout, "forward", _torch_dropout),),
    "Adam in one pass": ((Adam, "step", inspect.unwrap(Adam.step)),),
    "attention's hidden layer computed twice": ((attention, "additive_scores", _scores_that_keep_their_hidden_layer),),
    "attention's tanh from a sigmoid, and the last": ((attention, "additive_scores", _scores_by_tanh),),
}


@contextlib.contextmanager
def switched_off(name: Optional[str]) -> Iterator[None]:
    """Run with one of :data:`SWITCHES` turned off; None: with all of them on."""
    chosen = () if name is None else SWITCHES[name]
    kept = [(owner, method, owner.__dict__[method]) for owner, method, _ in chosen]
    for owner, method, plain in chosen:
        setattr(owner, method, plain)
    try:
        yield
    finally:
        for owner, method, own in kept:
            setattr(owner, method, own)
