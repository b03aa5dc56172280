"""The beam search itself: on tensors and on numpy arrays, and where there is neither torch nor fairseq."""

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, batch_of, dictionary, translation_task
from test_generator import SOURCES, sharp_model
from test_package import WITHOUT_FAIRSEQ

from s2s_plugins.search import SearchSettings, beam_search


class NumpyState(NamedTuple):
    of: object

    @property
    def weights(self):
        return None if self.of.weights is None else self.of.weights.numpy()

    def reorder(self, rows, sentences):
        kept = None if sentences is None else torch.from_numpy(sentences)
        return NumpyState(self.of.reorder(torch.from_numpy(rows), kept))


class OnNumpy:
    """A model whose steps take and give numpy arrays, as ONNX Runtime's do."""

    def __init__(self, folded):
        self.folded = folded

    def step(self, tokens, state):
        logits, after = self.folded.step(torch.from_numpy(tokens), state.of)
        return logits.numpy(), NumpyState(after)


MODELS = [
    [("attention_lstm", {"encoder_bidirectional": True})],
    [("attention_lstm", {"attention_timing": "after", "attention_alignment": "monotonic"})],
    [("basic_lstm", {})],
    [("feedback_lstm", {}), ("attention_lstm", {"attention_coverage": True})],
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beam": 1},
        {"beam": 7, "patient": False},
        {"temperature": 1.5, "shortest": 3, "never": (5, 6)},
        {"unknown_penalty": -4.0, "normalize": False},
        {"length_penalty": 0.3, "longest": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("architectures", MODELS, ids=lambda models: "+".join(arch for arch, _ in models))
def test_arrays_and_tensors_find_the_same(architectures, options):
    task = translation_task(dictionary(), dictionary())
    models = [sharp_model(task, arch, seed, **flags) for seed, (arch, flags) in enumerate(architectures)]
    symbols = task.target_dictionary
    settings = SearchSettings(**{"beam": 4, "longest": 12, **options}, end=symbols.eos(), pad=symbols.pad(), unknown=3)
    source = batch_of(task, SOURCES)["net_input"]["src_tokens"]
    with torch.no_grad():
        folded = [model.decoder.core.fold() for model in models]
        encoded = [model.encoder(source) for model in models]
        states = [steps.start(output, settings.beam) for steps, output in zip(folded, encoded)]
        first = torch.full((len(SOURCES),), symbols.eos())
        tensors = beam_search(folded, states, first, settings, attends=True)
        states = [NumpyState(steps.start(output, settings.beam)) for steps, output in zip(folded, encoded)]
        arrays = beam_search([OnNumpy(steps) for steps in folded], states, first.numpy(), settings, attends=True)
    assert len(arrays) == len(tensors) == len(SOURCES)
    has_attention = any(arch == "attention_lstm" for arch, _ in architectures)
    for ours, theirs in zip(arrays, tensors):
        assert [one.tokens.tolist() for one in ours] == [one.tokens.tolist() for one in theirs]
        for one, other in zip(ours, theirs):
            assert isinstance(one.tokens, np.ndarray)
            assert float(one.score) == pytest.approx(float(other.score), abs=1e-4)
            np.testing.assert_allclose(one.positional_scores, other.positional_scores.numpy(), atol=1e-4)
            assert (one.attention is not None) == (other.attention is not None) == has_attention
            if has_attention:
                np.testing.assert_allclose(one.attention, other.attention.numpy(), atol=1e-4)
                np.testing.assert_allclose(one.attention.sum(0), 1, atol=1e-4)


WITHOUT_TORCH = WITHOUT_FAIRSEQ.replace('("fairseq", "fairseq_cli")', '("fairseq", "fairseq_cli", "torch")')
CHAIN = """
import numpy as np
from s2s_plugins.search import SearchSettings, beam_search

END, PAD, UNKNOWN, A, B, C = range(6)
NEXT = np.full((6, 6), -20.0, dtype=np.float32)  # log-probability of the column after the row
NEXT[END, [A, B]] = np.log([0.6, 0.4])
NEXT[A, [END, A, B, C]] = np.log([0.3, 0.1, 0.1, 0.5])
NEXT[B, [END, C]] = np.log([0.9, 0.1])
NEXT[C, [END, C]] = np.log([0.8, 0.2])

class State:
    weights = None
    def reorder(self, rows, sentences):
        return self

class Chain:
    def step(self, tokens, state):
        return NEXT[tokens].copy(), state

settings = SearchSettings(end=END, pad=PAD, unknown=UNKNOWN, beam=3, longest=5, normalize=False)
for one in beam_search([Chain()], [State()], np.array([END]), settings)[0]:
    print(*one.tokens, round(float(np.exp(one.score)), 3))
"""


def test_it_searches_without_torch_and_finds_the_most_probable():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH + CHAIN], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.splitlines() == ["4 0 0.36", "3 5 0 0.24", "3 0 0.18"], done.stderr


@pytest.mark.parametrize(
    "options, message",
    [
        ({"beam": 0}, "beam 0 is too small"),
        ({"temperature": 0.0}, "temperature 0.0 is too small"),
        ({"temperature": float("nan")}, "temperature nan is too small"),
        ({"shortest": -2, "longest": -1}, "longest -1 is too small"),
        ({"shortest": 4, "longest": 3}, "shortest 4 is more than longest 3"),
    ],
)
def test_a_search_that_cannot_be_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        SearchSettings(end=0, pad=1, unknown=2, **options)


class Flat:
    """Every token is as probable as any other."""

    weights = None

    def step(self, tokens, state):
        return np.zeros((len(tokens), 6)), state


def test_more_beams_than_symbols_are_named():
    settings = SearchSettings(end=0, pad=1, unknown=2, beam=5)
    with pytest.raises(ValueError, match="beam 5 is too large for 6 symbols: use 4 or less"):
        beam_search([Flat()], [Flat()], np.array([0]), settings)


def test_no_sentence_has_no_output_and_no_model_is_an_error():
    settings = SearchSettings(end=0, pad=1, unknown=2, beam=2)
    assert beam_search([Flat()], [Flat()], np.array([], dtype=np.int64), settings) == []
    with pytest.raises(ValueError, match="there is no model to search with"):
        beam_search([], [], np.array([0]), settings)
