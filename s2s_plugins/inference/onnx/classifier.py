"""A :class:`~s2s_plugins.inference.classifier.Classifier`'s model, computed by ONNX Runtime, with numpy alone."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Union

from numpy.typing import NDArray

from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.inference.onnx.session import OnnxFile, OnnxSession
from s2s_plugins.inference.onnx.translator import padded

Array = NDArray[Any]


class OnnxClassifier:
    """One classifier.

    Args:
        graphs: "classifier", or an ONNX model with weights in it.
        weights: by name, float32; not copied.
        name: of the model, for messages.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """

    def __init__(self, graphs: Mapping[str, Union[Graph, OnnxFile]], weights: Mapping[str, Array], name: str) -> None:
        self._session = OnnxSession.of(graphs, "classifier", weights, name)

    def classify(self, documents: Sequence[Sequence[int]]) -> Array:
        """The probabilities of the classes, (N, C), of documents that each end in ``</s>``."""
        return self._session.run({"tokens": padded(documents)})["probabilities"]
