"""Classifiers: ONNX Runtime gives the probabilities of torch."""

import numpy as np
import onnx
import pytest
import torch
from onnx_models import DOCUMENTS, classifier, graphs_and_weights, sources

from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.onnx.classifier import OnnxClassifier
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.torch.backend import TorchClassifier, weights_of


@pytest.mark.parametrize("name", DOCUMENTS)
def test_onnx_runtime_gives_the_probabilities_of_torch(name):
    model = classifier(name)
    graphs, weights = graphs_and_weights(model)
    ours = OnnxClassifier(graphs, weights, name)
    expected = TorchClassifier(model, torch.device("cpu")).classify(sources())
    found = ours.classify(sources())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.std(0).max() > 0.02  # the documents differ
    alone = np.concatenate([ours.classify([one]) for one in sources()])
    np.testing.assert_allclose(alone, expected, atol=1e-5)
    onnx.checker.check_model(onnx.load_from_string(to_onnx(graphs["classifier"], weights)), full_check=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_graph_has_all_weights_of_a_model_file_and_depends_on_no_value(name):
    graphs = graphs_of(classifier(name, seed=1))
    assert graphs == graphs_of(classifier(name, seed=2))
    assert set(graphs["classifier"].weights) == set(weights_of(classifier(name)))
