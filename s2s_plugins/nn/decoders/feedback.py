"""The feedback decoder: the previous token feeds a step, the source comes in through the first state."""

from __future__ import annotations

from typing import Callable, NamedTuple, Tuple

from torch import Tensor

from s2s_plugins.nn.bridge import all_layers
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentStack, RecurrentState, reorder
from s2s_plugins.nn.settings import Sees


class FeedbackState(NamedTuple):
    """State of a decoder that sees the source through its first state alone, and its features at every step.

    Attributes:
        recurrent: of the stack.
        constant: (B, F), the source's features; (B, 0) without.
    """

    recurrent: RecurrentState
    constant: Tensor

    def reorder(self, new_order: Tensor) -> "FeedbackState":
        return reorder(self, new_order)


class FeedbackDecoder(Decoder[FeedbackState]):
    """Step input ``E y_{t-1}``, output from ``s_t``.

    After Sutskever, Vinyals, Le 2014, arXiv:1409.3215, section 2.
    """

    kind = "feedback"
    sees = Sees(step=("token",), output=("hidden",))
    paper_bridge = "copy"

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        layers = len(encoder_stack.layers) + encoder_stack.num_cells
        return all_layers, layers * encoder_stack.output_size

    def start(self, encoder_output: EncoderOutput) -> FeedbackState:
        return FeedbackState(self.bridge(encoder_output), self.constant(encoder_output))

    def start_without_source(self, like: Tensor) -> FeedbackState:
        """Zeros, for the batch of ``like`` (B, ...): with no source this decoder is a language model."""
        assert self.embed_tokens is not None
        rows = self.embed_tokens.weight.new_empty(like.size(0), 0)
        return FeedbackState(self.stack.zero_state(rows), rows)

    def run(self, prev_output_tokens: Tensor, state: FeedbackState) -> Tuple[Tensor, None, FeedbackState]:
        hidden, recurrent = self.stack(self.joined(self.embed(prev_output_tokens), state.constant), state.recurrent)
        constant = state.constant if self.features_size else None
        return self.readout(hidden, constant=constant), None, state._replace(recurrent=recurrent)
