"""A translator as one ONNX graph: source tokens in, the most probable next token at each step out.

It has the encoder, and the step in a loop. What of the step depends on weights alone stands before the loop.

Shape letters: N sentences, S source tokens, T target tokens, V vocabulary.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.format import graph_bytes, model_bytes, node_bytes, tensor
from s2s_plugins.inference.onnx.graph import Constant, Graph, Node, Port, Size
from s2s_plugins.text.symbols import EOS, PAD

LOWEST = -3.4028234663852886e38  # float32
_INSIDE, _OUTSIDE, _STEP = "loop.", "greedy.", "step."  # begin the names of what is computed there


class _Carried(NamedTuple):
    """What one turn of the loop hands to the next.

    Attributes:
        name: of it.
        first: name of the value before the first turn.
        type: of it.
        shape: of it.
    """

    name: str
    first: str
    type: str
    shape: Tuple[Size, ...]


def greedy_onnx(graphs: Mapping[str, Graph], weights: Mapping[str, NDArray[np.float32]], never: Sequence[int]) -> bytes:
    """A serialised ModelProto.

    Its inputs are ``src_tokens`` int64 (N, S), padded on the right with 1, and ``longest`` int64 (), most tokens of an
    output before ``</s>``; its outputs ``tokens`` int64 (N, T), ``</s>`` included and behind it 1, and ``scores``
    float32 (N,), the mean log-probability a token.

    Args:
        graphs: "encoder" and "step".
        weights: of both, by name.
        never: tokens that are never written.
    """
    encoder, step = graphs["encoder"], _renamed(graphs["step"])
    before, inside = _split(step)
    outside, body = Builder(prefix=_OUTSIDE), Builder(prefix=_INSIDE)
    carried = _first_values(outside, graphs["step"])
    loop_body = _body(body, step, inside, carried, never)
    loop = Node(
        "Loop",
        (_turns(outside), "", *(one.first for one in carried)),
        (*(f"{_OUTSIDE}last.{one.name}" for one in carried), f"{_OUTSIDE}written"),
        {},
    )
    setup, ending = outside.graph(keep=True), _ending()
    constants = {**encoder.constants, **step.constants, **setup.constants, **ending.constants, **body.constants}
    whole = Graph(
        (*encoder.inputs, Port("longest", "int64", ())),
        (Port("tokens", "int64", ("N", "T")), Port("scores", "float32", ("N",))),
        (*encoder.nodes, *before, *setup.nodes),
        {},
        constants,
    )
    tensors = [tensor(name, np.asarray(weights[name], np.float32)) for name in {**encoder.weights, **step.weights}]
    behind = [node_bytes(loop, loop_body), *(node_bytes(node) for node in ending.nodes)]
    return model_bytes(graph_bytes(whole, tensors, behind))


def _renamed(step: Graph) -> Graph:
    """The step, with names that the encoder does not have: all but those of weights and of "source." parts."""

    def name(one: str) -> str:
        return one if not one or one in step.weights or one.startswith("source.") else _STEP + one

    nodes = [
        replace(node, inputs=tuple(map(name, node.inputs)), outputs=tuple(map(name, node.outputs)))
        for node in step.nodes
    ]
    constants: Dict[str, Constant] = {name(one): constant for one, constant in step.constants.items()}
    return Graph(step.inputs, step.outputs, tuple(nodes), step.weights, constants)


def _split(step: Graph) -> Tuple[List[Node], List[Node]]:
    """The nodes that depend on weights and constants alone, and the others."""
    known: Set[str] = {"", *step.weights, *step.constants}
    before, inside = [], []
    for node in step.nodes:
        if known.issuperset(node.inputs):
            known.update(node.outputs)
            before.append(node)
        else:
            inside.append(node)
    return before, inside


def _first_values(outside: Builder, step: Graph) -> List[_Carried]:
    """What the first turn is handed."""
    batch = Value(outside, "src_tokens").size(0)

    def filled(value: float, kind: str) -> str:
        return outside.add("Expand", outside.scalar(value, kind), batch).name

    carried = [
        _Carried("token", filled(EOS, "int64"), "int64", ("N",)),
        _Carried("ended", filled(0, "bool"), "bool", ("N",)),
        _Carried("total", filled(0.0, "float32"), "float32", ("N",)),
        _Carried("count", filled(0.0, "float32"), "float32", ("N",)),
    ]
    rows = [port for port in step.inputs if port.name.startswith("row.")]
    carried += [_Carried(port.name, port.name, port.type, ("N", *port.shape[1:])) for port in rows]
    ones = outside.add("Expand", outside.scalar(1, "int64"), batch)
    numbers = ones.cumsum(0) - outside.scalar(1, "int64")
    outside.nodes.append(Node("Identity", (numbers.name,), (f"{_STEP}rows",), {}))
    return carried


def _turns(outside: Builder) -> str:
    """One more than the longest output: the last one writes ``</s>``."""
    return (Value(outside, "longest") + outside.scalar(1, "int64")).name


def _body(
    body: Builder, step: Graph, inside: Sequence[Node], carried: Sequence[_Carried], never: Sequence[int]
) -> bytes:
    """The GraphProto of a turn: read the last token, write the next one."""
    names = {"token": f"{_STEP}tokens"}
    given = {one.name: names.get(one.name, _STEP + one.name) for one in carried}
    turn = Value(body, f"{_INSIDE}turn")
    ended, total, count = (Value(body, given[name]) for name in ("ended", "total", "count"))
    vocabulary = next(port.shape[1] for port in step.outputs if port.name == "logits")
    probabilities = Value(body, f"{_STEP}logits").log_softmax()
    allowed = probabilities + _never(body, turn, int(vocabulary), never)
    token = body.add("ArgMax", allowed, axis=1, keepdims=0)
    said = body.add("GatherElements", probabilities, token.unsqueeze(1), axis=1).squeeze(1)
    zero, one = body.scalar(0.0), body.scalar(1.0)
    written = body.where(ended, body.scalar(PAD, "int64"), token)
    after = {
        "token": written,
        "ended": body.add("Or", ended, body.add("Equal", token, body.scalar(EOS, "int64"))),
        "total": total + body.where(ended, zero, said),
        "count": count + body.where(ended, zero, one),
    }
    going = body.add("Not", after["ended"]).cast("int64").max(0).cast("bool")
    outputs = [
        going.name,
        *(after[one.name].name if one.name in after else f"{_STEP}next.{one.name}" for one in carried),
    ]
    types = [("bool", ()), *((one.type, one.shape) for one in carried), ("int64", ("N",))]
    passed = f"{_INSIDE}written"
    nodes = (*inside, *body.nodes, Node("Identity", (written.name,), (passed,), {}))
    graph = Graph(
        (
            Port(turn.name, "int64", ()),
            Port(f"{_INSIDE}going", "bool", ()),
            *(Port(given[one.name], one.type, one.shape) for one in carried),
        ),
        tuple(Port(name, kind, shape) for name, (kind, shape) in zip([*outputs, passed], types)),
        nodes,
        {},
        {},
    )
    return graph_bytes(graph)


def _never(body: Builder, turn: Value, vocabulary: int, never: Sequence[int]) -> Value:
    """(V,): the lowest number for what may not be written: ``</s>`` at the first turn, else at the last all but it."""

    def lowest(tokens: Iterable[int]) -> Value:
        forbidden = set(tokens)
        values = [LOWEST if token in forbidden else 0.0 for token in range(vocabulary)]
        return body.constant("float32", (vocabulary,), values)

    is_first = body.add("Equal", turn, body.scalar(0, "int64"))
    is_last = body.add("Equal", turn, Value(body, "longest"))
    usual = body.where(is_first, lowest([PAD, EOS, *never]), lowest([PAD, *never]))
    return body.where(is_last, lowest(set(range(vocabulary)) - {EOS}), usual)


def _ending() -> Graph:
    """From what the loop gives to the outputs."""
    ending = Builder(prefix=f"{_OUTSIDE}ending.")
    total, count = (Value(ending, f"{_OUTSIDE}last.{name}") for name in ("total", "count"))
    ending.output("tokens", Value(ending, f"{_OUTSIDE}written").transpose(1, 0), "N", "T", kind="int64")
    ending.output("scores", total / count, "N")
    return ending.graph()
