"""The peek decoder: the previous token and the source summary feed every step and every output."""

from __future__ import annotations

import torch
from torch import Tensor

from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.decoders.basic import ContextState
from s2s_plugins.nn.encoder import EncoderOutput


class PeekDecoder(Decoder):
    """Step input ``[E y_{t-1} ; C]``, output from ``[s_t ; E y_{t-1} ; C]``.

    The LSTM form of Cho et al. 2014, arXiv:1406.1078, section 2.2.
    """

    def start(self, encoder_output: EncoderOutput) -> ContextState:
        return ContextState(self.bridge(encoder_output), encoder_output.context)

    def run(self, prev_output_tokens: Tensor, state: ContextState):
        embedded = self.embed(prev_output_tokens)
        context = state.context.unsqueeze(1).expand(-1, embedded.size(1), -1).to(embedded.dtype)  # B T M
        hidden, recurrent = self.stack(torch.cat([embedded, context], dim=-1), state.recurrent)
        return self.readout(hidden, embedded, context), None, ContextState(recurrent, state.context)
