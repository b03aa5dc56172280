"""Hard attention: what is summed over, and that a monotonic alignment never moves back."""

import itertools

import pytest
import torch
from conftest import batch_of, build_model, dictionary, translation_task

from s2s_plugins.nn.fast.emissions import emissions

SOURCE, TARGET = [3, 1, 4], [1, 5, 9]


@pytest.fixture(params=[False, True], ids=["hard", "monotonic"])
def monotonic(request):
    return request.param


def model_of(monotonic, task, **flags):
    flags = {"attention_alignment": "monotonic" if monotonic else "hard", "attention_timing": "after", **flags}
    model = build_model("attention_lstm", task, **flags)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return model.double()


@pytest.fixture
def task():
    return translation_task(dictionary(), dictionary())


def parts_of(core, encoder_output, prev_output_tokens):
    """Of one sentence: scores (T, S), and log p(token v | read off j) (T, S, V), written as the papers have them."""
    hidden, _ = core.stack(core.embed(prev_output_tokens), core.bridge(encoder_output))
    memory = encoder_output.memory
    keys = core.attention.prepare(memory, encoder_output.padding_mask)
    scores = core.attention.score(hidden, keys.keys, None)[0]
    steps, places = scores.shape
    joined = torch.cat([memory.expand(steps, -1, -1), hidden[0].unsqueeze(1).expand(-1, places, -1)], dim=-1)
    return scores, torch.log_softmax(core.emission(core.readout.projection(joined)), dim=-1)


def test_the_probability_of_a_target_is_the_sum_over_all_alignments(monotonic, task):
    model = model_of(monotonic, task)
    batch = batch_of(task, [SOURCE], [TARGET])
    target = batch["target"][0]
    log_probabilities = model(**batch["net_input"])[0][0].log_softmax(-1)
    computed = log_probabilities.gather(-1, target.unsqueeze(-1)).sum()

    core = model.decoder.core
    encoder_output = model.encoder(batch["net_input"]["src_tokens"])
    scores, emitted = parts_of(core, encoder_output, batch["net_input"]["prev_output_tokens"])
    total = []
    for alignment in itertools.product(range(scores.size(1)), repeat=scores.size(0)):
        log_probability, before = 0.0, 0
        for t, place in enumerate(alignment):
            left = before if monotonic else 0
            if place < left:
                log_probability = -torch.inf
                break
            log_probability = log_probability + scores[t, left:].log_softmax(-1)[place - left]
            log_probability = log_probability + emitted[t, place, target[t]]
            before = place
        total.append(torch.as_tensor(log_probability, dtype=torch.float64))
    torch.testing.assert_close(computed, torch.stack(total).logsumexp(0))


def test_what_goes_out_is_normalised(monotonic, task):
    model = model_of(monotonic, task)
    logits = model(**batch_of(task, [SOURCE, [2]], [TARGET, [7, 8]])["net_input"])[0]
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 4, dtype=torch.float64))


def test_a_monotonic_alignment_moves_on_with_what_was_read(task):
    # a token that only the last source token can have emitted leaves no other place for the next one
    model = model_of(True, task)
    core = model.decoder.core
    batch = batch_of(task, [SOURCE], [TARGET])
    state = core.start(model.encoder(batch["net_input"]["src_tokens"]))
    places = state.aligned.size(1)
    aligned = torch.full((1, places), 0.25, dtype=torch.float64).log()
    emitted = torch.full_like(state.emitted, -50.0)
    emitted[0, -1, 6] = 0.0
    tokens = torch.tensor([6])
    output, _ = core.step(tokens, state._replace(aligned=aligned, emitted=emitted))
    expected = torch.zeros(places, dtype=torch.float64)
    expected[-1] = 1
    torch.testing.assert_close(output.attention[0, 0], expected)


def test_the_longest_sums_stay_numbers(monotonic, task):
    model = model_of(monotonic, task).float().train()
    batch = batch_of(task, [list(range(1, 9)) * 12, [1]], [list(range(1, 9)) * 15, [1]])
    loss = torch.nn.functional.cross_entropy(
        model(**batch["net_input"])[0].flatten(0, 1), batch["target"].flatten(), ignore_index=1
    )
    loss.backward()
    assert torch.isfinite(loss)
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("has_bias", [True, False])
def test_the_hidden_layer_computed_again_has_the_gradients_of_the_one_that_is_kept(has_bias):
    torch.manual_seed(1)
    query, memory, weight = (torch.randn(*shape, dtype=torch.float64) for shape in ((2, 3, 5), (2, 4, 5), (6, 5)))
    bias = torch.randn(6, dtype=torch.float64) if has_bias else None
    dropped = torch.tensor([0.0, 1.25], dtype=torch.float64)[torch.randint(2, (2, 3, 1, 5))]
    inputs = [None if part is None else part.requires_grad_() for part in (query, memory, None, weight, bias)]
    inputs[2] = dropped
    plain = torch.nn.functional.linear(torch.tanh(query.unsqueeze(2) + memory.unsqueeze(1)) * dropped, weight, bias)
    torch.testing.assert_close(emissions(*inputs), plain)
    assert torch.autograd.gradcheck(emissions, inputs)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_reaches_the_readout_in_training_alone(monotonic, training, task):
    model = model_of(monotonic, task, decoder_dropout_out=0.5).train(training)
    logits = [model(**batch_of(task, [SOURCE], [TARGET])["net_input"])[0] for _ in range(2)]
    assert torch.equal(*logits) != training
