"""Optimizations of our side, each a switch that can be turned off in the process of our worker.

Plain is what PyTorch offers for the same mathematics, so a model computes the same with a switch off, only slower.
"""

from __future__ import annotations

import contextlib
import inspect
from typing import Callable, Dict, Iterator, Optional, Tuple

import torch
import torch.nn.functional as F
from fairseq.optim.adam import Adam

from s2s_plugins.nn.attention import AdditiveAttention
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentLayer


def _never(self, steps, device) -> bool:
    return False


def _torch_dropout(self, x, alike=None):
    return F.dropout(x, self.p) if self.p and self.training else x


def _projection(self, memory):
    return self.memory_projection(memory)


def _score_that_keeps_its_hidden_layer(self, query, keys, coverage):
    return (2 * self.query_projection(query).unsqueeze(2) + keys.unsqueeze(1)).sigmoid_() @ (2 * self.score_vector)


def _score_by_tanh(self, query, keys, coverage):
    return torch.tanh(self.query_projection(query).unsqueeze(2) + keys.unsqueeze(1)) @ self.score_vector


SWITCHES: Dict[str, Tuple[Tuple[type, str, Callable], ...]] = {
    "unrolled LSTM steps": ((RecurrentLayer, "unrolls", _never),),
    "16-bit dropout": ((Dropout, "forward", _torch_dropout),),
    "Adam in one pass": ((Adam, "step", inspect.unwrap(Adam.step)),),
    "attention's hidden layer computed twice": ((AdditiveAttention, "score", _score_that_keeps_its_hidden_layer),),
    "attention's tanh from a sigmoid, and the last": (
        (AdditiveAttention, "project", _projection),
        (AdditiveAttention, "score", _score_by_tanh),
    ),
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
