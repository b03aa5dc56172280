"""The transducer: what is summed over, and what it can do."""

import pytest
import torch
from conftest import batch_of, build_model, dictionary, translation_task
from copy_learning import copied_of_unseen

from s2s_plugins.errors import UsageError

SOURCE, TARGET = [3, 1, 4], [1, 5, 4, 4]


def model_of(task, **flags):
    model = build_model("transducer_lstm", task, **flags)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return model.double()


@pytest.fixture
def task():
    return translation_task(dictionary(), dictionary())


def probability_of(target, places, edits, written, copied):
    """The probability of ``target`` by trying all edits, one after the other: edits (T, S, 4), written (T, S, V)."""

    def rest(t, place):
        if t == len(target):
            return 1.0
        insert, substitute, copy, delete = edits[t, place]
        total = insert * written[t, place, target[t]] * rest(t + 1, place)
        if place + 1 < places:
            here = substitute * written[t, place, target[t]] + (copy if copied[place] == target[t] else 0)
            total = total + here * rest(t + 1, place + 1) + delete * rest(t, place + 1)
        return total

    return rest(0, 0)


def test_the_probability_of_a_target_is_the_sum_over_all_edits(task):
    model = model_of(task)
    batch = batch_of(task, [SOURCE], [TARGET])
    net_input, target = batch["net_input"], batch["target"][0]
    computed = model(**net_input)[0][0].log_softmax(-1).gather(-1, target.unsqueeze(-1)).sum().exp()
    core = model.decoder.core
    encoded = model.encoder(net_input["src_tokens"])
    hidden, _ = core.stack(core.embed(net_input["prev_output_tokens"]), core.bridge(encoded))
    steps, places = hidden.size(1), encoded.memory.size(1)
    joined = torch.cat([encoded.memory.expand(steps, -1, -1), hidden[0].unsqueeze(1).expand(-1, places, -1)], dim=-1)
    seen = core.readout.projection(joined)
    edits = core.edits(seen)
    edits[:, -1, 1:] = -torch.inf  # behind the last source token there is nothing to edit
    found = probability_of(target, places, edits.softmax(-1), core.emission(seen).softmax(-1), [7, 5, 8, 2])
    torch.testing.assert_close(computed, found)


def test_what_goes_out_is_normalised(task):
    net_input = batch_of(task, [SOURCE, [7]], [TARGET, [2]])["net_input"]
    log_probabilities, extra = model_of(task)(**net_input)
    ones = torch.ones(2, 5, dtype=torch.float64)
    torch.testing.assert_close(log_probabilities.exp().sum(-1), ones)
    torch.testing.assert_close(extra["attn"][0].sum(-1), ones)


def test_copying_is_learned_for_symbols_that_training_never_had():
    assert copied_of_unseen("transducer_lstm", 60) > 0.9


def test_an_adaptive_softmax_is_refused(task):
    with pytest.raises(UsageError, match="--adaptive-softmax-cutoff"):
        build_model("transducer_lstm", task, adaptive_softmax_cutoff="4,6")
