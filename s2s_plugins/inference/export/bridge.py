"""The decoder's first state, from the encoder's last.

Shape letters: N sentences, L encoder layers, H decoder hidden size, M memory size.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Callable, Dict

from torch import nn

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.export.recurrent import States
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.nn import bridge as bridges


@singledispatch
def first_states(bridge: nn.Module, builder: Builder, encoded: States, batch: Value) -> States:
    """The decoder's first states, from the encoder's last ones, of N = ``batch`` (1,) sentences.

    Raises:
        UsageError: there is no graph of this bridge.
    """
    raise UsageError(f"there is no ONNX graph of {type(bridge).__name__} yet: add it to {__name__}")


@first_states.register
def _(bridge: bridges.ZeroBridge, builder: Builder, encoded: States, batch: Value) -> States:
    zeros = builder.zeros(batch, bridge.hidden_size)
    return States([zeros] * bridge.num_layers, [zeros] * bridge.num_cells)


@first_states.register
def _(bridge: bridges.CopyBridge, builder: Builder, encoded: States, batch: Value) -> States:
    return encoded


@first_states.register
def _(bridge: bridges.DenseBridge, builder: Builder, encoded: States, batch: Value) -> States:
    source = SOURCES[bridge.source](builder, encoded, bridge.projection.in_features)
    state = builder.linear(source, bridge.projection)
    if bridge.activation != "none":
        state = builder.add({"tanh": "Tanh", "relu": "Relu"}[bridge.activation], state)
    parts = state.split([bridge.hidden_size] * (bridge.num_layers + bridge.num_cells), 1)
    return States(parts[: bridge.num_layers], parts[bridge.num_layers :])


def _first_backward(builder: Builder, encoded: States, size: int) -> Value:
    return encoded.hidden[-1].split([size, size], 1)[1]


SOURCES: Dict[Callable[..., object], Callable[[Builder, States, int], Value]] = {
    bridges.context: lambda builder, encoded, size: encoded.hidden[-1],
    bridges.first_backward: _first_backward,
    bridges.all_layers: lambda builder, encoded, size: builder.concat([*encoded.hidden, *encoded.cell], 1),
}
