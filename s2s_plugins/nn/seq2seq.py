"""An encoder and a decoder of tokens, whole: what a model file holds.

Shape letters: B sentences, S source tokens, T target tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

from torch import Tensor, nn

from s2s_plugins.nn.adaptive import AdaptiveSoftmax
from s2s_plugins.nn.build import build_decoder, build_decoder_stack, build_encoder
from s2s_plugins.nn.copying import copied_parts
from s2s_plugins.nn.decoder import DECODERS, Decoder, DecoderOutput
from s2s_plugins.nn.encoder import Encoder, EncoderOutput
from s2s_plugins.nn.settings import Seq2SeqSettings, TokenSettings
from s2s_plugins.nn.steps import PlainSteps, Steps

PADDING = 1  # number of the padding symbol in every dictionary


class Seq2Seq(nn.Module):
    """An encoder and a decoder of tokens.

    Args:
        encoder: of the source.
        decoder: of the target.
        settings: of both.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder[Any], settings: Seq2SeqSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.settings = settings
        self._steps: Optional[Steps] = None

    def forward(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> DecoderOutput:
        """Logits (B, T, V) and attention, teacher-forced.

        Args:
            src_tokens: (B, S), padded on either side.
            prev_output_tokens: (B, T), padded on the right.
        """
        output: DecoderOutput = self.decoder(prev_output_tokens, self.encoder(src_tokens))
        return output

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side."""
        encoded: EncoderOutput = self.encoder(src_tokens)
        return encoded

    @property
    def folds(self) -> bool:
        """Whether the folded decoder computes what this one does: LSTM cells, a plain softmax."""
        return self.decoder.stack.cell == "lstm" and not isinstance(self.decoder.output_layer, AdaptiveSoftmax)

    def steps(self) -> Steps:
        """The decoder's steps for beam search, folded where that computes the same. Made once: the weights of a model
        in use do not change."""
        if self._steps is None:
            self._steps = self.decoder.fold() if self.folds else PlainSteps(self.decoder)
        return self._steps

    def weights(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> Optional[Tensor]:
        """The attention weights (B, T, S) of a forward pass; None without attention."""
        return self(src_tokens, prev_output_tokens).attention

    def copied(
        self, src_tokens: Tensor, prev_output_tokens: Tensor, targets: Tensor
    ) -> Optional[Tuple[Tensor, Tensor]]:
        """How probable it is that each token of ``targets`` (B, T) is copied, and how probable it is in all, (B, T)
        each; None if the decoder does not copy."""
        return copied_parts(self.decoder, self.encoder(src_tokens), prev_output_tokens, targets)


def build_seq2seq(settings: Seq2SeqSettings) -> Seq2Seq:
    """From settings, which have ``tokens``, to the model, with random weights.

    Raises:
        ValueError: settings that do not fit together.
    """
    tokens, decoder = settings.tokens, settings.decoder
    if tokens is None:
        raise ValueError("settings without the sizes of the vocabularies make no model of tokens")
    _check_copies(tokens, decoder.copies)
    source = nn.Embedding(tokens.source_size, settings.encoder.embed_dim, padding_idx=PADDING)
    encoder = build_encoder(settings.encoder, source)
    target = source if tokens.shares_all else None
    if target is None and "token" in DECODERS[decoder.kind].sees.step:
        target = nn.Embedding(tokens.target_size, decoder.stack.embed_dim, padding_idx=PADDING)
    stack = build_decoder_stack(settings)
    return Seq2Seq(
        encoder,
        build_decoder(
            settings,
            embed_tokens=target,
            stack=stack,
            output_layer=_output_layer(tokens, target),
            encoder_stack=encoder.stack,
        ),
        settings,
    )


def _check_copies(tokens: TokenSettings, copies: Optional[Tuple[int, ...]]) -> None:
    """See that what source symbols are copied to are target symbols.

    Raises:
        ValueError: they are not.
    """
    if copies is None:
        return
    if len(copies) != tokens.source_size:
        raise ValueError(f"{len(copies)} source symbols are copied, and there are {tokens.source_size}")
    if not all(0 <= number < tokens.target_size for number in copies):
        raise ValueError(f"a source symbol is copied to none of the {tokens.target_size} target symbols")


def _output_layer(tokens: TokenSettings, embedding: Optional[nn.Embedding]) -> nn.Module:
    """Features (..., O) -> logits (..., V), of an adaptive softmax log-probabilities."""
    output, size = tokens.output, tokens.target_size
    if output.cutoffs is not None:
        return AdaptiveSoftmax(output.size, size, output.cutoffs)
    layer = nn.Linear(output.size, size, bias=not output.shared)
    if output.shared:
        if embedding is None or embedding.weight.shape != layer.weight.shape:
            raise ValueError("an output layer that shares the target embedding needs one of its own shape")
        layer.weight = embedding.weight
    return layer
