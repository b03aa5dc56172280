"""What a graph computes of weights alone, computed once with numpy, before it is opened.

ONNX Runtime would do the same when it opens a graph, and keep the weights in three forms meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.graph import Graph, Node

Array = NDArray[Any]


def folded(graph: Graph, weights: Mapping[str, Array]) -> Tuple[Graph, Dict[str, Array]]:
    """The graph without the nodes that read weights and constants alone, and the weights of what is left.

    Args:
        graph: as a model file has it.
        weights: by name; those of the graph are among them.
    """
    known: Dict[str, Array] = {name: np.asarray(weights[name], dtype=np.float32) for name in graph.weights}
    for name, one in graph.constants.items():
        known[name] = np.array(one.values, dtype=one.type).reshape(one.shape)
    left: List[Node] = []
    for node in graph.nodes:
        if node.operator in OPERATIONS and known.keys() >= set(node.inputs):
            outputs = OPERATIONS[node.operator](node.attributes, *(known[name] for name in node.inputs))
            known.update(zip(node.outputs, outputs))
        else:
            left.append(node)
    used = {name for node in left for name in node.inputs} | {port.name for port in graph.outputs}
    constants = {name: one for name, one in graph.constants.items() if name in used}
    kept = {name: np.ascontiguousarray(known[name]) for name in sorted((known.keys() & used) - constants.keys())}
    shapes = {name: value.shape for name, value in kept.items()}
    return replace(graph, nodes=tuple(left), weights=shapes, constants=constants), kept


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
