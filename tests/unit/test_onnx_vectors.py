"""Models of vectors: ONNX Runtime predicts what torch predicts, with covariates, histories and quantiles."""

import numpy as np
import onnx
import pytest
import torch
from onnx_models import VECTORS, graphs_and_weights, vectors

from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.onnx.vectors import OnnxVectors
from s2s_plugins.inference.torch.backend import weights_of
from s2s_plugins.inference.torch.vectors import TorchVectors
from s2s_plugins.series.windows import Window


def both(name):
    """A random model of vectors, computed by torch and by ONNX Runtime."""
    model = vectors(name)
    theirs = TorchVectors(model, model.loss, torch.device("cpu"))
    return theirs, OnnxVectors(*graphs_and_weights(model), model.settings.vectors.loss, name)


def windows(name, lengths=(7, 2, 5, 1), steps=5):
    """Windows of several lengths with covariates as the model has them."""
    draw = np.random.default_rng(2)
    covariates = VECTORS[name].get("covariate_size", 0)
    arrays = [((length, 3), (steps, covariates), (steps, 2), (2,), (2,), (2,)) for length in lengths]
    return [Window(*(draw.standard_normal(shape).astype(np.float32) for shape in shapes)) for shapes in arrays]


def levels_of(model):
    return model.levels[1:] or ((0.05, 0.5) if model.gives_quantiles else ())


def assert_equal(ours, theirs, *given):
    for found, expected in zip(ours.predict(*given), theirs.predict(*given)):
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert found.dtype == np.float32


@pytest.mark.parametrize("name", VECTORS)
def test_onnx_runtime_predicts_what_torch_predicts(name):
    theirs, ours = both(name)
    assert (ours.levels, ours.gives_quantiles) == (theirs.levels, theirs.gives_quantiles)
    assert_equal(ours, theirs, windows(name), levels_of(theirs))
    assert_equal(ours, theirs, windows(name, lengths=(4,), steps=1), ())


@pytest.mark.parametrize("name", [name for name, settings in VECTORS.items() if not settings.get("bidirectional")])
def test_a_stateful_model_reads_histories_of_several_lengths(name):
    theirs, ours = both(name)
    draw = np.random.default_rng(3)
    histories = [
        [draw.standard_normal((length, 3)).astype(np.float32) for length in lengths]
        for lengths in ((4, 4), (), (3,), (4, 4, 4))
    ]
    given = windows(name)
    assert_equal(ours, theirs, given, levels_of(theirs), histories)
    assert_equal(ours, theirs, given, (), [[] for _ in given])
    with_history, without = ours.predict(given, (), histories)[0], ours.predict(given, ())[0]
    changed = np.abs(with_history - without).max((1, 2))
    assert changed[1] < 1e-5 < changed[3]  # the second window has no history


@pytest.mark.parametrize("name", VECTORS)
def test_the_graphs_pass_the_checker_and_have_all_weights_of_a_model_file(name):
    graphs, weights = graphs_and_weights(vectors(name))
    for graph in graphs.values():
        onnx.checker.check_model(onnx.load_from_string(to_onnx(graph, weights)), full_check=True)
    assert graphs == graphs_of(vectors(name, seed=2))
    assert {name for graph in graphs.values() for name in graph.weights} == set(weights_of(vectors(name)))
