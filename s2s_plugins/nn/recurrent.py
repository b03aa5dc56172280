"""Stacks of LSTM or GRU layers over a padded batch, and the state they hand on.

Shape letters: B sentences, T time steps, I input size, H hidden size, D directions (1 or 2), L layers.
"""

from __future__ import annotations

import warnings
from typing import Any, Callable, List, NamedTuple, Optional, Tuple, TypeVar, cast

import torch
from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.fast.unrolled import UnrolledLSTM

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}

# Added to a gate's input at padding: sigmoid(+-1e4) is exactly 1 or 0 in every float type.
_CLOSE, _OPEN = -1e4, 1e4
_UNROLL_FROM = 2**17  # values of a step's hidden states


State = TypeVar("State")


def reorder(state: State, new_order: Tensor) -> State:
    """Select the batch rows ``new_order`` (N) of every tensor in a nested NamedTuple of (B, ...) tensors."""
    return cast(State, _reordered(state, new_order))


def _reordered(state: Any, new_order: Tensor) -> Any:
    if isinstance(state, Tensor):
        return state.index_select(0, new_order)
    return type(state)(*(_reordered(part, new_order) for part in state))


class RecurrentState(NamedTuple):
    """State of a stack between two steps.

    Attributes:
        hidden: (B, L, D*H), forward and backward directions joined.
        cell: (B, L, D*H) for an LSTM; (B, 0, D*H) for a GRU, which has none.
    """

    hidden: Tensor
    cell: Tensor

    def reorder(self, new_order: Tensor) -> "RecurrentState":
        return reorder(self, new_order)


class RecurrentLayer(nn.Module):
    """One LSTM or GRU layer, in one or both directions, that passes over padding as if it were not there.

    Packed sequences skip padding too, but they need the lengths on the CPU, sorted, and take the slow
    path on a CPU. Here every batch is one dense fused call: the layer's input has one more feature, 1
    at padding and 0 elsewhere, whose fixed weight closes the input gate and opens the forget gate
    (GRU: opens the update gate). The cell goes through padding unchanged, and starting from zeros it
    stays zero. So padding may stand on either side, and both directions are right.

    Args:
        cell: ``"lstm"`` (Hochreiter and Schmidhuber 1997) or ``"gru"`` (Cho et al. 2014, arXiv:1406.1078).
        input_size: I.
        hidden_size: H.
        bidirectional: read both ways (Schuster and Paliwal 1997).
    """

    padding_gates: Tensor

    def __init__(self, cell: str, input_size: int, hidden_size: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.rnn: nn.RNNBase = CELLS[cell](input_size, hidden_size, batch_first=True, bidirectional=bidirectional)
        gates = torch.zeros(self.rnn.weight_ih_l0.size(0), 1)
        if cell == "lstm":  # rows: input, forget, cell, output
            gates[:hidden_size] = _CLOSE
            gates[hidden_size : 2 * hidden_size] = _OPEN
        else:  # rows: reset, update, new
            gates[hidden_size : 2 * hidden_size] = _OPEN
        self.register_buffer("padding_gates", gates, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights uniform in +-0.1, biases 0, an LSTM's forget gate 1 (Jozefowicz et al. 2015, section 2.2)."""
        for name, parameter in self.rnn.named_parameters():
            if "weight" in name:
                nn.init.uniform_(parameter, -0.1, 0.1)
            else:
                nn.init.zeros_(parameter)
                if self.cell == "lstm" and "bias_ih" in name:
                    with torch.no_grad():
                        parameter[self.hidden_size : 2 * self.hidden_size] = 1.0

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def unrolls(self, steps: int, device: torch.device) -> bool:
        """Whether :class:`UnrolledLSTM` takes this layer's loops and constant inputs: it trains on CPUs."""
        return self.cell == "lstm" and steps > 1 and device.type == "cpu" and torch.is_grad_enabled()

    def forward_with_constant(
        self, inputs: Optional[Tensor], constant: Tensor, steps: int, hidden: Tensor, cell: Optional[Tensor]
    ) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
        """As :meth:`forward` over ``[inputs ; constant]``, where ``constant`` (B, C) is the same at every step.

        Args:
            inputs: (B, T, I - C), or None if C is I.
            steps: T.
        """
        # the fused call multiplies the constant at every step: as fast up to this size, and several times below it
        large = constant.size(0) * self.hidden_size >= _UNROLL_FROM
        if not (large and self.unrolls(steps, constant.device)):
            constant = constant.unsqueeze(1).expand(-1, steps, -1)
            joined = constant if inputs is None else torch.cat([inputs, constant.to(inputs.dtype)], dim=-1)
            return self.forward(joined, hidden, cell)
        assert cell is not None, "an LSTM has cells"
        loop = UnrolledLSTM(self.rnn, steps, constant.size(0), inputs, constant)
        outputs = []
        for index in range(steps):
            hidden, cell = loop.step(index, None, hidden, cell)
            outputs.append(hidden)
        return torch.stack(outputs, 1), hidden, cell

    def forward(
        self,
        inputs: Tensor,
        hidden: Tensor,
        cell: Optional[Tensor],
        padding_mask: Optional[Tensor] = None,
        from_zero: bool = True,
    ) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
        """Run over a whole sequence.

        Args:
            inputs: (B, T, I).
            hidden: (B, D*H), state before the first step.
            cell: (B, D*H) for an LSTM, None for a GRU.
            padding_mask: (B, T), True at padding; None if there is none.
            from_zero: the state before the first step is zeros, which with a mask is faster.

        Returns:
            Outputs (B, T, D*H), 0 at padding; hidden (B, D*H) and cell (B, D*H) after each row's last real step.
        """
        first = hidden
        hidden = self._split(hidden)
        state: Any = hidden if cell is None else (hidden, self._split(cell))
        if padding_mask is None:
            outputs, state = self.rnn(inputs, state)
            hidden, cell = (state, None) if cell is None else state
            return outputs, self._join(hidden), None if cell is None else self._join(cell)
        padding = padding_mask.unsqueeze(-1)
        inputs = torch.cat([inputs, padding.to(inputs.dtype)], dim=-1)
        enters = not from_zero and cell is not None
        if enters:
            inputs = torch.cat([inputs, *self._entering(first.to(inputs.dtype), padding_mask)], dim=-1)
            state = (torch.zeros_like(hidden), state[1])
        run: Any = torch.gru if cell is None else torch.lstm
        with warnings.catch_warnings():
            # cuDNN copies the weights into one piece at every call: they were joined for this one, and are small
            warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous")
            weights = self._weights_with_padding(enters)
            outputs, *state = run(inputs, state, weights, True, 1, 0.0, self.training, self.bidirectional, True)
        outputs = outputs.masked_fill(padding, 0.0)
        hidden = self._last_real_outputs(outputs, padding_mask)
        if not from_zero:  # of a row of padding alone, what it was
            hidden = torch.where(padding_mask.all(1, keepdim=True), first.to(hidden.dtype), hidden)
        return outputs, hidden, None if cell is None else self._join(state[1])

    def _entering(self, hidden: Tensor, padding_mask: Tensor) -> List[Tensor]:
        """An LSTM's hidden state before the first step, (B, D*H), as inputs (B, T, H) of each direction's first real
        step. The cell goes through padding unchanged, the hidden state cannot: there it is kept at zero."""
        real = ~padding_mask
        firsts = [real & (real.long().cumsum(1) == 1)]
        if self.bidirectional:
            firsts.append(real & (real.long().flip(1).cumsum(1).flip(1) == 1))
        halves = hidden.split(self.hidden_size, dim=-1)
        return [first.unsqueeze(-1) * half.unsqueeze(1) for first, half in zip(firsts, halves)]

    def _weights_with_padding(self, enters: bool) -> List[Tensor]:
        """The layer's flat weights, with a column for the padding feature and, if a hidden state ``enters`` as inputs,
        those for it."""
        weights = []
        for place, suffix in enumerate(("", "_reverse")[: self.directions]):
            input_weight = getattr(self.rnn, "weight_ih_l0" + suffix)
            gates = self.padding_gates.to(input_weight.dtype)
            columns = [input_weight, gates]
            if enters:
                closed = torch.full_like(gates[: self.hidden_size], _CLOSE)  # the output gate
                columns[1] = torch.cat([gates[: 3 * self.hidden_size], closed])
                own = getattr(self.rnn, "weight_hh_l0" + suffix)
                columns += [own if place == other else torch.zeros_like(own) for other in range(self.directions)]
            weights.append(torch.cat(columns, dim=1))
            weights += [getattr(self.rnn, name + suffix) for name in ("weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
        return weights

    def _last_real_outputs(self, outputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Hidden state where each direction ends: (B, T, D*H) -> (B, D*H). An LSTM's, unlike its cell, moves on
        through padding behind the sentence, so it is read at the last real token."""
        steps = padding_mask.size(1)
        last = steps - 1 - padding_mask.long().flip(1).cumprod(1).sum(1)
        ends = [last.clamp(min=0)]
        if self.bidirectional:
            ends.append(padding_mask.long().cumprod(1).sum(1).clamp(max=steps - 1))
        halves = outputs.split(self.hidden_size, dim=-1)
        picked = [half.gather(1, end.view(-1, 1, 1).expand(-1, 1, half.size(-1))) for half, end in zip(halves, ends)]
        return torch.cat(picked, dim=-1).squeeze(1)

    def _split(self, state: Tensor) -> Tensor:
        """(B, D*H) -> (D, B, H), as the fused call wants it."""
        return state.view(state.size(0), self.directions, self.hidden_size).transpose(0, 1).contiguous()

    def _join(self, state: Tensor) -> Tensor:
        """(D, B, H) -> (B, D*H)."""
        return state.transpose(0, 1).reshape(state.size(1), -1)


class RecurrentStack(nn.Module):
    """Layers on top of each other, with dropout between them and, if asked, residual connections.

    Args:
        cell: ``"lstm"`` or ``"gru"``.
        input_size: I of the first layer.
        hidden_size: H of every layer.
        num_layers: L.
        bidirectional: every layer reads both ways.
        dropout: applied to the outputs of every layer but the last.
        residual: from the second layer on, add a layer's input to its output (Wu et al. 2016,
            arXiv:1609.08144, section 3.1).
        inner_handover: from the second layer on, a layer starts from the final state of the one below, which has to
            be known then: for encoders.

    Raises:
        ValueError: an unknown cell, a size that is not positive, or ``residual`` with one layer.
    """

    def __init__(
        self,
        *,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: Optional[Dropout] = None,
        residual: bool = False,
        inner_handover: bool = False,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"recurrent cell {cell!r} is unknown: use one of {', '.join(CELLS)}")
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} {size} is not positive: use 1 or more")
        if residual and num_layers < 2:
            raise ValueError("residual connections need num_layers 2 or more, there is 1: leave residual off")
        self.cell = cell
        self.bidirectional = bidirectional
        self.residual = residual
        self.inner_handover = inner_handover
        self.dropout = dropout if dropout is not None else Dropout(0.0, side="encoder")
        self.output_size = hidden_size * (2 if bidirectional else 1)
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, input_size if layer == 0 else self.output_size, hidden_size, bidirectional)
            for layer in range(num_layers)
        )

    @property
    def recurrent_layers(self) -> List[RecurrentLayer]:
        """The layers, bottom first."""
        return cast(List[RecurrentLayer], list(self.layers))

    @property
    def num_cells(self) -> int:
        """Layers that keep a cell: all of an LSTM's, none of a GRU's."""
        return len(self.layers) if self.cell == "lstm" else 0

    def zero_state(self, like: Tensor) -> RecurrentState:
        """Zeros for the batch of ``like`` (B, ...), on its device and in its type."""
        batch = like.size(0)
        hidden = like.new_zeros(batch, len(self.layers), self.output_size)
        return RecurrentState(hidden, like.new_zeros(batch, self.num_cells, self.output_size))

    def forward(
        self,
        inputs: Optional[Tensor],
        state: RecurrentState,
        padding_mask: Optional[Tensor] = None,
        constant: Optional[Tensor] = None,
        steps: int = 0,
        from_zero: bool = True,
    ) -> Tuple[Tensor, RecurrentState]:
        """Run over a whole sequence, or over one step if T is 1.

        Args:
            inputs: (B, T, I).
            state: before the first step.
            padding_mask: (B, T), True at padding; None if there is none. See :class:`RecurrentLayer`.
            constant: (B, C), joined to the first layer's input at every step, ``inputs`` being (B, T, I - C) or None;
                not with ``padding_mask``.
            steps: T, where ``inputs`` is None.
            from_zero: ``state`` is zeros, which with a padding mask is faster.

        Returns:
            Outputs of the last layer (B, T, D*H), and the state after the last real step.
        """
        hiddens: List[Tensor] = []
        cells: List[Tensor] = []
        x = inputs
        for index, layer in enumerate(self.recurrent_layers):
            hidden = state.hidden[:, index]
            cell = state.cell[:, index] if self.num_cells else None
            handed = self.inner_handover and index > 0
            if handed:
                hidden, cell = hiddens[-1], cells[-1] if cells else None
            if index == 0 and constant is not None:
                steps = steps if inputs is None else inputs.size(1)
                outputs, hidden, cell = layer.forward_with_constant(x, constant, steps, hidden, cell)
            else:
                outputs, hidden, cell = layer(x, hidden, cell, padding_mask, from_zero and not handed)
            x = self._hand_on(index, x, outputs)
            hiddens.append(hidden)
            if cell is not None:
                cells.append(cell)
        assert x is not None
        return x, RecurrentState(torch.stack(hiddens, 1), torch.stack(cells, 1) if cells else state.cell)

    def _hand_on(self, index: int, inputs: Optional[Tensor], outputs: Tensor) -> Tensor:
        """From what layer ``index`` read, the first one perhaps nothing, and wrote to what the next one reads."""
        x = outputs + inputs if self.residual and index > 0 and inputs is not None else outputs
        return self.dropout(x) if index + 1 < len(self.layers) else x

    def loop(self, inputs: Tensor) -> Callable[[int, Tensor, RecurrentState], Tuple[Tensor, RecurrentState]]:
        """For decoders whose steps wait for each other: what is known of the steps' inputs, (B, T, I - F).

        Returns:
            A function of a step's number t, what else the step is fed, (B, 1, F), and the state before it, to be
            called for t = 0, 1, ... in turn. It returns the last layer's output (B, 1, H) and the next state.
        """
        batch, steps, _ = inputs.shape
        if not self.recurrent_layers[0].unrolls(steps, inputs.device):
            return lambda t, fed, state: self(torch.cat([inputs[:, t : t + 1], fed.to(inputs.dtype)], dim=-1), state)
        loops = [
            UnrolledLSTM(layer.rnn, steps, batch, inputs if index == 0 else None)
            for index, layer in enumerate(self.recurrent_layers)
        ]

        def step(t: int, fed: Tensor, state: RecurrentState) -> Tuple[Tensor, RecurrentState]:
            hiddens, cells = [], []
            x = fed.squeeze(1)
            for index, loop in enumerate(loops):
                hidden, cell = loop.step(t, x, state.hidden[:, index], state.cell[:, index])
                x = self._hand_on(index, x, hidden)
                hiddens.append(hidden)
                cells.append(cell)
            return x.unsqueeze(1), RecurrentState(torch.stack(hiddens, 1), torch.stack(cells, 1))

        return step
