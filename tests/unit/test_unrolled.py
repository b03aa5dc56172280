"""The unrolled LSTM computes what PyTorch's own layer does, outputs and gradients."""

import pytest
import torch
from torch import nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.fast.unrolled import UnrolledLSTM
from s2s_plugins.nn.recurrent import RecurrentStack

BATCH, STEPS, HIDDEN = 3, 5, 6


def parts_of(known, constant, fed):
    """Random parts of an input, None where the size is 0, and a first state."""
    torch.manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, dtype=torch.double, requires_grad=True) if all(shape) else None  # noqa: E731
    return (
        draw(BATCH, STEPS, known),
        draw(BATCH, constant),
        draw(BATCH, STEPS, fed),
        draw(BATCH, HIDDEN),
        draw(BATCH, HIDDEN),
    )


def unrolled(rnn, inputs, constant, fed, hidden, cell, steps=STEPS):
    loop = UnrolledLSTM(rnn, STEPS, BATCH, inputs, constant)
    outputs = []
    for index in range(steps):
        hidden, cell = loop.step(index, None if fed is None else fed[:, index], hidden, cell)
        outputs.append(hidden)
    return torch.stack(outputs, 1), cell


def whole(rnn, inputs, constant, fed, hidden, cell, steps=STEPS):
    constant = None if constant is None else constant.unsqueeze(1).expand(-1, STEPS, -1)
    joined = torch.cat([part for part in (inputs, constant, fed) if part is not None], dim=-1)[:, :steps]
    outputs, (_, cell) = rnn(joined, (hidden.unsqueeze(0), cell.unsqueeze(0)))
    return outputs, cell.squeeze(0)


def gradients_of(run, rnn, parts, **options):
    """The results of ``run``, and the gradients of a loss on all of them."""
    leaves = [part for part in parts if part is not None] + list(rnn.parameters())
    for leaf in leaves:
        leaf.grad = None
    outputs, cell = run(rnn, *parts, **options)
    (outputs.sin().sum() + cell.cos().sum()).backward()
    return [outputs.detach(), cell.detach()] + [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("steps", [STEPS, STEPS - 2], ids=["all-steps", "three-steps"])
@pytest.mark.parametrize("known, constant, fed", [(4, 0, 0), (0, 2, 0), (4, 2, 0), (4, 0, 3), (0, 0, 3), (4, 2, 3)])
def test_outputs_and_gradients_are_those_of_the_fused_layer(known, constant, fed, steps):
    rnn = nn.LSTM(known + constant + fed, HIDDEN, batch_first=True).double()
    parts = parts_of(known, constant, fed)
    expected = gradients_of(whole, rnn, parts, steps=steps)
    for found, wanted in zip(gradients_of(unrolled, rnn, parts, steps=steps), expected):
        torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-10)


def test_a_second_backward_pass_is_refused():
    rnn = nn.LSTM(4, HIDDEN, batch_first=True).double()
    outputs, _ = unrolled(rnn, *parts_of(4, 0, 0))
    outputs.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        outputs.sum().backward()


def test_autocast_rounds_products_and_nothing_else():
    rnn = nn.LSTM(4, HIDDEN, batch_first=True)
    parts = [None if part is None else part.detach().float().requires_grad_() for part in parts_of(4, 0, 0)]
    expected = gradients_of(whole, rnn, parts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradients_of(unrolled, rnn, parts)
    for rounded, exact in zip(found, expected):
        assert rounded.dtype == torch.float32
        torch.testing.assert_close(rounded, exact, atol=0.05, rtol=0.05)
    assert not torch.equal(found[0], expected[0])


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_a_stack_in_training_gives_what_it_gives_without_gradients(layers, residual):
    torch.manual_seed(2)
    stack = RecurrentStack(
        cell="lstm", input_size=7, hidden_size=HIDDEN, num_layers=layers, residual=residual and layers > 1
    )
    inputs, constant, fed = torch.randn(BATCH, STEPS, 4), torch.randn(BATCH, 3), torch.randn(BATCH, STEPS, 3)

    def run():
        state = stack.zero_state(inputs)
        same, _ = stack(inputs, state, constant=constant)
        step, outputs = stack.loop(inputs), []
        for t in range(STEPS):
            output, state = step(t, fed[:, t : t + 1], state)
            outputs.append(output)
        return same, torch.cat(outputs, 1), state.hidden, state.cell

    with torch.no_grad():
        expected = run()
    for found, wanted in zip(run(), expected):
        assert found.requires_grad
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)


def test_dropout_zeroes_its_share_keeps_the_mean_and_passes_gradients_where_it_passed_values():
    torch.manual_seed(3)
    values = torch.ones(100_003, requires_grad=True)  # no multiple of the four values that share random bits
    dropped = Dropout(0.3, side="encoder")(values)
    dropped.sum().backward()
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(values.grad, dropped.detach())
    neighbours = (dropped[:-1] == 0) & (dropped[1:] == 0)
    assert neighbours.float().mean().item() == pytest.approx(0.09, abs=0.01)  # independent of each other


def test_dropout_follows_the_seed():
    dropout, values = Dropout(0.5, side="decoder"), torch.ones(1000)
    torch.manual_seed(4)
    first, second = dropout(values), dropout(values)
    torch.manual_seed(4)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [1e-9, 1 - 1e-9])
def test_a_probability_near_its_bounds_gives_finite_values(p):
    assert torch.isfinite(Dropout(p, side="encoder")(torch.ones(1000))).all()
