"""A decoder with hard attention, folded: its readout sees each source token by itself.

Shape letters: R rows, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor

from s2s_plugins.nn.attention import AttentionKeys
from s2s_plugins.nn.fast.folded import FoldedDecoder, FoldedState


class FoldedHardDecoder(FoldedDecoder):
    """The same for hard attention, whose readout sees each source token by itself."""

    def _fold(self, state: Any, beams: int) -> FoldedState:
        return super()._fold(state, beams)._replace(more=(state.aligned, state.emitted, state.copied))

    def _projects(self, keys: AttentionKeys, beams: int) -> bool:
        return False  # the decoder has done so

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        assert self.readout is not None and state.keys is not None
        to_readout = self.readout(x).add_(self.readout_bias)
        to_readout = to_readout if seen is None else to_readout.add_(seen)
        *before, copied = state.more
        sentences = state.keys.memory.size(0)
        by_sentence = (part.view(sentences, -1, part.size(1)) for part in (x, to_readout))
        found = self.decoder.emit(*by_sentence, state.keys, copied[:: x.size(0) // sentences])
        scores, emitted = (part.flatten(0, 1).unsqueeze(1) for part in found)
        log_probabilities, aligned = self.decoder.sum_out(scores, emitted, tokens.unsqueeze(1), before)
        state = state._replace(weights=aligned.exp().squeeze(1))
        if self.decoder.monotonic:
            state = state._replace(more=(aligned.squeeze(1), emitted.squeeze(1), state.more[-1]))
        return log_probabilities.squeeze(1), state
