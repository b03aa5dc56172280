"""Recurrent stacks: padding is passed over, a step continues a sequence, misuse is named."""

import warnings

import pytest
import torch
from torch import nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentLayer, RecurrentStack, RecurrentState

LENGTHS = [5, 3, 1]


def padded(lengths, size, left):
    """Random inputs (B, T, I) with padding on one side, the mask, and each row's own inputs."""
    torch.manual_seed(0)
    rows = [torch.randn(length, size) for length in lengths]
    inputs = torch.full((len(lengths), max(lengths), size), 7.0)  # what stands at padding must not matter
    mask = torch.ones(len(lengths), max(lengths), dtype=torch.bool)
    for index, row in enumerate(rows):
        where = slice(max(lengths) - len(row), None) if left else slice(0, len(row))
        inputs[index, where], mask[index, where] = row, False
    return inputs, mask, rows


def stack_of(cell, bidirectional=False, num_layers=1, **kwargs):
    torch.manual_seed(1)
    return RecurrentStack(
        cell=cell, input_size=4, hidden_size=6, num_layers=num_layers, bidirectional=bidirectional, **kwargs
    ).eval()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("left", [False, True])
def test_a_padded_batch_gives_what_torch_gives_for_each_row_alone(cell, bidirectional, num_layers, left):
    stack = stack_of(cell, bidirectional, num_layers)
    reference = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](4, 6, num_layers, batch_first=True, bidirectional=bidirectional)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            layer = int(name.split("_l")[1][0])
            parameter.copy_(getattr(stack.layers[layer].rnn, name.replace(f"_l{layer}", "_l0")))
        inputs, mask, rows = padded(LENGTHS, 4, left)
        outputs, state = stack(inputs, stack.zero_state(inputs), mask)
        for index, row in enumerate(rows):
            expected, final = reference(row.unsqueeze(0))
            torch.testing.assert_close(outputs[index][~mask[index]], expected[0], atol=1e-6, rtol=1e-5)
            hidden = final[0] if cell == "lstm" else final
            joined = hidden.view(num_layers, -1, 6).flatten(1)
            torch.testing.assert_close(state.hidden[index], joined, atol=1e-6, rtol=1e-5)
            if cell == "lstm":
                torch.testing.assert_close(
                    state.cell[index], final[1].view(num_layers, -1, 6).flatten(1), atol=1e-6, rtol=1e-5
                )
        assert torch.all(outputs[mask] == 0)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("residual", [False, True])
def test_steps_one_by_one_equal_the_whole_sequence(cell, residual):
    stack = stack_of(cell, num_layers=3, residual=residual)
    inputs = torch.randn(2, 5, 4)
    whole, end = stack(inputs, stack.zero_state(inputs))
    state, outputs = stack.zero_state(inputs), []
    for step in inputs.split(1, dim=1):
        output, state = stack(step, state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, 1), whole, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(state.hidden, end.hidden, atol=1e-6, rtol=1e-5)


def test_a_residual_stack_adds_each_later_layers_input():
    stack = stack_of("lstm", num_layers=2, residual=True)
    inputs = torch.randn(2, 3, 4)
    zeros = stack.zero_state(inputs)
    outputs, _ = stack(inputs, zeros)
    first, _, _ = stack.layers[0](inputs, zeros.hidden[:, 0], zeros.cell[:, 0])
    second, _, _ = stack.layers[1](first, zeros.hidden[:, 1], zeros.cell[:, 1])
    torch.testing.assert_close(outputs, first + second)


def test_a_gru_has_an_empty_cell_and_reorders_all_the_same():
    stack = stack_of("gru")
    state = stack.zero_state(torch.zeros(3, 1))
    assert state.cell.shape == (3, 0, 6)
    assert state.reorder(torch.tensor([2, 2])).cell.shape == (2, 0, 6)


def test_reorder_selects_rows_of_hidden_and_cell():
    state = RecurrentState(torch.arange(6.0).view(3, 1, 2), torch.arange(6.0, 12.0).view(3, 1, 2))
    reordered = state.reorder(torch.tensor([2, 0, 2]))
    assert reordered.hidden[:, 0, 0].tolist() == [4, 0, 4]
    assert reordered.cell[:, 0, 0].tolist() == [10, 6, 10]


def test_dropout_between_layers_is_on_in_training_and_can_be_kept_on_at_inference():
    dropout = Dropout(0.5, side="decoder")
    stack = stack_of("lstm", num_layers=2, dropout=dropout)
    inputs = torch.randn(2, 3, 4)
    run = lambda: stack(inputs, stack.zero_state(inputs))[0]  # noqa: E731
    torch.testing.assert_close(run(), run())
    dropout.make_generation_fast_(retain_dropout=True, retain_dropout_modules=["encoder"])
    torch.testing.assert_close(run(), run())
    dropout.make_generation_fast_(retain_dropout=True, retain_dropout_modules=["decoder"])
    assert not torch.equal(run(), run())


def test_dropout_drops_alike_along_a_dimension():
    x = torch.ones(3, 5, 7, 400, requires_grad=True)
    dropped = Dropout(0.25, side="decoder").train()(x, alike=2)
    dropped.sum().backward()
    assert torch.equal(dropped, dropped[:, :, :1].expand_as(dropped)) and torch.equal(x.grad, dropped)
    values, counts = dropped[:, :, 0].unique(return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0, 1 / 0.75]))
    assert 0.2 < counts[0] / counts.sum() < 0.3 and not torch.equal(dropped[:, 0], dropped[:, 1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"cell": "rnn"}, "'rnn' is unknown: use one of lstm, gru"),
        ({"hidden_size": 0}, "hidden_size 0 is not positive"),
        ({"num_layers": -1}, "num_layers -1 is not positive"),
        ({"residual": True}, "need num_layers 2 or more"),
    ],
)
def test_misuse_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RecurrentStack(**{"cell": "lstm", "input_size": 4, "hidden_size": 6, **arguments})


def test_a_dropout_that_is_no_probability_is_named():
    with pytest.raises(ValueError, match="dropout 1.5 is not a probability"):
        Dropout(1.5, side="encoder")


def test_cudnns_remark_on_joined_weights_is_kept_from_the_user_and_no_other(monkeypatch):
    """A CPU has no cuDNN: its remark, which it makes at every call on a GPU, is made here in its place."""
    layer, lstm = RecurrentLayer("lstm", 4, 6), torch.lstm

    def remarks(text):
        def remarking(*arguments):
            warnings.warn(text, UserWarning, stacklevel=2)
            return lstm(*arguments)

        monkeypatch.setattr(torch, "lstm", remarking)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            layer(torch.randn(2, 3, 4), torch.zeros(2, 6), torch.zeros(2, 6), torch.zeros(2, 3, dtype=torch.bool))
        return len(seen)

    assert remarks("RNN module weights are not part of single contiguous chunk of memory.") == 0
    assert remarks("something else") == 1
