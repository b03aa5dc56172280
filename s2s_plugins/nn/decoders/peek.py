"""The peek decoder: the previous token and the source summary feed every step and every output."""

from __future__ import annotations

from typing import Tuple

from torch import Tensor

from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.decoders.basic import ContextState
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.settings import Sees


class PeekDecoder(Decoder[ContextState]):
    """Step input ``[E y_{t-1} ; C]``, output from ``[s_t ; E y_{t-1} ; C]``.

    The LSTM form of Cho et al. 2014, arXiv:1406.1078, section 2.2.
    """

    kind = "peek"
    sees = Sees(step=("token", "constant"), output=("hidden", "token", "constant"))
    paper_bridge = "dense"

    def start(self, encoder_output: EncoderOutput) -> ContextState:
        return ContextState(self.bridge(encoder_output), self.constant(encoder_output))

    def run(self, prev_output_tokens: Tensor, state: ContextState) -> Tuple[Tensor, None, ContextState]:
        embedded = self.embed(prev_output_tokens)
        hidden, recurrent = self.stack(embedded, state.recurrent, constant=state.constant)
        return self.readout(hidden, embedded, constant=state.constant), None, ContextState(recurrent, state.constant)
