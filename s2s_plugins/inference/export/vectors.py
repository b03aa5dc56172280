"""The graphs of a model of vectors: "encoder" and "step".

Shape letters: N sequences, S source steps, D source size, L encoder layers, M memory size, K target size, F size of the
covariates, P numbers that describe one value.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from torch import nn

from s2s_plugins.inference.export.recurrent import Lengths, States, run_stack
from s2s_plugins.inference.export.steps import Carried, steps_of
from s2s_plugins.inference.export.tokens import give_back, start
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.vectors import VectorSeq2Seq


def vector_graphs(model: VectorSeq2Seq) -> Dict[str, Graph]:
    """The graphs "encoder" and "step" of ``model``."""
    builder = Builder(model)
    carried = _encode(builder, model)
    for name, part in carried.items():
        builder.output(name, part.value, *("N" if size == "R" else size for size in part.shape))
    return {"encoder": builder.graph(), "step": _step_graph(model, carried)}


def _encode(builder: Builder, model: VectorSeq2Seq) -> Dict[str, Carried]:
    encoder = model.encoder
    stack, size = encoder.stack, encoder.projection.in_features
    layers = len(stack.recurrent_layers)
    source = builder.input("source", "float32", "N", "S", size)
    padding = builder.input("padding_mask", "bool", "N", "S")
    shapes = {"hidden": ("N", layers, stack.output_size), "cell": ("N", stack.num_cells, stack.output_size)}
    given = {name: builder.input(name, "float32", *shape) for name, shape in shapes.items()}
    first = States(_layers(given["hidden"], layers), _layers(given["cell"], stack.num_cells))
    embedded = builder.linear(source.transpose(1, 0, 2), encoder.projection)
    memory, last = run_stack(builder, stack, embedded, _lengths(builder, padding), first)
    builder.output("next.hidden", _joined(builder, last.hidden), *shapes["hidden"])
    cells = _joined(builder, last.cell) if last.cell else given["cell"]
    builder.output("next.cell", cells, *shapes["cell"])
    return start(builder, model.decoder, memory, last, padding)


def _lengths(builder: Builder, padding: Value) -> Lengths:
    """Of a batch with rows of padding alone: these run for a step, which counts for nothing."""
    steps = builder.add("Not", padding).cast("int32").sum(1)
    empty = builder.add("Equal", steps, builder.scalar(0, "int32")).unsqueeze(1)
    return Lengths(builder.add("Max", steps, builder.scalar(1, "int32")), empty)


def _layers(states: Value, count: int) -> List[Value]:
    """(N, L, M) -> (N, M) of each layer."""
    return [state.squeeze(1) for state in states.split([1] * count, 1)] if count else []


def _joined(builder: Builder, states: List[Value]) -> Value:
    """(N, M) of each layer -> (N, L, M)."""
    return builder.concat([state.unsqueeze(1) for state in states], 1)


def _step_graph(model: VectorSeq2Seq, carried: Dict[str, Carried]) -> Graph:
    builder, decoder = Builder(model), model.decoder
    steps = steps_of(decoder)(builder, decoder)
    embedding = decoder.embed_tokens
    fed = builder.input("fed", "float32", "N", embedding.in_features if isinstance(embedding, nn.Linear) else 0)
    given: Dict[str, Value] = {}
    by_sequence: Dict[str, Carried] = {}
    for name, part in carried.items():
        shape = tuple("N" if size == "R" else size for size in part.shape)
        given[name] = builder.input(name, "float32", *shape)
        by_sequence[name] = Carried(part.value, shape)
    state = dict(given)
    if any(name.startswith("source.") for name in given):  # one row a sequence, where tokens have beams
        fed = fed.unsqueeze(1)
        state = {name: value.unsqueeze(1) if name.startswith("row.") else value for name, value in given.items()}
    step = steps.step(fed, state)
    sizes = (model.target_size, model.loss.size)
    outputs = step.output.reshape(-1, *sizes)
    shape_of_outputs: Tuple[str, int, int] = ("N", *sizes)
    give_back(builder, step._replace(output=outputs), by_sequence, shape_of_outputs, "outputs", given)
    return builder.graph()
