"""A transducer, folded: its readout sees each source token by itself.

Shape letters: R rows, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor

from s2s_plugins.nn.attention import AttentionKeys
from s2s_plugins.nn.fast.folded import FoldedDecoder, FoldedState


class FoldedTransducer(FoldedDecoder):
    """The same for a transducer."""

    def _fold(self, state: Any, beams: int) -> FoldedState:
        return super()._fold(state, beams)._replace(more=(state.copied, state.reached, state.emitted))

    def _projects(self, keys: AttentionKeys, beams: int) -> bool:
        return False  # the decoder has done so

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        assert self.readout is not None and state.keys is not None
        to_readout = self.readout(x).add_(self.readout_bias)
        to_readout = to_readout if seen is None else to_readout.add_(seen)
        found = self.decoder.emit(to_readout.view(state.keys.memory.size(0), -1, to_readout.size(1)), state.keys)
        edits, emitted = (part.flatten(0, 1).unsqueeze(1) for part in found)
        copied, *before = state.more
        log_probabilities, reached = self.decoder.sum_out(edits, emitted, tokens.unsqueeze(1), copied, before)
        weights = reached.logsumexp(-1).exp().squeeze(1)
        return log_probabilities.squeeze(1), state._replace(
            weights=weights, more=(copied, reached.squeeze(1), emitted.squeeze(1))
        )
