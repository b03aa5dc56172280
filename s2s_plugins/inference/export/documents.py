"""The graph of a classifier: "classifier".

Shape letters: N documents, S tokens, H size of an output, C classes.
"""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Tuple

from torch import nn

from s2s_plugins.inference.export.recurrent import Lengths, run_stack
from s2s_plugins.inference.export.tokens import LOWEST, embed, lengths_of, padding_of
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.classifier import ClassificationHead, Pooling, SelfAttention
from s2s_plugins.nn.document_classifier import DocumentClassifier
from s2s_plugins.nn.document_encoder import DocumentEncoder


class _Read(NamedTuple):
    """Documents, read.

    Attributes:
        outputs: (N, S, H).
        padding: (N, S, 1), 1 at padding, else 0.
        lengths: (N,), int32.
        backward_size: how many of the last of H were read backwards.
    """

    outputs: Value
    padding: Value
    lengths: Value
    backward_size: int


def classifier_graph(model: DocumentClassifier) -> Dict[str, Graph]:
    """The graph "classifier" of ``model``."""
    builder = Builder(model)
    read = _read(builder, model.reader)
    logits = _head(builder, model.head, _pool(builder, model.head.pooling, read))
    builder.output("probabilities", logits.softmax(), "N", model.head.num_classes)
    return {"classifier": builder.graph()}


def _read(builder: Builder, reader: DocumentEncoder) -> _Read:
    tokens = builder.input("tokens", "int64", "N", "S")
    padding = padding_of(builder, tokens)
    lengths = lengths_of(builder, padding)
    embedded = embed(builder, reader, tokens)
    outputs, _ = run_stack(builder, reader.stack, embedded, Lengths(lengths))
    parts = [outputs]
    if reader.join_embeddings:
        parts.append(embedded)
    if reader.backward_stack is not None:
        backward, _ = run_stack(builder, reader.backward_stack, embedded, Lengths(lengths), backward=True)
        parts.append(backward)
    joined = builder.concat(parts, 2).transpose(1, 0, 2)
    return _Read(joined, padding.cast("float32").unsqueeze(2), lengths, reader.backward_size)


def _pool(builder: Builder, pooling: Pooling, read: _Read) -> Value:
    """(N, S, H) -> (N, P)."""
    if pooling.attention is not None:
        return _self_attention(builder, pooling.attention, read)
    return builder.concat([POOLINGS[part](builder, read) for part in PARTS[pooling.kind]], 1)


def _end(builder: Builder, read: _Read) -> Value:
    """The outputs where each direction ends."""
    last = (read.lengths - builder.scalar(1, "int32")).cast("int64").unsqueeze(1)
    forward = read.outputs
    if not read.backward_size:
        return builder.add("GatherND", forward, last, batch_dims=1)
    size = read.outputs.size(2) - builder.integers(read.backward_size)
    sizes = builder.concat([size, builder.integers(read.backward_size)], 0)
    forward, backward = builder.add_several(2, "Split", read.outputs, sizes, axis=2)
    first = backward.take(builder.scalar(0, "int64"), 1)
    return builder.concat([builder.add("GatherND", forward, last, batch_dims=1), first], 1)


def _mean(builder: Builder, read: _Read) -> Value:
    real = builder.scalar(1.0) - read.padding
    return (read.outputs * real).sum(1) / read.lengths.cast("float32").unsqueeze(1)


def _max(builder: Builder, read: _Read) -> Value:
    return (read.outputs + read.padding * LOWEST).max(1)


POOLINGS: Dict[str, Callable[[Builder, _Read], Value]] = {"end": _end, "mean": _mean, "max": _max}
PARTS: Dict[str, Tuple[str, ...]] = {
    "last": ("end",),
    "mean": ("mean",),
    "max": ("max",),
    "concat": ("end", "max", "mean"),
}


def _self_attention(builder: Builder, attention: SelfAttention, read: _Read) -> Value:
    scores = builder.linear(builder.linear(read.outputs, attention.hidden).tanh(), attention.score)
    weights = (scores + read.padding * LOWEST).softmax(1)
    means = weights.transpose(0, 2, 1) @ read.outputs
    return means.reshape(0, -1)


def _head(builder: Builder, head: ClassificationHead, pooled: Value) -> Value:
    """(N, P) -> logits (N, C)."""
    if head.norm is not None:
        mean, variance = head.norm.running_mean, head.norm.running_var
        assert mean is not None and variance is not None
        scale = builder.add("Sqrt", builder.weight(variance) + head.norm.eps)
        pooled = (pooled - builder.weight(mean)) / scale
    if head.hidden is not None:
        first = head.hidden[0]
        assert isinstance(first, nn.Linear)
        pooled = builder.linear(pooled, first).tanh()
    return builder.linear(pooled, head.projection)
