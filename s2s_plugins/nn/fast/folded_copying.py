"""A decoder that copies what it looks at, folded.

Shape letters: R rows, S source tokens, H hidden size, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor

from s2s_plugins.nn.fast.folded import FoldedDecoder, FoldedState


class FoldedPointerGenerator(FoldedDecoder):
    """The same with copying: what it gives are log-probabilities."""

    def _fold(self, state: Any, beams: int) -> FoldedState:
        return super()._fold(state, beams)._replace(more=(state.copied,))

    def _read_out(
        self, x: Tensor, seen: Optional[Tensor], tokens: Tensor, state: FoldedState
    ) -> Tuple[Tensor, FoldedState]:
        features, state = super()._read_out(x, seen, tokens, state)
        assert state.weights is not None
        logits = self.decoder.vocabulary_layer(features)
        parts = (part.unsqueeze(1) for part in (features, logits, state.weights))
        return self.decoder.copying(*parts, state.more[0]).squeeze(1), state
