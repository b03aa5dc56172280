"""A graph, opened by ONNX Runtime with the weights of a model."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Union

from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.folding import folded
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.onnx.graph import Graph

Array = NDArray[Any]


class OnnxSession:
    """A graph that can be run.

    Args:
        graph: the graph, or the bytes of an ONNX model that has its weights in it.
        weights: of the graph, by name, float32; not copied.
        name: of the model, for messages.
        threads: of one operation.

    Attributes:
        outputs: names of the outputs.
        shapes: of the inputs, by name; sizes that are free have names.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """

    def __init__(self, graph: Union[Graph, bytes], weights: Mapping[str, Array], name: str, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4  # what goes wrong is raised
        self._values: List[Any] = []  # ONNX Runtime reads the weights where they are
        self._runtime, self.name = onnxruntime, name
        try:
            if isinstance(graph, Graph):
                graph, self._arrays = folded(graph, weights)
                self._values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in self._arrays.values()]
                options.add_external_initializers(list(self._arrays), self._values)
            content = to_onnx(graph) if isinstance(graph, Graph) else graph
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class in common
            raise UsageError(f"{name} holds no graph that ONNX Runtime opens: {_line(error)}") from None
        self.shapes: Dict[str, Sequence[Any]] = {one.name: one.shape for one in self._session.get_inputs()}
        self.outputs = [one.name for one in self._session.get_outputs()]

    @classmethod
    def of(
        cls,
        graphs: Mapping[str, Union[Graph, bytes]],
        graph: str,
        weights: Mapping[str, Array],
        name: str,
        threads: int,
    ) -> OnnxSession:
        """The session of one of ``graphs``.

        Raises:
            UsageError: it is not there, or ONNX Runtime cannot open it.
        """
        if graph not in graphs:
            raise UsageError(f"{name} has no graph {graph!r}, which its kind of model needs: it is damaged")
        return cls(graphs[graph], weights, name, threads)

    def run(self, given: Mapping[str, Array]) -> Dict[str, Array]:
        """The outputs, by name.

        Raises:
            UsageError: the graph fails on them.
        """
        try:
            found = self._session.run(self.outputs, dict(given))
        except Exception as error:
            raise UsageError(f"{self.name} holds a graph that fails: {_line(error)}") from None
        return dict(zip(self.outputs, found))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
