"""A graph, opened by ONNX Runtime with the weights of a model."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Tuple, Union

from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.folding import folded
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.onnx.graph import Graph, Port, Size

Array = NDArray[Any]
_TYPES = {"float32": "tensor(float)", "int64": "tensor(int64)", "int32": "tensor(int32)", "bool": "tensor(bool)"}


class OnnxFile(NamedTuple):
    """An ONNX model with its weights in it, as any program may have written it.

    Attributes:
        content: serialised.
        graph: whose inputs and outputs it has.
    """

    content: bytes
    graph: Graph


class OnnxSession:
    """A graph that can be run, in one thread.

    Args:
        graph: the graph, or an ONNX model that has its weights in it. Sizes of outputs that are free are free sizes of
            inputs.
        weights: of the graph, by name, float32; not copied.
        name: of the model, for messages.

    Attributes:
        outputs: names of the outputs.
        shapes: of the inputs, by name; sizes that are free have names.

    Raises:
        UsageError: ONNX Runtime cannot open it, its inputs or outputs are others, or a weight cannot be read.
    """

    def __init__(self, graph: Union[Graph, OnnxFile], weights: Mapping[str, Array], name: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4  # what goes wrong is raised
        self._values: List[Any] = []  # ONNX Runtime reads the weights where they are
        self._runtime, self.name = onnxruntime, name
        ports = graph if isinstance(graph, Graph) else graph.graph
        try:
            if isinstance(graph, Graph):
                graph, self._arrays = folded(graph, weights)
                self._values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in self._arrays.values()]
                options.add_external_initializers(list(self._arrays), self._values)
            content = to_onnx(graph) if isinstance(graph, Graph) else graph.content
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except UsageError:  # of a weight
            raise
        except Exception as error:  # its errors have no class in common
            raise UsageError(f"{name} holds no graph that ONNX Runtime opens: {_line(error)}") from None
        self._check_types(ports.inputs, self._session.get_inputs())
        self._check_types(ports.outputs, self._session.get_outputs())
        self.shapes = {port.name: port.shape for port in ports.inputs}
        self.outputs = [port.name for port in ports.outputs]
        self._expected = [port.shape for port in ports.outputs]
        self._free = _free_sizes(ports)

    def _check_types(self, ports: Tuple[Port, ...], there: List[Any]) -> None:
        """See that the inputs or outputs of what was opened are ``ports``; their sizes show when it runs.

        Raises:
            UsageError: one is missing, or of another type.
        """
        types = {one.name: one.type for one in there}
        for port in ports:
            if types.get(port.name) != _TYPES[port.type]:
                found = types.get(port.name, "missing")
                raise UsageError(f"{self.name} holds a graph whose {port.name:.80} is {found}, not {port.type}")

    @classmethod
    def of(
        cls, graphs: Mapping[str, Union[Graph, OnnxFile]], graph: str, weights: Mapping[str, Array], name: str
    ) -> OnnxSession:
        """The session of one of ``graphs``.

        Raises:
            UsageError: it is not there, or as for the session itself.
        """
        if graph not in graphs:
            raise UsageError(f"{name} has no graph {graph!r}, which its kind of model needs: it is damaged")
        return cls(graphs[graph], weights, name)

    def run(self, given: Dict[str, Array]) -> Dict[str, Array]:
        """The outputs, by name, in the shapes that the graph says.

        Raises:
            UsageError: the graph fails on them, or gives other shapes.
        """
        try:
            found = self._session.run(self.outputs, given)
        except Exception as error:
            raise UsageError(f"{self.name} holds a graph that fails: {_line(error)}") from None
        sizes: Dict[Size, int] = {size: given[name].shape[axis] for size, name, axis in self._free}
        for name, shape, array in zip(self.outputs, self._expected, found):
            expected = tuple([sizes.get(size, size) for size in shape])
            if array.shape != expected:
                raise UsageError(f"{self.name} holds a graph whose {name:.80} is of {array.shape}, not {expected}")
        return dict(zip(self.outputs, found))


def _free_sizes(graph: Graph) -> List[Tuple[str, str, int]]:
    """The free sizes of the outputs, and for each an input and its axis that tells it."""
    needed = {size for port in graph.outputs for size in port.shape if isinstance(size, str)}
    found: Dict[str, Tuple[str, int]] = {}
    for port in graph.inputs:
        for axis, size in enumerate(port.shape):
            if isinstance(size, str) and size in needed:
                found.setdefault(size, (port.name, axis))
    return [(size, name, axis) for size, (name, axis) in found.items()]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
