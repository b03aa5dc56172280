"""Adam's step in one pass: the same weights and the same state as fairseq's own step."""

import copy
import inspect

import pytest
import torch
from fairseq.optim.adam import Adam

FAIRSEQS_STEP = inspect.unwrap(Adam.step)


def weights_and_groups(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    weights = [torch.nn.Parameter(torch.randn(*size, generator=generator).to(dtype)) for size in ((5, 3), (4,), (2, 6))]
    return weights, [{"params": weights[:2]}, {"params": weights[2:], "lr": 0.05, "weight_decay": 0.3}]


def set_gradients(weights, number):
    generator = torch.Generator().manual_seed(number)
    for index, weight in enumerate(weights):
        # (3, 5) transposed: as large as the weight, in another order in memory
        gradient = torch.randn(*weight.shape[::-1], generator=generator).permute(*range(weight.dim())[::-1])
        weight.grad = None if index == 1 and number < 4 else gradient.to(weight.dtype)  # frozen for three steps


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_a_step_in_one_pass_gives_fairseqs_weights_and_state(dtype, eps):
    results = []
    for step in (FAIRSEQS_STEP, Adam.step):
        weights, groups = weights_and_groups(dtype)
        optimizer = Adam(groups, lr=0.1, betas=(0.9, 0.98), eps=eps, weight_decay=0.1)
        for number in range(1, 9):
            set_gradients(weights, number)
            step(optimizer)
        results.append((weights, optimizer.state_dict()))
    (expected, expected_state), (weights, state) = results
    for weight, wanted in zip(weights, expected):
        torch.testing.assert_close(weight, wanted, rtol=1e-5, atol=1e-6)
    assert {index: own["step"] for index, own in state["state"].items()} == {0: 8, 1: 5, 2: 8}
    assert state["param_groups"] == expected_state["param_groups"]
    for index, wanted in expected_state["state"].items():
        own = state["state"][index]
        assert list(own) == list(wanted) and type(own["step"]) is type(wanted["step"])
        torch.testing.assert_close(own["exp_avg"], wanted["exp_avg"])
        torch.testing.assert_close(own["exp_avg_sq"], wanted["exp_avg_sq"])


@pytest.mark.parametrize("first, second", [(FAIRSEQS_STEP, Adam.step), (Adam.step, FAIRSEQS_STEP)])
def test_a_training_goes_on_with_the_other_step(first, second):
    ends = []
    for then in (first, second):
        weights, groups = weights_and_groups()
        optimizer = Adam(groups, lr=0.1)
        set_gradients(weights, 7)
        first(optimizer)
        resumed = Adam(groups, lr=0.1)
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        set_gradients(weights, 8)
        then(resumed)
        ends.append(weights)
    for one, other in zip(*ends):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["transposed weights", "amsgrad"])
def test_what_the_fused_step_cannot_do_is_left_to_fairseqs(case):
    """It reads weights in the order of memory, and fairseq keeps amsgrad's maximum in another way."""
    ends = []
    for step in (FAIRSEQS_STEP, Adam.step):
        weights, groups = weights_and_groups()
        if case == "transposed weights":
            weights[0].data = weights[0].data.t().contiguous().t()
        optimizer = Adam(groups, lr=0.1, amsgrad=case == "amsgrad")
        for number in (5, 6, 7):
            set_gradients(weights, number)
            weights[0].grad = weights[0].grad.contiguous()
            step(optimizer)
        ends.append(weights)
    for one, other in zip(*ends):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_each_weight_is_updated_by_one_operation():
    weights, groups = weights_and_groups()
    optimizer = Adam(groups, lr=0.1)
    set_gradients(weights, 7)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        optimizer.step()
    names = {event.key for event in profile.key_averages()}
    assert "aten::_fused_adamw_" in names and "aten::addcdiv_" not in names
