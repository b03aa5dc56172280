"""From a module of PyTorch to ONNX graphs without weights.

A graph is built from what a module is made of, an operation at a time. Tracing it takes two packages and two seconds
more a graph, and does not know what ONNX Runtime computes once when it opens one.
"""

from __future__ import annotations

from typing import Dict

from torch import nn

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.export import copying as _copying  # noqa: F401  registers its steps
from s2s_plugins.inference.export import hard as _hard  # noqa: F401  likewise
from s2s_plugins.inference.export import transducer as _transducer  # noqa: F401  likewise
from s2s_plugins.inference.export.documents import classifier_graph
from s2s_plugins.inference.export.tokens import token_graphs
from s2s_plugins.inference.export.vectors import vector_graphs
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.nn.document_classifier import DocumentClassifier
from s2s_plugins.nn.seq2seq import Seq2Seq
from s2s_plugins.nn.vectors import VectorSeq2Seq

__all__ = ["graphs_of"]


def graphs_of(model: nn.Module) -> Dict[str, Graph]:
    """The graphs of a model, by name; they depend on its settings alone.

    Raises:
        UsageError: there are none of this kind of model, or of a part of it.
    """
    if isinstance(model, Seq2Seq):
        return token_graphs(model)
    if isinstance(model, VectorSeq2Seq):
        return vector_graphs(model)
    if isinstance(model, DocumentClassifier):
        return classifier_graph(model)
    raise UsageError(f"there are no ONNX graphs of {type(model).__name__}")
