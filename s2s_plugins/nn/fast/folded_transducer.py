"""A transducer, folded.

Shape letters: N sentences, R rows, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor

from s2s_plugins.nn.fast.folded import FoldedState
from s2s_plugins.nn.fast.folded_hard import FoldedByToken


class FoldedTransducer(FoldedByToken):
    """The same for a transducer."""

    def _fold(self, state: Any, beams: int) -> FoldedState:
        return super()._fold(state, beams)._replace(more=(state.copied, state.reached, state.emitted))

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        assert state.keys is not None
        copied, *before = state.more
        to_readout = self._to_readout(x, seen)
        found = self.decoder.emit(to_readout.view(state.keys.memory.size(0), -1, to_readout.size(1)), state.keys)
        edits, emitted = (part.flatten(0, 1).unsqueeze(1) for part in found)
        log_probabilities, reached = self.decoder.sum_out(edits, emitted, tokens.unsqueeze(1), copied, before)
        more = (copied, reached.squeeze(1), emitted.squeeze(1))
        return log_probabilities.squeeze(1), state._replace(weights=reached.logsumexp(-1).exp().squeeze(1), more=more)
