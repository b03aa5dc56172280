"""The attention decoder that can copy what it looks at.

Shape letters: B sentences, T target tokens, S source tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Tuple

from torch import Tensor, nn

from s2s_plugins.nn.attention import build_attention
from s2s_plugins.nn.copying import Copying
from s2s_plugins.nn.decoder import DecoderOutput
from s2s_plugins.nn.decoders.attention import AttentionDecoder, AttentionState
from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.fast.folded_copying import FoldedPointerGenerator
from s2s_plugins.nn.settings import DecoderSettings


class PointerGenerator(AttentionDecoder):
    """An :class:`~s2s_plugins.nn.decoders.attention.AttentionDecoder` whose output may be a source token: See, Liu,
    Manning 2017, arXiv:1704.04368, section 2.2.

    Args:
        copying: of what the decoder looks at.
        output_layer: features (..., O) -> logits (..., V). What :meth:`run` calls features are log-probabilities
            (B, T, V), and the attribute ``output_layer`` leaves them as they are.
        **shared: what :class:`~s2s_plugins.nn.decoders.attention.AttentionDecoder` takes.
    """

    kind = "pointer_generator"
    takes_vectors = False
    vocabulary = "vocabulary_layer"

    def __init__(self, *, copying: Copying, output_layer: nn.Module, **shared: Any) -> None:
        super().__init__(output_layer=nn.Identity(), **shared)
        self.copying = copying
        self.vocabulary_layer = output_layer

    @classmethod
    def build(cls, settings: DecoderSettings, memory_size: int, **shared: Any) -> PointerGenerator:
        assert settings.attention is not None and settings.copies is not None
        return cls(
            attention=build_attention(settings.attention, settings.stack.hidden_size, memory_size),
            timing=settings.attention.timing,
            input_feeding=settings.attention.input_feeding,
            coverage=settings.attention.coverage,
            copying=Copying(settings.output_size, settings.copies),
            **shared,
        )

    def fold(self, weights: str = "full") -> FoldedDecoder:
        return FoldedPointerGenerator(self, weights)

    def start(self, encoder_output: EncoderOutput) -> AttentionState:
        return super().start(encoder_output)._replace(copied=self.copying.targets(encoder_output.tokens))

    def run(self, prev_output_tokens: Tensor, state: AttentionState) -> Tuple[Tensor, Tensor, AttentionState]:
        features, weights, state = super().run(prev_output_tokens, state)
        return self.copying(features, self.vocabulary_layer(features), weights, state.copied), weights, state

    @property
    def copies_tokens(self) -> bool:
        return True

    def copying_step(
        self, tokens: Tensor, wanted: Tensor, state: AttentionState
    ) -> Tuple[Tensor, DecoderOutput, AttentionState]:
        return Copying.step(self, tokens, wanted, state)
