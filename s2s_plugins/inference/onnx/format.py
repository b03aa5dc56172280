"""Graphs as ONNX's own bytes, without the package ``onnx``, which the bare install does not have.

A ModelProto (https://github.com/onnx/onnx, onnx.proto, IR version 8) is a few nested messages. In protobuf's encoding a
message is a list of fields, each a key, ``number << 3 | wire type``, and a value: a varint (wire type 0), or bytes
behind their length (wire type 2).
"""

from __future__ import annotations

import struct
from typing import Iterable, Mapping, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.onnx.graph import OPSET, Attribute, Constant, Graph, Node, Port
from s2s_plugins.version import __version__

IR_VERSION = 8
ELEMENT_TYPES = {"float32": 1, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}  # of TensorProto
_NUMPY = {"float32": "<f4", "int32": "<i4", "int64": "<i8", "bool": "|b1", "int8": "|i1", "float16": "<f2"}
_FLOAT, _INT, _STRING, _GRAPH, _INTS = 1, 2, 3, 5, 7  # AttributeProto.AttributeType
_EXTERNAL = 1  # TensorProto.DataLocation
Array = NDArray[np.generic]


def to_onnx(graph: Graph, weights: Optional[Mapping[str, Array]] = None) -> bytes:
    """A serialised ModelProto.

    Args:
        graph: the computation.
        weights: by name, written into it as float32; without them they are declared as external data, to be given to
            ONNX Runtime by ``SessionOptions.add_external_initializers``.
    """
    if weights is None:
        initializers = [external_tensor(name, shape) for name, shape in graph.weights.items()]
    else:
        initializers = [tensor(name, np.asarray(weights[name], dtype=np.float32)) for name in graph.weights]
    return model_bytes(graph_bytes(graph, initializers))


def model_bytes(graph: bytes) -> bytes:
    """A ModelProto around a GraphProto."""
    opset = _text(1, "") + _number(2, OPSET)
    producer = _text(2, "s2s_plugins") + _text(3, __version__)
    return _number(1, IR_VERSION) + producer + _bytes(7, graph) + _bytes(8, opset)


def graph_bytes(graph: Graph, initializers: Iterable[bytes] = (), nodes: Iterable[bytes] = ()) -> bytes:
    """A GraphProto: ``graph`` with TensorProtos ``initializers``, and NodeProtos ``nodes`` behind its own."""
    parts = [_bytes(1, node_bytes(node)) for node in graph.nodes]
    parts += [_bytes(1, node) for node in nodes]
    parts.append(_text(2, "s2s_plugins"))
    parts += [_bytes(5, initializer) for initializer in initializers]
    parts += [_bytes(5, _constant(name, constant)) for name, constant in graph.constants.items()]
    parts += [_bytes(11, _value_info(port)) for port in graph.inputs]
    parts += [_bytes(12, _value_info(port)) for port in graph.outputs]
    return b"".join(parts)


def node_bytes(node: Node, body: Optional[bytes] = None) -> bytes:
    """A NodeProto; ``body`` is the GraphProto of a Loop."""
    parts = [_text(1, name) for name in node.inputs] + [_text(2, name) for name in node.outputs]
    parts.append(_text(4, node.operator))
    parts += [_bytes(5, _attribute(name, value)) for name, value in sorted(node.attributes.items())]
    if body is not None:
        parts.append(_bytes(5, _text(1, "body") + _bytes(6, body) + _number(20, _GRAPH)))
    return b"".join(parts)


def tensor(name: str, values: Array) -> bytes:
    """A TensorProto with its values."""
    kind = {"b": "bool"}.get(values.dtype.kind, values.dtype.name)
    raw = np.ascontiguousarray(values, dtype=_NUMPY[kind]).tobytes()
    return _dims(values.shape) + _number(2, ELEMENT_TYPES[kind]) + _text(8, name) + _bytes(9, raw)


def external_tensor(name: str, shape: Sequence[int]) -> bytes:
    """A TensorProto in float32 whose values are given when the graph is opened. Its place is no file: there is none."""
    entry = _text(1, "location") + _text(2, "weights")
    return (
        _dims(shape)
        + _number(2, ELEMENT_TYPES["float32"])
        + _text(8, name)
        + _bytes(13, entry)
        + _number(14, _EXTERNAL)
    )


def _constant(name: str, constant: Constant) -> bytes:
    return tensor(name, np.array(constant.values, dtype=_NUMPY[constant.type]).reshape(constant.shape))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _STRING)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, _INTS)


def _value_info(port: Port) -> bytes:
    sizes = [_text(2, size) if isinstance(size, str) else _number(1, size) for size in port.shape]
    shape = b"".join(_bytes(1, size) for size in sizes)
    kind = _bytes(1, _number(1, ELEMENT_TYPES[port.type]) + _bytes(2, shape))
    return _text(1, port.name) + _bytes(2, kind)


def _dims(shape: Sequence[int]) -> bytes:
    return b"".join(_number(1, size) for size in shape)


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have the highest bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
