"""Sampled softmax: what is drawn, how it is corrected, and that it trains what a full softmax does."""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from conftest import ARCHITECTURES, batch_of, build_model, dictionary, digit_pairs, preprocess, translation_task
from test_learning import exact_match

from s2s_plugins.criterions.sampled_softmax import SampledSoftmaxCriterion
from s2s_plugins.nn.sampled import LogUniformSampler, sampled_cross_entropy

SOURCES = [[1, 2, 3, 4, 5], [6, 7], [8]]
TARGETS = [[5, 4, 3], [7, 6, 1, 2], [8]]


def layer_and_tokens(vocabulary=60, tokens=12, size=7, dtype=torch.double):
    """Features, weight, bias and targets, frequent words more often."""
    torch.manual_seed(0)
    features, weight = torch.randn(tokens, size, dtype=dtype), torch.randn(vocabulary, size, dtype=dtype)
    target = (torch.rand(tokens) ** 2 * vocabulary).long()
    return features, weight, torch.randn(vocabulary, dtype=dtype), target


def gradients(loss, *leaves):
    return torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("samples", [60, 1000])
def test_with_all_classes_loss_and_gradients_are_the_full_cross_entropys(samples):
    features, weight, bias, target = [x.requires_grad_(x.is_floating_point()) for x in layer_and_tokens()]
    found = sampled_cross_entropy(features, weight, bias, target, LogUniformSampler(60, samples))
    expected = F.cross_entropy(F.linear(features, weight, bias), target, reduction="none")
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
    leaves = (features, weight, bias)
    for own, full in zip(gradients(found.sum(), *leaves), gradients(expected.sum(), *leaves)):
        torch.testing.assert_close(own, full, atol=1e-5, rtol=1e-5)
    without_bias = sampled_cross_entropy(features, weight, None, target, LogUniformSampler(60, samples))
    expected = F.cross_entropy(features @ weight.t(), target, reduction="none")
    torch.testing.assert_close(without_bias.double(), expected, atol=1e-5, rtol=1e-5)


class Uncorrected(LogUniformSampler):
    def log_expected_counts(self, classes):
        return torch.zeros(classes.shape)


@pytest.mark.parametrize("samples", [5, 15, 30])
def test_the_true_distribution_is_where_the_loss_is_lowest(samples):
    # with targets drawn from P and logits log P, the gradient is 0 on average: thanks to the correction
    torch.manual_seed(0)
    truth = (1.5 * torch.randn(60)).softmax(0)
    nothing, bias = torch.zeros(60, 1), truth.log().requires_grad_()

    def slope(sampler):
        total = 0
        for _ in range(1000):
            losses = sampled_cross_entropy(nothing, nothing, bias, torch.arange(60), sampler)
            total = total + gradients((truth * losses).sum(), bias)[0]
        return float((total / 1000).abs().sum())

    assert slope(LogUniformSampler(60, samples)) < 0.1
    assert slope(Uncorrected(60, samples)) > 0.25


def test_with_more_classes_the_average_gradient_comes_nearer_to_the_full_one():
    features, weight, bias, target = [x.requires_grad_(x.is_floating_point()) for x in layer_and_tokens()]
    full = F.cross_entropy(F.linear(features, weight, bias), target, reduction="sum")
    (expected,) = gradients(full, features)
    distances = []
    for samples in (10, 35, 57):
        sampler, total = LogUniformSampler(60, samples), 0
        for _ in range(400):
            loss = sampled_cross_entropy(features, weight, bias, target, sampler).sum()
            total = total + gradients(loss, features)[0]
        distances.append(float((total / 400 - expected).norm() / expected.norm()))
    assert distances[0] > 1.5 * distances[1] > 3 * distances[2] and distances[2] < 0.1


def test_the_target_counts_once_and_every_logit_loses_its_expected_count():
    features, weight, bias, target = layer_and_tokens()
    sampler = LogUniformSampler(60, 15)
    torch.manual_seed(3)
    sampled = sampler.draw(torch.device("cpu"))
    torch.manual_seed(3)
    found = sampled_cross_entropy(features, weight, bias, target, sampler)
    logits = F.linear(features, weight, bias) - sampler.log_expected_counts(torch.arange(60))
    hits = 0
    for index, own in enumerate(target.tolist()):
        classes = sorted({own, *sampled.tolist()})
        hits += own in sampled.tolist()
        expected = logits[index, classes].logsumexp(0) - logits[index, own]
        assert float(found[index]) == pytest.approx(float(expected), abs=1e-5)
    assert 0 < hits < len(target)


def test_a_sample_of_one_that_is_the_target_teaches_nothing():
    features, weight, bias, target = [x.requires_grad_(x.is_floating_point()) for x in layer_and_tokens(2, 1)]
    sampler = LogUniformSampler(2, 1)
    for seed in range(20):
        torch.manual_seed(seed)
        loss = sampled_cross_entropy(features, weight, bias, target, sampler).sum()
        assert all(torch.isfinite(gradient).all() for gradient in gradients(loss, features, weight, bias))


@pytest.mark.parametrize("vocabulary, samples", [(50, 10), (50, 45), (50, 49), (300, 20)])
def test_classes_are_drawn_as_often_as_the_correction_says(vocabulary, samples):
    torch.manual_seed(0)
    sampler, counts = LogUniformSampler(vocabulary, samples), torch.zeros(vocabulary)
    for _ in range(4000):
        classes = sampler.draw(torch.device("cpu"))
        assert len(set(classes.tolist())) == samples
        counts[classes] += 1
    expected = sampler.log_expected_counts(torch.arange(vocabulary)).exp()
    assert float(expected.sum()) == pytest.approx(samples, rel=1e-3)
    torch.testing.assert_close(counts / 4000, expected, atol=0.045, rtol=0)
    assert counts[0] > counts[vocabulary // 2] > counts[-1] > 0


def test_one_draw_follows_zipf():
    sampler = LogUniformSampler(50_000, 1000)
    probabilities = sampler.probabilities(torch.arange(50_000).double())
    assert float(probabilities.sum()) == pytest.approx(1)
    assert float(probabilities[9]) == pytest.approx(math.log(11 / 10) / math.log(50_001))
    with pytest.raises(ValueError, match="0 samples of 5 classes"):
        LogUniformSampler(5, 0)


def criterion_of(task, samples, sentence_avg=False):
    return SampledSoftmaxCriterion(task, samples, sentence_avg)


# basic_lstm has no target embedding to share
OUTPUTS = [(arch, shared) for arch in ARCHITECTURES for shared in (False, True) if not shared or arch != "basic_lstm"]


@pytest.mark.parametrize(("arch", "shared"), OUTPUTS)
def test_the_criterion_trains_what_cross_entropy_does_when_it_samples_all(arch, shared):
    from fairseq.criterions.cross_entropy import CrossEntropyCriterion

    task = translation_task(dictionary(), dictionary())
    model = build_model(arch, task, **({"share_decoder_input_output_embed": True} if shared else {})).train()
    batch = batch_of(task, SOURCES, TARGETS)
    found = []
    for criterion in (criterion_of(task, 1000), CrossEntropyCriterion(task, False)):
        model.zero_grad()
        loss, size, _ = criterion(model, batch)
        loss.backward()
        found.append((loss, size, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_evaluation_is_the_full_cross_entropy_whatever_is_sampled():
    from fairseq.criterions.cross_entropy import CrossEntropyCriterion

    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task)
    batch = batch_of(task, SOURCES, TARGETS)
    with torch.no_grad():
        (found, _, logged), (expected, _, _) = (
            criterion(model, batch) for criterion in (criterion_of(task, 3), CrossEntropyCriterion(task, False))
        )
        each, _, _ = criterion_of(task, 3)(model, batch, reduce=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert logged["nll_loss"] == found and each.shape == (11,) and float(each.sum()) == pytest.approx(float(found))
    model.train()
    torch.manual_seed(0)
    loss, size, logged = criterion_of(task, 3, sentence_avg=True)(model, batch)
    assert loss < expected and size == 3 and "nll_loss" not in logged


def test_reversal_is_learnt_with_half_of_the_classes(commands, tmp_path):
    pairs = digit_pairs(3200, 7, shortest=1, longest=5)
    train, seen = pairs[:3000], set(pairs[:3000])
    test = [pair for pair in pairs[3000:] if pair not in seen]
    data = preprocess(commands, tmp_path, train, test[:20], test)
    size = ("--encoder-bidirectional", "--encoder-embed-dim", 32, "--encoder-hidden-size", 32)
    size += ("--decoder-embed-dim", 32, "--decoder-hidden-size", 64, "--dropout", 0)
    flags = ("--max-update", 600, "--batch-size", 50, "--max-tokens", 4000, "--clip-norm", 1)
    flags += ("--lr-scheduler", "polynomial_decay", "--total-num-update", 600)
    criterion = ("--criterion", "sampled_softmax", "--sampled-classes", 8)  # of 16 symbols
    trained = commands.train(data, "attention_lstm", tmp_path / "ck", *size, *flags, *criterion)
    result = commands.generate(data, "--path", tmp_path / "ck" / "checkpoint_last.pt")
    print(f"exact match {exact_match(result):.3f} of {len(test)}")
    assert len(test) > 50 and exact_match(result) >= 0.95
    pattern = r"\| valid \|.* loss ([\d.]+) \| nll_loss ([\d.]+) \| ppl ([\d.]+)"
    loss, nll, perplexity = re.findall(pattern, trained.out)[-1]
    assert loss == nll and float(perplexity) == pytest.approx(2 ** float(nll), abs=0.01)
