"""Recurrent layers over whole sequences, as ONNX's own LSTM and GRU, which know the length of each row.

Shape letters: N sentences, S steps, I input size, H hidden size, D directions, L layers.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.nn.recurrent import RecurrentLayer, RecurrentStack

ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}  # PyTorch's gates in ONNX's order


class States(NamedTuple):
    """State of a stack, layer by layer.

    Attributes:
        hidden: (N, D*H) each.
        cell: (N, D*H) each; empty for a GRU.
    """

    hidden: List[Value]
    cell: List[Value]


class Lengths(NamedTuple):
    """Of the rows of a batch that is padded on the right.

    Attributes:
        steps: (N,), int32, at least 1.
        empty: (N, 1), True for a row of padding alone; None if there is no such row.
    """

    steps: Value
    empty: Optional[Value] = None


def run_stack(
    builder: Builder,
    stack: RecurrentStack,
    inputs: Value,
    lengths: Lengths,
    first: Optional[States] = None,
    backward: bool = False,
) -> Tuple[Value, States]:
    """Run over whole sequences.

    Args:
        builder: of the graph.
        stack: the layers.
        inputs: (S, N, I), padded on the right.
        lengths: of the rows.
        first: state before the first step; by default zeros.
        backward: a stack of one direction reads from each row's end.

    Returns:
        Outputs (S, N, D*H), 0 at padding, and the state after each row's last step.
    """
    last = States([], [])
    x = inputs
    for index, layer in enumerate(stack.recurrent_layers):
        before: Optional[Tuple[Value, ...]] = None
        if stack.inner_handover and index > 0:
            before = tuple(states[-1] for states in last if states)
        elif first is not None:
            before = tuple(states[index] for states in first if states)
        outputs, after = _run_layer(builder, layer, x, lengths, before, backward)
        if lengths.empty is not None and before is not None:
            after = tuple(builder.where(lengths.empty, old, new) for old, new in zip(before, after))
        for states, state in zip(last, after):
            states.append(state)
        x = outputs + x if stack.residual and index > 0 else outputs
    return x, last


def _run_layer(
    builder: Builder,
    layer: RecurrentLayer,
    inputs: Value,
    lengths: Lengths,
    before: Optional[Tuple[Value, ...]],
    backward: bool,
) -> Tuple[Value, Tuple[Value, ...]]:
    """Outputs (S, N, D*H), and the final hidden state and cell, (N, D*H) each."""
    states: Sequence[Optional[Value]] = [_by_direction(state, layer) for state in before or ()]
    outputs, *after = builder.add_several(
        3 if layer.cell == "lstm" else 2,
        layer.cell.upper(),
        inputs,
        _weights(builder, layer, ["weight_ih_l0"]),
        _weights(builder, layer, ["weight_hh_l0"]),
        _weights(builder, layer, ["bias_ih_l0", "bias_hh_l0"]),
        lengths.steps,
        *states,
        hidden_size=layer.hidden_size,
        direction="bidirectional" if layer.bidirectional else "reverse" if backward else "forward",
        **({} if layer.cell == "lstm" else {"linear_before_reset": 1}),
    )
    if layer.directions == 1:
        return outputs.squeeze(1), tuple(state.squeeze(0) for state in after)
    joined = outputs.transpose(0, 2, 1, 3).reshape(0, 0, 2 * layer.hidden_size)  # from S D N H
    return joined, tuple(state.transpose(1, 0, 2).reshape(0, 2 * layer.hidden_size) for state in after)


def _by_direction(state: Value, layer: RecurrentLayer) -> Value:
    """(N, D*H) -> (D, N, H)."""
    if layer.directions == 1:
        return state.unsqueeze(0)
    return state.reshape(0, layer.directions, layer.hidden_size).transpose(1, 0, 2)


def _weights(builder: Builder, layer: RecurrentLayer, names: Sequence[str]) -> Value:
    """The weights of these names, joined along the gates, in ONNX's order: (D, gates * H, ...)."""
    directions = []
    for suffix in ("", "_reverse")[: layer.directions]:
        parts = []
        for name in names:
            gates = [layer.hidden_size] * len(ORDER[layer.cell])
            split = builder.weight(layer.rnn.get_parameter(name + suffix)).split(gates, 0)
            parts += [split[place] for place in ORDER[layer.cell]]
        directions.append(builder.concat(parts, 0).unsqueeze(0))
    return builder.concat(directions, 0)


def step_layer(builder: Builder, layer: RecurrentLayer, gates: Value, before: Tuple[Value, ...]) -> Tuple[Value, ...]:
    """One step.

    Args:
        builder: of the graph.
        layer: of one direction.
        gates: (..., 4H), of a GRU (..., 3H): what the input adds to the gates, biases included; of a GRU not those of
            the recurrent product.
        before: hidden state and, of an LSTM, cell, (..., H) each.

    Returns:
        The same after the step.
    """
    size = layer.hidden_size
    product = before[0] @ builder.transposed(layer.rnn.get_parameter("weight_hh_l0"))
    if layer.cell == "lstm":
        enter, keep, new, out = (gates + product).split([size] * 4, -1)
        cell = keep.sigmoid() * before[1] + enter.sigmoid() * new.tanh()
        return out.sigmoid() * cell.tanh(), cell
    recurrent = product + builder.weight(layer.rnn.get_parameter("bias_hh_l0"))
    from_hidden, hidden_part = recurrent.split([2 * size, size], -1)
    from_input, new_part = gates.split([2 * size, size], -1)
    reset, update = (from_input + from_hidden).sigmoid().split([size, size], -1)
    new = (new_part + reset * hidden_part).tanh()
    return (new + update * (before[0] - new),)


def input_bias(builder: Builder, layer: RecurrentLayer) -> Value:
    """The biases that :func:`step_layer` wants in its gates: all of an LSTM's, of a GRU those of the input."""
    bias = builder.weight(layer.rnn.get_parameter("bias_ih_l0"))
    return bias + builder.weight(layer.rnn.get_parameter("bias_hh_l0")) if layer.cell == "lstm" else bias
