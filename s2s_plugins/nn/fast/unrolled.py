"""An LSTM layer on a CPU, one step at a time, for targets whose steps wait for each other.

PyTorch's own layer, called once per step, multiplies the known part of the input again at each step, and its backward
pass computes and adds up a whole weight gradient for each. Here the known part of all steps is one product, what is
the same at every step is one product per sentence, and so is the weight gradient of all steps: a step's backward pass
only writes down the gradient of its gates.

Shape letters: B sentences, T steps, E size of the known input, C size of the constant input, F size of what a step
is fed, H hidden size.
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import torch
from torch import Tensor, nn


def tanh_(x: Tensor) -> Tensor:
    """tanh in place, as ``2 sigmoid(2x) - 1``: PyTorch's own takes two to four times as long on a CPU."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


def lstm_cell_(gates: Tensor, cell: Tensor, squashed: Tensor) -> Tuple[Tensor, Tensor]:
    """What follows the products of an LSTM step, in place and without gradients.

    Args:
        gates: (B, 4H), input, forget, new and output gate before their squashing; after it on return, where the new
            value is ``2 new - 1``.
        cell: (B, H), before the step.
        squashed: (B, H), gets the tanh of the next cell.

    Returns:
        The output gate (B, H), a part of ``gates``, and the next cell (B, H). The next hidden state is the output gate
        times ``squashed``.
    """
    size = cell.size(1)
    gates[:, 2 * size : 3 * size].mul_(2)
    enter, keep, new, out = gates.sigmoid_().split(size, dim=1)
    next_cell = torch.mul(cell, keep).addcmul_(enter, new, value=2).sub_(enter)
    tanh_(squashed.copy_(next_cell))
    return out, next_cell


class UnrolledLSTM:
    """One pass of an LSTM layer over T steps, for one backward pass.

    The layer's input is ``[inputs_t ; constant ; fed_t]``, of which any part may be missing.

    Args:
        rnn: the layer's weights, one direction.
        steps: T.
        batch: B.
        inputs: (B, T, E), known for all steps; or None.
        constant: (B, C), the same at every step; or None.
    """

    def __init__(
        self,
        rnn: nn.RNNBase,
        steps: int,
        batch: int,
        inputs: Optional[Tensor] = None,
        constant: Optional[Tensor] = None,
    ) -> None:
        weights = [rnn.get_parameter(f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        # autocast reaches neither in-place products nor backward passes: the type is noted here for both
        own = weights[1].dtype
        self.buffers = _Buffers(own, torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else own)
        self.known = _KnownGates.apply(self.buffers, steps, batch, inputs, constant, *weights)

    def step(self, index: int, fed: Optional[Tensor], hidden: Tensor, cell: Tensor) -> Tuple[Tensor, Tensor]:
        """Step ``index`` from ``hidden`` and ``cell`` (B, H), fed with (B, F) or None: the next hidden and cell."""
        return _Step.apply(self.buffers, index, self.known, fed, hidden, cell)


class _Buffers:
    """What the steps of one pass share.

    Args:
        type: of the weights.
        product_type: of what is multiplied.

    Attributes:
        gates: (T, B, 4H): the known part of the gates, then the activations of the steps that ran, and in the backward
            pass the gates' gradients.
        joined: (T, B, F + H), what a step was fed and the hidden state before it.
        squashed: (T, B, H), the tanh of the cell.
        weight: (4H, F + H), for ``joined``: one wide product is faster than two.
        returned: which steps ran backwards.
    """

    gates: Tensor
    joined: Tensor
    squashed: Tensor
    weight: Tensor
    returned: List[bool]

    def __init__(self, type: torch.dtype, product_type: torch.dtype) -> None:
        self.type, self.product_type = type, product_type

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        """``left @ right``, multiplied in the type that autocast asks for, returned in the weights' type."""
        with torch.autocast("cpu", enabled=False):
            return torch.mm(left.to(self.product_type), right.to(self.product_type)).to(self.type)

    def add_product(self, total: Tensor, left: Tensor, right: Tensor) -> None:
        """``total += left @ right``."""
        if self.product_type == self.type:
            total.addmm_(left, right)
        else:
            total.add_(self.product(left, right))


class _KnownGates(torch.autograd.Function):
    """The gates before anything that waits for a step. Its backward pass runs behind those of all steps."""

    @staticmethod
    def forward(
        ctx: Any,
        buffers: _Buffers,
        steps: int,
        batch: int,
        inputs: Optional[Tensor],
        constant: Optional[Tensor],
        weight_ih: Tensor,
        weight_hh: Tensor,
        *biases: Tensor,
    ) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.buffers = buffers
        ctx.save_for_backward(inputs, constant, weight_ih)
        known = 0 if inputs is None else inputs.size(-1)
        waiting = known + (0 if constant is None else constant.size(-1))
        shared = torch.stack(biases).sum(0).expand(batch, -1)
        if constant is not None:
            shared = shared + buffers.product(constant, weight_ih[:, known:waiting].t())
        if inputs is None:
            gates = shared.repeat(steps, 1, 1)
        else:
            flat = inputs.transpose(0, 1).reshape(steps * batch, known)
            gates = buffers.product(flat, weight_ih[:, :known].t()).view(steps, batch, -1).add_(shared)
        buffers.gates = gates
        buffers.weight = torch.cat([weight_ih[:, waiting:], weight_hh], dim=1).to(buffers.product_type)
        buffers.joined = gates.new_empty(steps, batch, buffers.weight.size(1), dtype=buffers.product_type)
        buffers.squashed = gates.new_empty(steps, batch, weight_hh.size(1))
        buffers.returned = [False] * steps
        return gates.new_empty(0)  # an edge of the graph for the steps to hold on to

    @staticmethod
    def backward(ctx: Any, _: Any) -> Tuple[Any, ...]:
        buffers, (inputs, constant, weight_ih) = ctx.buffers, ctx.saved_tensors
        for index, returned in enumerate(buffers.returned):
            if not returned:
                buffers.gates[index].zero_()
        steps, batch, _ = buffers.gates.shape
        gradients = buffers.gates.flatten(0, 1)  # TB 4H
        d_input_weights, d_inputs, d_constant, known = [], None, None, 0
        if inputs is not None:
            known = inputs.size(-1)
            d_input_weights.append(buffers.product(gradients.t(), inputs.transpose(0, 1).reshape(steps * batch, known)))
            if ctx.needs_input_grad[3]:
                d_inputs = buffers.product(gradients, weight_ih[:, :known]).view(steps, batch, known)
                d_inputs = d_inputs.transpose(0, 1).to(inputs.dtype)
        if constant is not None:
            summed = buffers.gates.sum(0)  # B 4H
            d_input_weights.append(buffers.product(summed.t(), constant))
            if ctx.needs_input_grad[4]:
                d_constant = buffers.product(summed, weight_ih[:, known : known + constant.size(-1)])
                d_constant = d_constant.to(constant.dtype)
        d_joined = buffers.product(gradients.t(), buffers.joined.flatten(0, 1))
        fed = d_joined.size(1) - buffers.squashed.size(-1)
        d_input_weights.append(d_joined[:, :fed])
        d_bias = gradients.sum(0)
        weights = (torch.cat(d_input_weights, dim=1), d_joined[:, fed:].contiguous(), d_bias, d_bias)
        return None, None, None, d_inputs, d_constant, *weights


class _Step(torch.autograd.Function):
    """One step."""

    @staticmethod
    def forward(
        ctx: Any, buffers: _Buffers, index: int, known: Tensor, fed: Optional[Tensor], hidden: Tensor, cell: Tensor
    ) -> Tuple[Tensor, Tensor]:
        size = hidden.size(1)
        gates, joined, squashed = buffers.gates[index], buffers.joined[index], buffers.squashed[index]
        if fed is not None:
            joined[:, :-size] = fed
        joined[:, -size:] = hidden
        buffers.add_product(gates, joined, buffers.weight.t())
        out, next_cell = lstm_cell_(gates, cell, squashed)
        ctx.buffers, ctx.index, ctx.types = buffers, index, (fed.dtype if fed is not None else None, hidden.dtype)
        ctx.save_for_backward(cell)
        return (out * squashed).to(hidden.dtype), next_cell.to(cell.dtype)

    @staticmethod
    def backward(ctx: Any, d_hidden: Tensor, d_cell: Tensor) -> Tuple[Any, ...]:
        buffers, index, (cell,) = ctx.buffers, ctx.index, ctx.saved_tensors
        if buffers.returned[index]:
            raise RuntimeError("an unrolled LSTM keeps its activations for one backward pass: run it forward again")
        buffers.returned[index] = True
        gates, squashed = buffers.gates[index], buffers.squashed[index]
        enter, keep, new, out = gates.split(squashed.size(-1), dim=1)
        through_out = torch.mul(d_hidden, out)
        d_cell = torch.add(d_cell, through_out)
        through_out.mul_(squashed)
        d_cell.addcmul_(through_out, squashed, value=-1)
        through_enter = torch.mul(d_cell, enter)
        through_new = torch.mul(through_enter, new)
        through_enter.neg_().add_(through_new, alpha=2)
        d_cell.mul_(keep)
        through_keep = torch.mul(d_cell, cell)
        # from here on each activation gives way to its gradient: y (1 - y) is a sigmoid's slope
        torch.addcmul(through_out, through_out, out, value=-1, out=out)
        torch.addcmul(through_keep, through_keep, keep, value=-1, out=keep)
        torch.addcmul(through_enter, through_enter, enter, value=-1, out=enter)
        torch.addcmul(through_new, through_new, new, value=-1, out=new).mul_(4)
        d_joined, size = buffers.product(gates, buffers.weight), enter.size(1)
        fed_type, hidden_type = ctx.types
        d_fed = None if fed_type is None else d_joined[:, :-size].to(fed_type)
        return None, None, None, d_fed, d_joined[:, -size:].to(hidden_type), d_cell
