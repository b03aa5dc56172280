"""Attention: weights are a distribution over real source tokens, and depend on the query."""

import pytest
import torch

from s2s_plugins.nn.attention import ATTENTIONS, AdditiveAttention, ConcatAttention, DotAttention, GeneralAttention

KINDS = list(ATTENTIONS)


def build(kind, coverage=False):
    torch.manual_seed(1)
    sizes = {"attention_dim": 5, "coverage": coverage} if kind in ("additive", "concat") else {}
    attention = ATTENTIONS[kind](6, 6, **sizes)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.mul_(10)  # fresh weights are so small that attention is nearly even
    return attention


def source(lengths=(4, 2), left=True):
    torch.manual_seed(2)
    memory = torch.randn(len(lengths), max(lengths), 6)
    positions = torch.arange(max(lengths))
    lengths = torch.tensor(lengths).unsqueeze(1)
    mask = positions < max(lengths) - lengths if left else positions >= lengths
    return memory, mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left", [False, True])
def test_weights_sum_to_one_and_are_zero_on_padding(kind, left):
    attention = build(kind)
    memory, mask = source(left=left)
    context, weights = attention(torch.randn(2, 3, 6), attention.prepare(memory, mask))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    assert torch.all(weights[mask.unsqueeze(1).expand_as(weights)] == 0)
    torch.testing.assert_close(context, weights @ memory)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_depend_on_the_query(kind):
    # with a linear score the query's term cancels in the softmax: the same weights at every step
    attention = build(kind)
    memory, mask = source()
    _, weights = attention(torch.randn(2, 2, 6) * 5, attention.prepare(memory, mask))
    assert (weights[0, 0] - weights[0, 1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_queries_together_give_what_they_give_one_by_one(kind):
    attention = build(kind)
    keys = attention.prepare(*source())
    query = torch.randn(2, 3, 6)
    together = attention(query, keys)[1]
    one_by_one = torch.cat([attention(part, keys)[1] for part in query.split(1, dim=1)], dim=1)
    torch.testing.assert_close(together, one_by_one)


def assert_same_weights(scores, expected):
    """The same up to what the softmax takes away: a number that is added to all scores of a sentence."""
    torch.testing.assert_close(scores - scores.mean(), expected - expected.mean())


def test_scores_are_those_of_the_papers():
    memory = torch.randn(1, 3, 6)
    query = torch.randn(1, 1, 6)
    q, h = query[0, 0], memory[0]

    dot = DotAttention(6, 6)
    torch.testing.assert_close(dot.score(query, dot.project(memory), None)[0, 0], h @ q)
    general = GeneralAttention(6, 6)
    w = general.memory_projection.weight
    torch.testing.assert_close(general.score(query, general.project(memory), None)[0, 0], (h @ w.t()) @ q)
    concat = ConcatAttention(6, 6, 5)
    w = torch.cat([concat.query_projection.weight, concat.memory_projection.weight], dim=1)
    joined = torch.cat([q.expand(3, 6), h], dim=1)
    expected = torch.tanh(joined @ w.t()) @ concat.score_vector
    assert_same_weights(concat.score(query, concat.project(memory), None)[0, 0], expected)
    additive = AdditiveAttention(6, 6, 5)
    expected = torch.tanh(additive.query_projection(q) + additive.memory_projection(h)) @ additive.score_vector
    assert_same_weights(additive.score(query, additive.project(memory), None)[0, 0], expected)


@pytest.mark.parametrize("kind", ["additive", "concat"])
def test_coverage_moves_attention(kind):
    attention = build(kind, coverage=True)
    memory, mask = source()
    keys = attention.prepare(memory, mask)
    query = torch.randn(2, 1, 6)
    _, fresh = attention(query, keys, torch.zeros(2, 1, 4))
    covered = torch.zeros(2, 1, 4)
    covered[0, 0, 1] = 10.0
    _, moved = attention(query, keys, covered)
    assert (fresh[0] - moved[0]).abs().max() > 1e-3
    torch.testing.assert_close(fresh[1], moved[1])


def test_coverage_that_is_missing_is_an_error():
    attention = build("additive", coverage=True)
    with pytest.raises(ValueError, match="got no coverage"):
        attention(torch.randn(2, 1, 6), attention.prepare(*source()))


def test_a_dot_product_of_unequal_sizes_names_both_and_the_remedy():
    with pytest.raises(ValueError, match="query has 4 and the memory 6: use general"):
        DotAttention(4, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_that_is_not_positive_is_named(kind):
    sizes = {"attention_dim": 5} if kind in ("additive", "concat") else {}
    with pytest.raises(ValueError, match="memory_dim 0 is not positive"):
        ATTENTIONS[kind](6, 0, **sizes)


def test_keys_reorder_as_one():
    attention = build("general")
    keys = attention.prepare(*source())
    reordered = keys.reorder(torch.tensor([1, 1, 0]))
    for part, original in zip(reordered, keys):
        assert torch.equal(part, original[torch.tensor([1, 1, 0])])


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.bfloat16, 0.05)])
def test_gradients_are_those_of_the_written_out_score(queries, dtype, tolerance):
    torch.manual_seed(2)
    attention = build("additive").to(dtype)
    memory, mask = source()
    query, memory = torch.randn(2, queries, 6, dtype=dtype), memory.to(dtype)
    weighting = torch.randn(2, queries, 4, dtype=dtype)
    weighting = weighting - weighting.mean(-1, keepdim=True)  # as behind a softmax, where a constant does not count
    leaves = [query.requires_grad_(), memory.requires_grad_(), *attention.parameters()]
    scores = attention.score(query, attention.project(memory), None)
    found = torch.autograd.grad((scores * weighting).sum(), leaves)
    hidden = torch.tanh(
        attention.query_projection(query).unsqueeze(2) + attention.memory_projection(memory).unsqueeze(1)
    )
    expected = torch.autograd.grad(((hidden @ attention.score_vector) * weighting).sum(), leaves)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def test_training_keeps_no_hidden_layer_of_the_score():
    attention = build("additive")
    memory, mask = source()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor
    ):
        attention(torch.randn(2, 3, 6, requires_grad=True), attention.prepare(memory, mask))
    assert kept and all(len(shape) < 4 for shape in kept)
