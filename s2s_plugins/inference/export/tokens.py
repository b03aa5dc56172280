"""The graphs of a model of tokens: "encoder" and "step".

Shape letters: N sentences, R rows (N times beams), P rows of the step before, S source tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from s2s_plugins.inference.export.bridge import first_states
from s2s_plugins.inference.export.recurrent import Lengths, States, run_stack
from s2s_plugins.inference.export.steps import Carried, Source, Step, steps_of
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.graph import Graph, Size
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import Encoder
from s2s_plugins.nn.seq2seq import PADDING, Seq2Seq

LOWEST = -3.4028234663852886e38  # float32; a softmax makes 0 of it


def token_graphs(model: Seq2Seq) -> Dict[str, Graph]:
    """The graphs "encoder" and "step" of ``model``."""
    builder = Builder(model)
    carried = _encode(builder, model)
    for name, part in carried.items():
        sizes = tuple("N" if size == "R" else size for size in part.shape)
        builder.output(name, part.value, *sizes)
    return {"encoder": builder.graph(), "step": _step_graph(model, carried)}


def padding_of(builder: Builder, tokens: Value) -> Value:
    """(N, S), True at padding, of ``tokens`` (N, S)."""
    return builder.add("Equal", tokens, builder.scalar(PADDING, "int64"))


def lengths_of(builder: Builder, padding: Value) -> Value:
    """(N,), int32, of rows that are padded on the right where ``padding`` (N, S) is True."""
    return builder.add("Not", padding).cast("int32").sum(1)


def mask_of(builder: Builder, padding: Value) -> Value:
    """(N, 1, S): 0, and at padding a number that a softmax makes 0 of."""
    return (padding.cast("float32") * LOWEST).unsqueeze(1)


def _encode(builder: Builder, model: Seq2Seq) -> Dict[str, Carried]:
    tokens = builder.input("src_tokens", "int64", "N", "S")
    padding = padding_of(builder, tokens)
    in_front = features_before(builder, model.encoder, tokens)
    if in_front is None:
        embedded = embed(builder, model.encoder, tokens)
        memory, last = run_stack(builder, model.encoder.stack, embedded, Lengths(lengths_of(builder, padding)))
        return start(builder, model.decoder, memory, last, padding, tokens)
    embedded = embed(builder, model.encoder, tokens) * in_front.transpose(1, 0).cast("float32").unsqueeze(2)
    memory, last = _encode_behind(builder, model.encoder, tokens, in_front)
    passed_over = (padding.cast("int32") + in_front.cast("int32")).cast("bool")
    return start(builder, model.decoder, memory, last, passed_over, tokens, embedded.sum(0))


def _encode_behind(builder: Builder, encoder: Encoder, tokens: Value, in_front: Value) -> Tuple[Value, States]:
    """Memory and last states of what stands behind the features. ONNX's layers start at the first token, so these are
    moved there, and their memory back."""
    one = builder.scalar(1, "int64")
    count, length = in_front.cast("int64").sum(1, keepdims=True), tokens.size(1)
    nothing = tokens - tokens
    places = (nothing + one).cumsum(1) - one
    moved = _at(builder, builder.concat([tokens, nothing + builder.scalar(PADDING, "int64")], 1), places + count)
    lengths = Lengths(lengths_of(builder, padding_of(builder, moved)))
    memory, last = run_stack(builder, encoder.stack, embed(builder, encoder, moved), lengths)
    memory = memory.transpose(1, 0, 2)
    back = _at(builder, builder.concat([memory - memory, memory], 1), places + length - count)
    return back.transpose(1, 0, 2), last


def _at(builder: Builder, values: Value, places: Value) -> Value:
    """What stands at ``places`` (N, S) of ``values`` (N, 2S, ...)."""
    return builder.add("GatherND", values, places.unsqueeze(2), batch_dims=1)


def embed(builder: Builder, encoder: Encoder, tokens: Value) -> Value:
    """(N, S) -> (S, N, E)."""
    return builder.weight(encoder.embed_tokens.weight).take(tokens.transpose(1, 0))


def features_before(builder: Builder, encoder: Encoder, tokens: Value) -> Optional[Value]:
    """Which of the tokens (N, S) are features that the decoder sees, (N, S), bool, those before all others; None where
    it sees none."""
    flags = encoder.is_feature.int().tolist()
    if not flags:
        return None
    others = builder.table([1 - flag for flag in flags]).take(tokens).cumsum(1)
    return builder.add("Equal", others, builder.scalar(0, "int64"))


def start(
    builder: Builder,
    decoder: Decoder[Any],
    memory: Value,
    last: States,
    padding: Value,
    tokens: Optional[Value] = None,
    features: Optional[Value] = None,
) -> Dict[str, Carried]:
    """What the decoder starts from.

    Args:
        builder: of the encoder's graph.
        decoder: the decoder.
        memory: (S, N, M).
        last: the encoder's final states.
        padding: (N, S), True at what the decoder passes over: padding, and features that it sees.
        tokens: (N, S); None of vectors.
        features: (N, F), if the decoder sees them.
    """
    constant = [last.hidden[-1]] if decoder.sees_source_summary() else []
    constant += [] if features is None else [features]
    batch = padding.size(0)
    source = Source(
        memory=memory.transpose(1, 0, 2),
        mask=mask_of(builder, padding),
        constant=builder.concat(constant, 1) if constant else None,
        states=first_states(decoder.bridge, builder, last, batch),
        batch=batch,
        steps=padding.size(1),
        tokens=tokens,
    )
    return steps_of(decoder)(builder, decoder).start(source)


def _step_graph(model: Seq2Seq, carried: Dict[str, Carried]) -> Graph:
    builder = Builder(model)
    steps = steps_of(model.decoder)(builder, model.decoder)
    tokens, rows = builder.input("tokens", "int64", "R"), builder.input("rows", "int64", "R")
    given: Dict[str, Value] = {}
    for name, part in carried.items():
        given[name] = builder.input(name, "float32", *("P" if size == "R" else size for size in part.shape))
    sources = [value for name, value in given.items() if name.startswith("source.")]
    if sources:  # the beams of a sentence side by side
        batch = sources[0].size(0)
        tokens, rows = (value.reshape(batch, -1) for value in (tokens, rows))
    state = {name: steps.pick(name, value, rows) for name, value in given.items()}
    step = steps.step(tokens, {**state, "rows": rows})
    vocabulary = model.settings.tokens.target_size if model.settings.tokens is not None else "V"
    give_back(builder, step, carried, ("R", vocabulary), "logits", given)
    return builder.graph()


def give_back(
    builder: Builder,
    step: Step,
    carried: Dict[str, Carried],
    shape: Tuple[Size, ...],
    name: str,
    given: Dict[str, Value],
) -> None:
    """The outputs of a step: that of ``name`` and ``shape``, the attention, and the next "row." parts.

    Args:
        builder: of the step's graph.
        step: what it gives, (N, B, ...) where there is a source.
        carried: what it is given.
        shape: of its output, (R, ...).
        name: of its output.
        given: the inputs.
    """

    def flat(value: Value, sizes: Tuple[Size, ...]) -> Value:
        if not any(part.startswith("source.") for part in carried):
            return value
        return value.reshape(-1, *(given["source.mask"].size(2) if size == "S" else int(size) for size in sizes[1:]))

    builder.output(name, flat(step.output, shape), *shape)
    if step.attention is not None:
        builder.output("attention", flat(step.attention, ("R", "S")), shape[0], "S")
    for part, (_, sizes) in carried.items():
        if part.startswith("row."):
            builder.output(f"next.{part}", flat(step.after[part], sizes), shape[0], *sizes[1:])
