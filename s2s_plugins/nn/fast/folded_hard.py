"""Decoders whose readout sees each source token by itself, folded: hard attention and what else reads off one token.

Shape letters: N sentences, R rows, S source tokens, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor

from s2s_plugins.nn.attention import AttentionKeys
from s2s_plugins.nn.fast.folded import FoldedDecoder, FoldedState


class FoldedByToken(FoldedDecoder):
    """A decoder whose readout sees each source token by itself."""

    def _projects(self, keys: AttentionKeys, beams: int) -> bool:
        return False  # the decoder has done so

    def _to_readout(self, x: Tensor, seen: Optional[Tensor]) -> Tensor:
        """What the top hidden state ``x`` (R, H) and other parts, ``seen`` (R, O), add to the readout, (R, O)."""
        assert self.readout is not None
        to_readout: Tensor = self.readout(x).add_(self.readout_bias)
        return to_readout if seen is None else to_readout.add_(seen)


class FoldedHardDecoder(FoldedByToken):
    """The same for hard attention."""

    def _fold(self, state: Any, beams: int) -> FoldedState:
        return super()._fold(state, beams)._replace(more=(state.aligned, state.emitted, state.copied))

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        assert state.keys is not None
        *before, copied = state.more
        sentences = state.keys.memory.size(0)
        by_sentence = (part.view(sentences, -1, part.size(1)) for part in (x, self._to_readout(x, seen)))
        found = self.decoder.emit(*by_sentence, state.keys, copied[:: x.size(0) // sentences])
        scores, emitted = (part.flatten(0, 1).unsqueeze(1) for part in found)
        log_probabilities, aligned = self.decoder.sum_out(scores, emitted, tokens.unsqueeze(1), before)
        state = state._replace(weights=aligned.exp().squeeze(1))
        if self.decoder.monotonic:
            state = state._replace(more=(aligned.squeeze(1), emitted.squeeze(1), copied))
        return log_probabilities.squeeze(1), state
