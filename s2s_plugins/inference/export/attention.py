"""Attention of all beams of a sentence at once.

Shape letters: N sentences, B beams, S source tokens, H query size, M memory size, A size of the keys.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple, Optional, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.graph import Size
from s2s_plugins.nn.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention


class Keys(NamedTuple):
    """What queries are compared with.

    Attributes:
        value: for a product (N, A, S), for a hidden layer (N, 1, S, A).
        shape: of ``value``.
    """

    value: Value
    shape: Tuple[Size, ...]


@singledispatch
def project(attention: Attention, builder: Builder, memory: Value) -> Keys:
    """The part of the score that no query changes, of ``memory`` (N, S, M).

    Raises:
        UsageError: there is no graph of this attention.
    """
    raise UsageError(f"there is no ONNX graph of {type(attention).__name__} yet: add it to {__name__}")


@singledispatch
def score(attention: Attention, builder: Builder, query: Value, keys: Value, coverage: Optional[Value]) -> Value:
    """Scores (N, B, S) of ``query`` (N, B, H) against keys; coverage (N, B, S), where the score sees it."""
    raise UsageError(f"there is no ONNX graph of {type(attention).__name__} yet: add it to {__name__}")


@project.register
def _(attention: DotAttention, builder: Builder, memory: Value) -> Keys:
    return Keys(memory.transpose(0, 2, 1), ("N", attention.query_dim, "S"))


@project.register
def _(attention: GeneralAttention, builder: Builder, memory: Value) -> Keys:
    keys = builder.linear(memory, attention.memory_projection)
    return Keys(keys.transpose(0, 2, 1), ("N", attention.query_dim, "S"))


@project.register
def _(attention: AdditiveAttention, builder: Builder, memory: Value) -> Keys:
    keys = builder.linear(memory, attention.memory_projection)
    return Keys(keys.unsqueeze(1), ("N", 1, "S", attention.score_vector.size(0)))


@score.register(DotAttention)
@score.register(GeneralAttention)
def _(attention: Attention, builder: Builder, query: Value, keys: Value, coverage: Optional[Value]) -> Value:
    return query @ keys


@score.register
def _(attention: AdditiveAttention, builder: Builder, query: Value, keys: Value, coverage: Optional[Value]) -> Value:
    hidden = builder.linear(query, attention.query_projection).unsqueeze(2) + keys
    if attention.coverage_vector is not None:
        assert coverage is not None
        hidden = hidden + coverage.unsqueeze(3) * builder.weight(attention.coverage_vector)
    return (hidden.tanh() @ builder.weight(attention.score_vector).unsqueeze(1)).squeeze(3)
