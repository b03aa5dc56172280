"""An ONNX graph without weights: what a model file holds of a model's computation, and how it becomes ONNX.

A graph names its weights as the PyTorch module does and takes them in PyTorch's layout. It depends on a model's
settings alone, never on the values of weights. As JSON it stands in a model file, which anybody may have written:
:meth:`Graph.from_json` checks all of it, and no graph can name a file or hold code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from s2s_plugins.errors import UsageError

OPSET = 17  # of ONNX's default domain
TYPES = ("float32", "int64", "int32", "bool")
Attribute = Union[int, float, str, Tuple[int, ...]]
Size = Union[int, str]  # a size, or the name of one that is known when the graph runs

OPERATORS: Dict[str, Dict[str, type]] = {  # the attributes of each, by name
    "Add": {},
    "And": {},
    "Cast": {"to": int},
    "Concat": {"axis": int},
    "ConstantOfShape": {},
    "CumSum": {"exclusive": int, "reverse": int},
    "Div": {},
    "Equal": {},
    "Exp": {},
    "Expand": {},
    "GRU": {"direction": str, "hidden_size": int, "linear_before_reset": int},
    "Gather": {"axis": int},
    "GatherElements": {"axis": int},
    "GatherND": {"batch_dims": int},
    "Gemm": {"alpha": float, "beta": float, "transA": int, "transB": int},
    "Identity": {},
    "LSTM": {"direction": str, "hidden_size": int},
    "Log": {},
    "LogSoftmax": {"axis": int},
    "MatMul": {},
    "Max": {},
    "Mul": {},
    "Not": {},
    "ReduceMax": {"axes": tuple, "keepdims": int},
    "ReduceSum": {"keepdims": int},
    "Relu": {},
    "Reshape": {},
    "ScatterElements": {"axis": int, "reduction": str},
    "Shape": {"start": int, "end": int},
    "Sigmoid": {},
    "Slice": {},
    "Softmax": {"axis": int},
    "Split": {"axis": int},
    "Sqrt": {},
    "Squeeze": {},
    "Sub": {},
    "Tanh": {},
    "Transpose": {"perm": tuple},
    "Unsqueeze": {},
    "Where": {},
}
_MOST = {"inputs": 256, "outputs": 256, "weights": 10_000, "constants": 10_000, "nodes": 10_000}
_LARGEST = 3.4028234663852886e38  # float32
MOST_VALUES, _MOST_SIZES, _MOST_NAME = 4096, 8, 200  # of a constant; of a shape; of a name


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph.

    Args:
        name: its name.
        type: one of :data:`TYPES`.
        shape: its sizes; those with a name are free.
    """

    name: str
    type: str
    shape: Tuple[Size, ...]


@dataclass(frozen=True)
class Node:
    """One operation.

    Args:
        operator: one of :data:`OPERATORS`.
        inputs: names of what it reads; "" for one that is left out.
        outputs: names of what it writes; none is left out.
        attributes: by name.
    """

    operator: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True)
class Constant:
    """A small array that is part of a graph.

    Args:
        type: one of :data:`TYPES`.
        shape: its sizes.
        values: row by row.
    """

    type: str
    shape: Tuple[int, ...]
    values: Tuple[Union[int, float], ...]


@dataclass(frozen=True)
class Graph:
    """A computation, without its weights.

    Args:
        inputs: what it is given.
        outputs: what it gives.
        nodes: each behind those that it reads from.
        weights: shape of each weight, float32, by the name of the module's parameter.
        constants: by name.
    """

    inputs: Tuple[Port, ...]
    outputs: Tuple[Port, ...]
    nodes: Tuple[Node, ...]
    weights: Mapping[str, Tuple[int, ...]]
    constants: Mapping[str, Constant]

    def to_json(self) -> Dict[str, Any]:
        """As values that JSON has."""
        return {
            "opset": OPSET,
            "inputs": [[port.name, port.type, list(port.shape)] for port in self.inputs],
            "outputs": [[port.name, port.type, list(port.shape)] for port in self.outputs],
            "weights": {name: list(shape) for name, shape in self.weights.items()},
            "constants": {name: [one.type, list(one.shape), list(one.values)] for name, one in self.constants.items()},
            "nodes": [
                [
                    node.operator,
                    list(node.inputs),
                    list(node.outputs),
                    {key: list(value) if isinstance(value, tuple) else value for key, value in node.attributes.items()},
                ]
                for node in self.nodes
            ],
        }

    @staticmethod
    def from_json(values: Any, where: str) -> Graph:
        """The graph that ``values`` describe, which may be anything that JSON has.

        Raises:
            UsageError: they describe none; the message starts with ``where``.
        """
        return _Reader(where).graph(values)


class _Reader:
    """Reads a graph that nobody has checked.

    Args:
        where: what it stands in, for messages.
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def graph(self, values: Any) -> Graph:
        parts = self._fields(values, ("opset", "inputs", "outputs", "weights", "constants", "nodes"))
        if parts["opset"] != OPSET or isinstance(parts["opset"], bool):
            raise self._error(f"is of opset {parts['opset']!r:.40}, this release reads {OPSET}")
        sizes = {name: parts[name] for name in _MOST}
        for name, part in sizes.items():
            if not isinstance(part, dict if name in ("weights", "constants") else list) or len(part) > _MOST[name]:
                raise self._error(f"has {name} that are no collection of at most {_MOST[name]}")
        graph = Graph(
            inputs=tuple(self._port(one) for one in parts["inputs"]),
            outputs=tuple(self._port(one) for one in parts["outputs"]),
            nodes=tuple(self._node(one) for one in parts["nodes"]),
            weights={self._name(name): self._shape(shape) for name, shape in parts["weights"].items()},
            constants={self._name(name): self._constant(one) for name, one in parts["constants"].items()},
        )
        self._check_flow(graph)
        return graph

    def _error(self, what: str) -> UsageError:
        return UsageError(f"{self.where} {what}: it is damaged, or no graph of this package")

    def _fields(self, values: Any, names: Sequence[str]) -> Dict[str, Any]:
        if not isinstance(values, dict) or set(values) != set(names):
            raise self._error(f"has not the parts {', '.join(names)}")
        return values

    def _list(self, values: Any, length: int, what: str) -> List[Any]:
        if not isinstance(values, list) or len(values) != length:
            raise self._error(f"has {what} that is no list of {length} parts")
        return values

    def _name(self, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= _MOST_NAME or not value.isprintable():
            raise self._error("has a name that is none")
        return value

    def _names(self, values: Any) -> Tuple[str, ...]:
        if not isinstance(values, list) or len(values) > _MOST["inputs"]:
            raise self._error("has a node whose inputs or outputs are no list of names")
        return tuple("" if value == "" else self._name(value) for value in values)

    def _integer(self, value: Any, least: int = -(2**63)) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
            raise self._error(f"has {value!r:.40} for a whole number of 64 bits that is not below {least}")
        return value

    def _shape(self, values: Any) -> Tuple[int, ...]:
        if not isinstance(values, list) or len(values) > _MOST_SIZES:
            raise self._error(f"has a shape that is no list of at most {_MOST_SIZES} sizes")
        return tuple(self._integer(value, 0) for value in values)

    def _type(self, value: Any) -> str:
        if not isinstance(value, str) or value not in TYPES:
            raise self._error(f"has the type {value!r:.40}, which is none of {', '.join(TYPES)}")
        return value

    def _port(self, values: Any) -> Port:
        name, kind, shape = self._list(values, 3, "an input or output")
        if not isinstance(shape, list) or len(shape) > _MOST_SIZES:
            raise self._error(f"has a shape that is no list of at most {_MOST_SIZES} sizes")
        sizes = tuple(self._name(size) if isinstance(size, str) else self._integer(size, 0) for size in shape)
        return Port(self._name(name), self._type(kind), sizes)

    def _constant(self, values: Any) -> Constant:
        kind, shape, numbers = self._list(values, 3, "a constant")
        kind, shape = self._type(kind), self._shape(shape)
        if not isinstance(numbers, list) or len(numbers) > MOST_VALUES or len(numbers) != math.prod(shape):
            raise self._error(f"has a constant that has not as many values as its shape says, {MOST_VALUES} at most")
        if kind == "float32":
            if any(not isinstance(one, (int, float)) or isinstance(one, bool) for one in numbers):
                raise self._error("has a constant whose values are no numbers")
            if not all(-_LARGEST <= one <= _LARGEST for one in numbers):
                raise self._error("has a constant whose values are not finite")
            return Constant(kind, shape, tuple(float(one) for one in numbers))
        bits = {"int64": 63, "int32": 31, "bool": 1}[kind]
        checked = tuple(self._integer(one, 0 if kind == "bool" else -(2**bits)) for one in numbers)
        if any(one >= 2**bits for one in checked):
            raise self._error(f"has a constant whose values are too large for {kind}")
        return Constant(kind, shape, checked)

    def _node(self, values: Any) -> Node:
        operator, inputs, outputs, attributes = self._list(values, 4, "a node")
        if not isinstance(operator, str) or operator not in OPERATORS:
            raise self._error(f"has the operator {operator!r:.40}, which no model of this package needs")
        if not isinstance(attributes, dict):
            raise self._error(f"has a node {operator} whose attributes are none")
        known, checked = OPERATORS[operator], {}
        for key, value in attributes.items():
            if key not in known:
                raise self._error(f"has a node {operator} with the attribute {key!r:.40}, which it does not take")
            checked[key] = self._attribute(known[key], value, operator)
        written = self._names(outputs)
        if not written or not all(written):  # ONNX Runtime crashes where it folds a node without one of its outputs
            raise self._error(f"has a node {operator} with an output that has no name")
        return Node(operator, self._names(inputs), written, checked)

    def _attribute(self, kind: type, value: Any, operator: str) -> Attribute:
        if kind is int:
            return self._integer(value)
        if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and -1e30 < value < 1e30:
            return float(value)
        if kind is str:
            return self._name(value)
        if kind is tuple and isinstance(value, list) and len(value) <= _MOST_SIZES:
            return tuple(self._integer(one) for one in value)
        raise self._error(f"has a node {operator} with an attribute that is no {kind.__name__}")

    def _check_flow(self, graph: Graph) -> None:
        """Every name is written once, and before it is read.

        Raises:
            UsageError: one is not.
        """
        written = [port.name for port in graph.inputs] + [*graph.weights, *graph.constants]
        known = set(written)
        if len(known) != len(written):
            raise self._error("has two inputs, weights or constants of one name")
        for node in graph.nodes:
            missing = [name for name in node.inputs if name and name not in known]
            if missing:
                raise self._error(f"has a node {node.operator} that reads {missing[0]!r:.80}, which is not there yet")
            for name in node.outputs:
                if name in known:
                    raise self._error(f"writes {name!r:.80} twice")
                known.add(name)
        unwritten = [port.name for port in graph.outputs if port.name not in known]
        if unwritten:
            raise self._error(f"never writes its output {unwritten[0]!r:.80}")
