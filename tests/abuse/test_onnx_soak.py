"""A thousand inputs of each architecture: ONNX Runtime gives what torch gives."""

import numpy as np
import pytest
import torch
from onnx_models import DOCUMENTS, TOKENS, VECTORS, classifier, graphs_and_weights, sources
from test_onnx_tokens import SETTINGS, models, score_of
from test_onnx_vectors import assert_equal as assert_equal_values
from test_onnx_vectors import both, levels_of, windows

from s2s_plugins.inference.onnx.classifier import OnnxClassifier
from s2s_plugins.inference.onnx.translator import padded
from s2s_plugins.inference.torch.backend import TorchClassifier

pytestmark = pytest.mark.soak
LINES, AT_ONCE = 1000, 50


@pytest.mark.parametrize("name", TOKENS)
def test_a_thousand_sources(name):
    """Where two beginnings are equally probable, one search may follow the one and the other the other: of these few
    too the score is what torch gives for the text that was found."""
    theirs, ours = models(name)
    lines, other = sources(LINES, seed=7), 0
    for start in range(0, LINES, AT_ONCE):
        part = lines[start : start + AT_ONCE]
        expected, found = theirs.search(part, SETTINGS), ours.search(part, SETTINGS)
        targets = [one[0].tokens.tolist() for one in found]
        for one, hypotheses, probability in zip(found, expected, forced(theirs.members[0], part, targets)):
            assert score_of(one[0]) == pytest.approx(probability, abs=1e-4)
            same = [score_of(both[0]) - score_of(both[1]) for both in zip(one, hypotheses)]
            other += np.abs(same).max() > 1e-4
        if ours.has_attention:
            for weights, looked in zip(ours.attend(part, targets), theirs.attend(part, targets)):
                np.testing.assert_allclose(weights, looked, atol=1e-4)
    assert other <= LINES / 200


@torch.no_grad()
def forced(module, batch, targets):
    """The mean log-probability a token of each target, by a forward pass of torch."""
    shifted = torch.from_numpy(padded([[2, *target[:-1]] for target in targets]))
    found = module(torch.from_numpy(padded(batch)), shifted).logits.log_softmax(-1)
    return [rows[range(len(target)), target].mean().item() for rows, target in zip(found, targets)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_thousand_documents(name):
    model, documents = classifier(name), sources(LINES, seed=7)
    ours = OnnxClassifier(*graphs_and_weights(model), name)
    theirs = TorchClassifier(model, torch.device("cpu"))
    for start in range(0, LINES, AT_ONCE):
        part = documents[start : start + AT_ONCE]
        np.testing.assert_allclose(ours.classify(part), theirs.classify(part), atol=1e-4)


@pytest.mark.parametrize("name", VECTORS)
def test_a_thousand_windows(name):
    theirs, ours = both(name)
    lengths = np.random.default_rng(7).integers(1, 30, LINES)
    assert_equal_values(ours, theirs, windows(name, lengths), levels_of(theirs))
