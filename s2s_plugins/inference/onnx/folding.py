"""What a graph computes of weights alone, computed once with numpy, before it is opened.

ONNX Runtime would do the same when it opens a graph, and keep the weights in three forms meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.onnx.graph import Graph, Node

Array = NDArray[Any]
_MORE = 2**22  # numbers that a node may make beside those of four times the weights
_ARRAYS = {"Add": 2, "Mul": 2}  # inputs that are spread over each other; of others the first one is what is changed


def folded(graph: Graph, weights: Mapping[str, Array]) -> Tuple[Graph, Dict[str, Array]]:
    """The graph without the nodes that read weights and constants alone, and the weights of what is left.

    Args:
        graph: as a model file has it.
        weights: by name; those of the graph are among them.

    Raises:
        ValueError: a node does not fit what it reads, or makes far more of the weights than there is of them.
    """
    known: Dict[str, Array] = {name: np.asarray(weights[name], dtype=np.float32) for name in graph.weights}
    for name, one in graph.constants.items():
        known[name] = np.array(one.values, dtype=one.type).reshape(one.shape)
    most = _MORE + 4 * sum(values.size for values in known.values())
    left: List[Node] = []
    for node in graph.nodes:
        if node.operator in OPERATIONS and known.keys() >= set(node.inputs):
            known.update(zip(node.outputs, _computed(node, [known[name] for name in node.inputs], most)))
        else:
            left.append(node)
    used = {name for node in left for name in node.inputs} | {port.name for port in graph.outputs}
    constants = {name: one for name, one in graph.constants.items() if name in used}
    kept = {name: np.ascontiguousarray(known[name]) for name in sorted((known.keys() & used) - constants.keys())}
    shapes = {name: value.shape for name, value in kept.items()}
    return replace(graph, nodes=tuple(left), weights=shapes, constants=constants), kept


def _computed(node: Node, given: List[Array], most: int) -> Sequence[Array]:
    """What a node makes of ``given``, of at most so many numbers.

    Raises:
        ValueError: it cannot, or makes more.
    """
    try:
        if node.operator == "Concat":
            size = sum(part.size for part in given)
        elif node.operator == "MatMul":
            size = given[0].size * given[1].size // max(1, given[0].shape[-1]) ** 2
        else:
            size = math.prod(np.broadcast_shapes(*(part.shape for part in given[: _ARRAYS.get(node.operator, 1)])))
        if size > most:
            raise ValueError(f"it makes {size} numbers")
        return OPERATIONS[node.operator](node.attributes, *given)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{node.operator}: {error}") from None


def _split(attributes: Mapping[str, Any], value: Array, sizes: Array) -> Sequence[Array]:
    return np.split(value, np.cumsum(sizes)[:-1], axis=attributes.get("axis", 0))


OPERATIONS: Dict[str, Callable[..., Sequence[Array]]] = {
    "Add": lambda attributes, one, other: [one + other],
    "Concat": lambda attributes, *parts: [np.concatenate(parts, axis=attributes["axis"])],
    "MatMul": lambda attributes, one, other: [one @ other],
    "Mul": lambda attributes, one, other: [one * other],
    "Split": _split,
    "Squeeze": lambda attributes, value, axes: [np.squeeze(value, axis=tuple(axes.tolist()))],
    "Transpose": lambda attributes, value: [np.transpose(value, attributes.get("perm"))],
    "Unsqueeze": lambda attributes, value, axes: [np.expand_dims(value, axis=tuple(axes.tolist()))],
}
