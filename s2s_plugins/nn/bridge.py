"""Bridges: from the encoder's final state to the decoder's first.

Shape letters: B sentences, L decoder layers, H decoder hidden size, M memory size.
"""

from __future__ import annotations

from typing import Callable, Tuple

import torch
from torch import Tensor, nn

from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "none": lambda x: x}


def context(encoder_output: EncoderOutput) -> Tensor:
    """C: (B, M). Cho et al. 2014 start the decoder from it."""
    return encoder_output.context


def first_backward(encoder_output: EncoderOutput) -> Tensor:
    """The backward state at the first source token, (B, M/2). Bahdanau et al. 2014 start the decoder from it."""
    return encoder_output.context.chunk(2, dim=-1)[1]


def first_backward_or_context(encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
    """What a decoder with attention starts from, and its size: the backward state at the first token, if there is one,
    else C."""
    if encoder_stack.bidirectional:
        return first_backward, encoder_stack.output_size // 2
    return context, encoder_stack.output_size


def all_layers(encoder_output: EncoderOutput) -> Tensor:
    """Hidden and cell of every encoder layer, joined: (B, 2LM), a GRU's (B, LM)."""
    return torch.cat([encoder_output.state.hidden, encoder_output.state.cell], dim=1).flatten(1)


class ZeroBridge(nn.Module):
    """The decoder starts from zeros: what it knows of the source comes in at every step.

    Args:
        stack: the decoder's recurrent layers.
    """

    def __init__(self, stack: RecurrentStack) -> None:
        super().__init__()
        self.num_layers, self.num_cells, self.hidden_size = len(stack.layers), stack.num_cells, stack.output_size

    def forward(self, encoder_output: EncoderOutput) -> RecurrentState:
        memory = encoder_output.memory
        return RecurrentState(
            memory.new_zeros(memory.size(0), self.num_layers, self.hidden_size),
            memory.new_zeros(memory.size(0), self.num_cells, self.hidden_size),
        )


class CopyBridge(nn.Module):
    """Decoder layer l starts from encoder layer l's final state (Sutskever et al. 2014, arXiv:1409.3215).

    Args:
        encoder_stack: the encoder's recurrent layers.
        decoder_stack: the decoder's.

    Raises:
        ValueError: the two differ in depth or in state size.
    """

    def __init__(self, encoder_stack: RecurrentStack, decoder_stack: RecurrentStack) -> None:
        super().__init__()
        if not self.fits(encoder_stack, decoder_stack):
            raise ValueError(
                f"a copied state needs equal shapes, the encoder's is {len(encoder_stack.layers)} layers x "
                f"{encoder_stack.output_size}, the decoder's {len(decoder_stack.layers)} x "
                f"{decoder_stack.output_size}: use a dense bridge"
            )

    @staticmethod
    def fits(encoder_stack: RecurrentStack, decoder_stack: RecurrentStack) -> bool:
        """Whether a copied state would have the decoder's shape."""
        return (
            len(encoder_stack.layers) == len(decoder_stack.layers)
            and encoder_stack.output_size == decoder_stack.output_size
        )

    def forward(self, encoder_output: EncoderOutput) -> RecurrentState:
        return encoder_output.state


class DenseBridge(nn.Module):
    """``f(W x)`` for each decoder layer's hidden state and cell, whatever the encoder's depth and size.

    Cho et al. 2014, arXiv:1406.1078, appendix A.1.2 (x = C, f = tanh); Bahdanau et al. 2014, arXiv:1409.0473,
    appendix A.2.2 (x = the backward state at the first token, f = tanh); ReLU: the sequence-to-sequence models of
    the soph repository.

    Args:
        source: picks x (B, ``source_size``) out of the encoder's output.
        source_size: size of x.
        stack: the decoder's recurrent layers.
        activation: f, one of :data:`ACTIVATIONS`.

    Raises:
        ValueError: an unknown activation.
    """

    def __init__(
        self,
        source: Callable[[EncoderOutput], Tensor],
        source_size: int,
        stack: RecurrentStack,
        activation: str = "tanh",
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"bridge activation {activation!r} is unknown: use one of {', '.join(ACTIVATIONS)}")
        self.source = source
        self.activation = activation
        self.num_layers, self.num_cells, self.hidden_size = len(stack.layers), stack.num_cells, stack.output_size
        self.projection = nn.Linear(source_size, (self.num_layers + self.num_cells) * self.hidden_size)
        nn.init.uniform_(self.projection.weight, -0.1, 0.1)
        nn.init.zeros_(self.projection.bias)

    def forward(self, encoder_output: EncoderOutput) -> RecurrentState:
        state = ACTIVATIONS[self.activation](self.projection(self.source(encoder_output)))
        state = state.view(state.size(0), -1, self.hidden_size)  # B (L + cells) H
        return RecurrentState(state[:, : self.num_layers], state[:, self.num_layers :])
