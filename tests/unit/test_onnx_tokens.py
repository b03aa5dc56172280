"""Models of tokens: ONNX Runtime gives what torch gives, for every architecture."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx_models import TOKENS, graphs_and_weights, random_weights, sources, tokens

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.onnx.format import to_onnx
from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.inference.onnx.translator import OnnxMember, OnnxModel
from s2s_plugins.inference.torch.backend import weights_of
from s2s_plugins.inference.torch.translator import TorchModel
from s2s_plugins.nn.attention import Attention
from s2s_plugins.nn.decoder import DECODERS, Decoder
from s2s_plugins.nn.decoders.basic import ContextState
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.nn.settings import Sees
from s2s_plugins.search import SearchSettings

CPU = torch.device("cpu")
SETTINGS = SearchSettings(end=2, pad=1, unknown=3, longest=20, normalize=False)


def member(name, seed=1):
    """The same model twice: as a module, and by ONNX Runtime."""
    model = random_weights(build_seq2seq(TOKENS[name]), seed)
    return model, OnnxMember(*graphs_and_weights(model), name)


def models(*names):
    """The ensemble of these, computed by torch and by ONNX Runtime."""
    modules, members = zip(*(member(name, seed) for seed, name in enumerate(names, start=1)))
    return TorchModel(modules, CPU, 100, 100, False), OnnxModel(members, 100, 100)


def assert_equal(ours, theirs):
    """The same hypotheses; two may have changed places where their scores lie within 1e-4."""
    for found, expected in zip(ours, theirs):
        assert len(found) == len(expected)
        scores = {tuple(one.tokens.tolist()): score_of(one) for one in expected}
        for one, other in zip(found, expected):
            assert score_of(one) == pytest.approx(score_of(other), abs=1e-4)
            assert score_of(one) == pytest.approx(scores[tuple(one.tokens.tolist())], abs=1e-4)


def score_of(found):
    """The mean log-probability a token."""
    return float(found.score) / len(found.tokens)


@pytest.mark.parametrize("name", TOKENS)
def test_onnx_runtime_finds_the_texts_scores_and_attention_of_torch(name):
    theirs, ours = models(name)
    batch = sources()
    expected, found = (model.search(batch, SETTINGS) for model in (theirs, ours))
    assert len({tuple(one.tokens.tolist()) for hypotheses in expected for one in hypotheses}) > 6
    assert_equal(found, expected)
    assert ours.has_attention == (TOKENS[name].decoder.kind not in ("basic", "feedback", "peek"))
    outputs = [one[0].tokens.tolist() for one in expected]
    for one, other, best in zip(ours.score(batch, outputs), theirs.score(batch, outputs), expected):
        np.testing.assert_allclose(one, other, atol=1e-4)
        np.testing.assert_allclose(other, best[0].positional_scores, atol=1e-4)  # as the search has scored them
    if ours.has_attention:
        targets = [one[0].tokens.tolist() for one in expected]
        for one, other in zip(ours.attend(batch, targets), theirs.attend(batch, targets)):
            np.testing.assert_allclose(one, other, atol=1e-4)
    else:
        with pytest.raises(ValueError, match="has no attention"):
            ours.attend(batch, [[2]] * len(batch))


@pytest.mark.parametrize("beam", [1, 3])
def test_a_sentence_alone_is_found_as_in_a_batch(beam):
    _, ours = models("monotonic")
    settings = SearchSettings(end=2, pad=1, unknown=3, longest=20, beam=beam)
    batch = sources()
    assert_equal([ours.search([one], settings)[0] for one in batch], ours.search(batch, settings))


def test_an_ensemble_of_several_architectures_finds_what_torch_finds():
    theirs, ours = models("general after", "monotonic", "basic with a dense bridge, GRU")
    expected = theirs.search(sources(), SETTINGS)
    assert_equal(ours.search(sources(), SETTINGS), expected)
    outputs = [one[0].tokens.tolist() for one in expected]
    for one, other, best in zip(ours.score(sources(), outputs), theirs.score(sources(), outputs), expected):
        np.testing.assert_allclose(one, other, atol=1e-4)
        np.testing.assert_allclose(other, best[0].positional_scores, atol=1e-4)
    with pytest.raises(ValueError, match="of its own"):
        ours.attend([[4, 2]], [[2]])


@pytest.mark.parametrize("name", TOKENS)
def test_the_checker_of_onnx_accepts_the_graphs_and_their_weights(name):
    graphs, weights = graphs_and_weights(build_seq2seq(TOKENS[name]))
    for graph in graphs.values():
        onnx.checker.check_model(onnx.load_from_string(to_onnx(graph, weights)), full_check=True)


@pytest.mark.parametrize("name", TOKENS)
def test_a_graph_depends_on_the_settings_alone_and_passes_through_json(name):
    (one, _), (other, _) = (graphs_and_weights(random_weights(build_seq2seq(TOKENS[name]), seed)) for seed in (1, 2))
    assert one == other
    for graph in one.values():
        assert Graph.from_json(json.loads(json.dumps(graph.to_json())), "it") == graph


@pytest.mark.parametrize("name", TOKENS)
def test_the_graphs_have_all_weights_of_a_model_file_and_no_others(name):
    model = build_seq2seq(TOKENS[name])
    named = {name for graph in graphs_of(model).values() for name in graph.weights}
    assert named == set(weights_of(model))


def test_a_large_vocabulary_needs_no_table_of_its_gates(monkeypatch):
    monkeypatch.setattr("s2s_plugins.inference.export.steps._TABLE_LIMIT", 10)
    theirs, ours = models("peek")
    assert_equal(ours.search(sources(), SETTINGS), theirs.search(sources(), SETTINGS))


def test_a_new_decoder_that_does_what_it_sees_has_graphs():
    try:
        # the decoder of CONTRIBUTING.md
        class GlanceDecoder(Decoder):
            kind = "glance"
            sees = Sees(step=("token",), output=("hidden", "constant"))
            paper_bridge = "dense"

            def start(self, encoder_output):
                return ContextState(self.bridge(encoder_output), encoder_output.context)

            def run(self, prev_output_tokens, state):
                hidden, recurrent = self.stack(self.embed(prev_output_tokens), state.recurrent)
                return self.readout(hidden, constant=state.context), None, ContextState(recurrent, state.context)

        model = random_weights(build_seq2seq(tokens("glance")), 1)
    finally:
        DECODERS.pop("glance", None)
    ours = OnnxModel([OnnxMember(*graphs_and_weights(model), "glance")], 100, 100)
    theirs = TorchModel([model], CPU, 100, 100, False)
    assert_equal(ours.search(sources(), SETTINGS), theirs.search(sources(), SETTINGS))


def test_a_new_part_without_a_graph_is_an_error_that_names_it():
    model = build_seq2seq(TOKENS["general after"])
    model.decoder.attention.__class__ = type("OtherAttention", (Attention,), {})
    with pytest.raises(
        UsageError, match="there is no ONNX graph of OtherAttention yet: add it to s2s_plugins.inference"
    ):
        graphs_of(model)
    with pytest.raises(UsageError, match="there are no ONNX graphs of Linear"):
        graphs_of(torch.nn.Linear(2, 2))
