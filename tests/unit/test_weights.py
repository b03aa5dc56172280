"""Smaller weights for decoding stay close to the full ones, and a machine without the instructions says so."""

import logging

import pytest
import torch
from conftest import ARCHITECTURES, batch_of, build_model, dictionary, needs_8_bit_products, translation_task
from fairseq.dataclass.configs import FairseqConfig, GenerationConfig

from s2s_plugins.models.adapters import Autocast
from s2s_plugins.nn.fast.weights import KINDS, Int8Weight

# bf16 is slow where the CPU has no instructions for it, but right
every_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs_8_bit_products) if kind == "int8" else kind for kind in KINDS]
)
TOLERANCE = {"full": 1e-5, "bf16": 0.01, "int8": 0.02}


@every_kind
def test_a_product_is_the_full_one_up_to_rounding(kind):
    torch.manual_seed(0)
    matrix, x, total = torch.randn(7, 33), torch.tanh(torch.randn(5, 33)), torch.randn(5, 7)
    expected = x @ matrix.t()
    weight = KINDS[kind](matrix)
    error = (weight(x) - expected).abs().mean() / expected.abs().mean()
    assert error < TOLERANCE[kind]
    added = total.clone()
    weight.add_to(added, x)
    torch.testing.assert_close(added, total + weight(x))
    assert weight(x.view(1, 5, 33)).shape == (1, 5, 7)


@needs_8_bit_products
def test_a_row_of_zeros_and_a_large_row_keep_their_own_scale():
    matrix = torch.stack([torch.zeros(8), torch.full((8,), 1000.0), torch.full((8,), 0.001)])
    product = Int8Weight(matrix)(torch.ones(1, 8))
    torch.testing.assert_close(product, torch.tensor([[0.0, 8000.0, 0.008]]), rtol=0.02, atol=1e-6)


def model_with(decoding_weights):
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task, decoding_weights=decoding_weights)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
    model.prepare_for_inference_(FairseqConfig())
    return task, model


@needs_8_bit_products
def test_decoding_with_8_bit_weights_scores_a_little_differently():
    scores = {}
    for kind in ("full", "int8"):
        task, model = model_with(kind)
        generator = task.build_generator([model], GenerationConfig(beam=3, max_len_b=8))
        hypotheses = task.inference_step(generator, [model], batch_of(task, [[1, 2, 3], [4]]))
        scores[kind] = torch.stack([best["score"] for best, *_ in hypotheses])
    assert not torch.equal(scores["full"], scores["int8"])
    torch.testing.assert_close(scores["full"], scores["int8"], atol=0.1, rtol=0.1)


@pytest.mark.parametrize("kind", ["bf16", "int8"])
def test_a_machine_without_the_instructions_decodes_in_full_and_says_so(kind, monkeypatch, caplog):
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: False))
    monkeypatch.setattr(Int8Weight, "supported", staticmethod(lambda device: False))
    _, model = model_with(kind)
    with caplog.at_level(logging.WARNING):
        folded = model.decoder.folded()
        assert folded is model.decoder.folded()
    assert type(folded.products[0]) is KINDS["full"]
    assert caplog.text.count(f"--decoding-weights {kind} is left off") == 1


def test_autocast_decodes_with_bf16_weights_where_the_machine_can(monkeypatch):
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task, autocast="bf16")
    model.prepare_for_inference_(FairseqConfig())
    assert type(model.decoder.folded().products[0]) is KINDS["bf16"]


@pytest.mark.parametrize(
    "arch, flags",
    [
        *((arch, {}) for arch in ARCHITECTURES),
        ("attention_lstm", {"attention_timing": "after", "attention_alignment": "monotonic"}),
    ],
)
def test_a_model_with_autocast_is_searched_to_nearly_the_same_score(arch, flags, monkeypatch):
    # the encoder leaves bfloat16 there, the weights of a step do not
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    task = translation_task(dictionary(), dictionary())
    scores = []
    for kind in ("none", "bf16"):
        model = build_model(arch, task, autocast=kind, decoding_weights="full", **flags)
        model.prepare_for_inference_(FairseqConfig())
        generator = task.build_generator([model], GenerationConfig(beam=2, max_len_b=6))
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
            found = generator.generate([model], batch_of(task, [[1, 2, 3], [4]]))
        scores.append(torch.stack([hypotheses[0]["score"] for hypotheses in found]))
    torch.testing.assert_close(scores[1], scores[0], atol=0.02, rtol=0)
