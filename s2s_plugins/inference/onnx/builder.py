"""Building a graph: values that stand for arrays, and operations on them.

Of equal operations on equal values there is one node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from s2s_plugins.inference.onnx.graph import MOST_VALUES, Attribute, Constant, Graph, Node, Port, Size

if TYPE_CHECKING:
    from torch import Tensor, nn

Number = Union[int, float]
Key = Tuple[Any, ...]


class Value:
    """An array of a graph that is being built.

    Args:
        builder: of the graph.
        name: of the array.
    """

    def __init__(self, builder: Builder, name: str) -> None:
        self.builder, self.name = builder, name

    def _with(self, operator: str, other: Union[Value, float]) -> Value:
        return self.builder.add(operator, self, other if isinstance(other, Value) else self.builder.scalar(other))

    def __add__(self, other: Union[Value, float]) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Union[Value, float]) -> Value:
        return self._with("Sub", other)

    def __mul__(self, other: Union[Value, float]) -> Value:
        return self._with("Mul", other)

    def __truediv__(self, other: Union[Value, float]) -> Value:
        return self._with("Div", other)

    def __matmul__(self, other: Value) -> Value:
        return self._with("MatMul", other)

    def tanh(self) -> Value:
        return self.builder.add("Tanh", self)

    def sigmoid(self) -> Value:
        return self.builder.add("Sigmoid", self)

    def transpose(self, *perm: int) -> Value:
        return self.builder.add("Transpose", self, perm=perm)

    def unsqueeze(self, *axes: int) -> Value:
        return self.builder.add("Unsqueeze", self, self.builder.integers(*axes))

    def squeeze(self, *axes: int) -> Value:
        return self.builder.add("Squeeze", self, self.builder.integers(*axes))

    def reshape(self, *sizes: Union[int, Value]) -> Value:
        """``sizes`` as ONNX has them: 0 as it is, -1 what is left; or a value of one size."""
        if all(isinstance(size, int) for size in sizes):
            shape = self.builder.integers(*(size for size in sizes if isinstance(size, int)))
        else:
            parts = [size if isinstance(size, Value) else self.builder.integers(size) for size in sizes]
            shape = self.builder.concat(parts, 0)
        return self.builder.add("Reshape", self, shape)

    def size(self, axis: int) -> Value:
        """(1,): its size along ``axis``."""
        return self.builder.add("Shape", self, start=axis, end=axis + 1)

    def split(self, sizes: Sequence[int], axis: int) -> List[Value]:
        """Pieces of these sizes; of one size, the value itself."""
        if len(sizes) == 1:
            return [self]
        return self.builder.add_several(len(sizes), "Split", self, self.builder.integers(*sizes), axis=axis)

    def take(self, rows: Value, axis: int = 0) -> Value:
        return self.builder.add("Gather", self, rows, axis=axis)

    def add_at(self, indices: Value, values: Value, axis: int) -> Value:
        """``values`` added at the places ``indices`` along ``axis``; both are of one shape."""
        return self.builder.add("ScatterElements", self, indices, values, axis=axis, reduction="add")

    def sum(self, axis: int, keepdims: bool = False) -> Value:
        return self.builder.add("ReduceSum", self, self.builder.integers(axis), keepdims=int(keepdims))

    def max(self, axis: int, keepdims: bool = False) -> Value:
        return self.builder.add("ReduceMax", self, axes=(axis,), keepdims=int(keepdims))

    def softmax(self, axis: int = -1) -> Value:
        return self.builder.add("Softmax", self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Value:
        return self.builder.add("LogSoftmax", self, axis=axis)

    def cumsum(self, axis: int, reverse: bool = False) -> Value:
        return self.builder.add("CumSum", self, self.builder.scalar(axis, "int64"), exclusive=0, reverse=int(reverse))

    def cast(self, kind: str) -> Value:
        return self.builder.add("Cast", self, to={"float32": 1, "int32": 6, "int64": 7, "bool": 9}[kind])


class Builder:
    """A graph that is being built.

    Args:
        module: whose parameters and buffers it may read; None: none.
        prefix: of the names of what it computes.

    Attributes:
        nodes: so far.
        constants: so far, by name.
    """

    def __init__(self, module: Optional[nn.Module] = None, prefix: str = "") -> None:
        self.prefix = prefix
        named = [] if module is None else [*module.named_buffers(), *module.named_parameters()]
        self._parameters = {id(tensor): name for name, tensor in named}
        self._inputs: List[Port] = []
        self._outputs: List[Port] = []
        self.nodes: List[Node] = []
        self._weights: Dict[str, Tuple[int, ...]] = {}
        self.constants: Dict[str, Constant] = {}
        self._known: Dict[Key, List[Value]] = {}

    def input(self, name: str, kind: str, *shape: Size) -> Value:
        self._inputs.append(Port(name, kind, shape))
        return Value(self, name)

    def output(self, name: str, value: Value, *shape: Size, kind: str = "float32") -> None:
        """Give ``value`` back under ``name``."""
        self.nodes.append(Node("Identity", (value.name,), (name,), {}))
        self._outputs.append(Port(name, kind, shape))

    def weight(self, parameter: Tensor) -> Value:
        """A parameter or buffer of the module."""
        name = self._parameters[id(parameter)]
        self._weights[name] = tuple(parameter.shape)
        return Value(self, name)

    def transposed(self, parameter: Tensor) -> Value:
        """A matrix (O, I) as (I, O), which rows are multiplied with."""
        return self.weight(parameter).transpose(1, 0)

    def linear(self, x: Value, layer: nn.Linear) -> Value:
        """(..., I) -> (..., O)."""
        product = x @ self.transposed(layer.weight)
        return product if layer.bias is None else product + self.weight(layer.bias)

    def constant(self, kind: str, shape: Sequence[int], values: Sequence[Number]) -> Value:
        name, constant = f"{self.prefix}constant.{len(self.constants)}", Constant(kind, tuple(shape), tuple(values))
        for other, same in self.constants.items():
            if same == constant:
                return Value(self, other)
        self.constants[name] = constant
        return Value(self, name)

    def table(self, values: Sequence[int]) -> Value:
        """(V,), int64, of any length."""
        parts = (values[start : start + MOST_VALUES] for start in range(0, len(values), MOST_VALUES))
        return self.concat([self.integers(*part) for part in parts], 0)

    def scalar(self, value: Number, kind: str = "float32") -> Value:
        return self.constant(kind, (), (value,))

    def integers(self, *values: int) -> Value:
        return self.constant("int64", (len(values),), values)

    def zeros(self, *sizes: Union[int, Value]) -> Value:
        """Zeros in float32; each size a number, or a value of one size."""
        parts = [size if isinstance(size, Value) else self.integers(size) for size in sizes]
        return self.add("Expand", self.scalar(0.0), self.concat(parts, 0))

    def concat(self, parts: Sequence[Value], axis: int) -> Value:
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=axis)

    def where(self, condition: Value, one: Value, other: Value) -> Value:
        return self.add("Where", condition, one, other)

    def add(self, operator: str, *inputs: Optional[Value], **attributes: Attribute) -> Value:
        """The one output of an operation."""
        return self.add_several(1, operator, *inputs, **attributes)[0]

    def add_several(self, count: int, operator: str, *inputs: Optional[Value], **attributes: Attribute) -> List[Value]:
        """The outputs of an operation; an input that is None is left out."""
        names = tuple("" if value is None else value.name for value in inputs)
        key = (operator, names, count, *sorted(attributes.items()))
        if key not in self._known:
            outputs = [f"{self.prefix}{operator.lower()}.{len(self.nodes)}.{place}" for place in range(count)]
            self.nodes.append(Node(operator, names, tuple(outputs), attributes))
            self._known[key] = [Value(self, name) for name in outputs]
        return self._known[key]

    def graph(self, keep: bool = False) -> Graph:
        """What was built, without nodes that no output needs unless they are to ``keep``."""
        if keep:
            return Graph(tuple(self._inputs), tuple(self._outputs), tuple(self.nodes), self._weights, self.constants)
        needed, kept = {port.name for port in self._outputs}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        return Graph(
            tuple(self._inputs),
            tuple(self._outputs),
            tuple(reversed(kept)),
            {name: shape for name, shape in sorted(self._weights.items()) if name in needed},
            {name: one for name, one in self.constants.items() if name in needed},
        )
