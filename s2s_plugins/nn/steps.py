"""A decoder's steps for beam search.

Shape letters: N sentences, R rows (N times beams), S source tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Protocol, Tuple

from torch import Tensor

from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import EncoderOutput


class Steps(Protocol):
    """What a beam search runs: :class:`PlainSteps`, or faster :class:`s2s_plugins.nn.fast.folded.FoldedDecoder`."""

    def start(self, encoder_output: EncoderOutput, beams: int) -> Any:
        """The state before the first token, one row per sentence; ``beams`` is how many there will be."""

    def step(self, tokens: Tensor, state: Any) -> Tuple[Tensor, Any]:
        """One token (R) per row: logits (R, V), and the next state."""


class PlainState(NamedTuple):
    """State between two steps.

    Attributes:
        decoder: the decoder's own, of R rows.
        weights: (R, S), the attention of the last step; None without attention, and before the first step.
    """

    decoder: Any
    weights: Optional[Tensor]

    def reorder(self, rows: Tensor, sentences: Optional[Tensor]) -> PlainState:
        """Select rows; the source is held once a row. Drops the weights."""
        return PlainState(self.decoder.reorder(rows), None)


class PlainSteps:
    """The steps of any decoder, as it runs in training.

    Args:
        decoder: the decoder.
        scores: features (R, 1, O) -> logits (R, 1, V); by default the decoder's output layer.
    """

    def __init__(self, decoder: Decoder[Any], scores: Optional[Callable[[Tensor], Tensor]] = None) -> None:
        self.decoder = decoder
        self.scores = decoder.output_layer if scores is None else scores

    def start(self, encoder_output: EncoderOutput, beams: int) -> PlainState:
        """The state before the first token, one row per sentence."""
        return PlainState(self.decoder.start(encoder_output), None)

    def step(self, tokens: Tensor, state: PlainState) -> Tuple[Tensor, PlainState]:
        """One token (R) per row: logits (R, V), and the next state."""
        features, attention, after = self.run(tokens.unsqueeze(1), state.decoder)
        return self.scores(features)[:, 0], PlainState(after, None if attention is None else attention[:, 0])

    def run(self, tokens: Tensor, state: Any) -> Tuple[Tensor, Optional[Tensor], Any]:
        """:meth:`s2s_plugins.nn.decoder.Decoder.run`, (R, 1) -> features (R, 1, O) and the rest."""
        return self.decoder.run(tokens, state)
