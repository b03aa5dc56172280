"""Sequences of vectors in, sequences of vectors out: the same encoder and decoders, between linear layers.

Shape letters: B sequences, S source steps, D source size, T target steps, K target size, F size of the covariates,
P numbers that describe one target value.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from s2s_plugins.nn.build import auto_bridge, build_decoder, build_decoder_stack, build_vector_encoder
from s2s_plugins.nn.decoder import DECODERS, Decoder
from s2s_plugins.nn.encoder import EncoderOutput, VectorEncoder
from s2s_plugins.nn.losses import Loss, build_loss
from s2s_plugins.nn.recurrent import RecurrentState
from s2s_plugins.nn.scheduled import ScheduledSampling, run_stepwise
from s2s_plugins.nn.settings import (
    AttentionSettings,
    DecoderSettings,
    LossSettings,
    Seq2SeqSettings,
    StackSettings,
    VectorSettings,
)

SQUARED_ERROR = LossSettings("mse")


class VectorOutput(NamedTuple):
    """What a model of vectors gives back.

    Attributes:
        outputs: (B, T, K, P), of which :meth:`s2s_plugins.nn.losses.Loss.point` is the prediction.
        attention: (B, T, S); None for a decoder without attention.
        state: of the encoder after each source, to go on from.
    """

    outputs: Tensor
    attention: Optional[Tensor]
    state: RecurrentState


class VectorSeq2Seq(nn.Module):
    """An encoder and a decoder of vectors.

    In training the decoder reads the previous target, or its own output as scheduled sampling says; the gradient passes
    through what it reads. In evaluation it reads its own outputs alone, as in use.

    Args:
        encoder: of source vectors.
        decoder: over a linear layer K + F -> E, of one that does not read the previous output F -> E or None; its
            output layer gives K x P numbers.
        loss: what is learned of a target value.
        sampling: how often training reads the model's own output.
        settings: what it was built from.
    """

    def __init__(
        self,
        encoder: VectorEncoder,
        decoder: Decoder[Any],
        loss: Loss,
        sampling: ScheduledSampling,
        settings: Seq2SeqSettings,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.loss = loss
        self.sampling = sampling
        self.settings = settings

    @property
    def reads_outputs(self) -> bool:
        """Whether the decoder reads the previous output."""
        return "token" in type(self.decoder).sees.step

    def encode(
        self, source: Tensor, padding_mask: Optional[Tensor] = None, state: Optional[RecurrentState] = None
    ) -> EncoderOutput:
        """Encode ``source`` (B, S, D); see :meth:`s2s_plugins.nn.encoder.RecurrentEncoder.encode`."""
        return self.encoder(source, padding_mask, state)

    def forward(
        self,
        source: Tensor,
        prev_outputs: Tensor,
        covariates: Optional[Tensor] = None,
        padding_mask: Optional[Tensor] = None,
        state: Optional[RecurrentState] = None,
    ) -> VectorOutput:
        """Predict T steps.

        Args:
            source: (B, S, D).
            prev_outputs: (B, T, K), the target shifted right by one behind what stands before it, for example the last
                value that is known, or zeros; in evaluation only the first of the T are read.
            covariates: (B, T, F), what is known of each target step in advance.
            padding_mask: of the source, (B, S), True at padding; None if there is none.
            state: of the encoder, to go on from; see :meth:`s2s_plugins.nn.encoder.RecurrentEncoder.encode`.
        """
        probability = self.sampling.probability if self.training else 1.0
        own = self.sampling.coins(prev_outputs) if 0 < probability < 1 else None
        encoded = self.encode(source, padding_mask, state)
        fed = self._fed(prev_outputs, covariates)
        start = self.decoder.start(encoded)
        if probability == 0 or not self.reads_outputs:
            features, attention, _ = self.decoder.run(fed, start)
        else:
            features, attention = self._run_freely(fed, start, own)
        return VectorOutput(self._outputs(features), attention, encoded.state)

    def predict(self, source: Tensor, length: int, first: Optional[Tensor] = None, **given: Any) -> Tensor:
        """The predicted values, without gradients, in evaluation mode.

        Args:
            source: (B, S, D).
            length: T.
            first: (B, K), what the decoder reads before its first output; by default zeros.
            **given: of :meth:`forward`.

        Returns:
            (B, T, K).
        """
        prev_outputs = source.new_zeros(source.size(0), length, self.target_size)
        if first is not None:
            prev_outputs[:, 0] = first
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                return self.loss.point(self(source, prev_outputs, **given).outputs)
        finally:
            self.train(was_training)

    def _fed(self, prev_outputs: Tensor, covariates: Optional[Tensor]) -> Tensor:
        """What the decoder reads: (B, T, K + F), or (B, T, F) if it does not read the previous output."""
        if covariates is None:
            covariates = prev_outputs[..., :0]
        return torch.cat([prev_outputs, covariates], dim=-1) if self.reads_outputs else covariates

    @property
    def target_size(self) -> int:
        """K."""
        layer = self.decoder.output_layer
        assert isinstance(layer, nn.Linear)
        return layer.out_features // self.loss.size

    def _outputs(self, features: Tensor) -> Tensor:
        """(B, T, O) -> (B, T, K, P)."""
        return self.decoder.output_layer(features).unflatten(-1, (-1, self.loss.size))

    def _run_freely(self, fed: Tensor, state: Any, own: Optional[Tensor]) -> Tuple[Tensor, Optional[Tensor]]:
        """Read ``fed`` (B, T, K + F) step by step, with the model's own output in place of the first K where ``own``
        (B, T) is True; None: everywhere but at the first step."""
        size = self.target_size

        def next_vector(t: int, feature: Tensor, reference: Tensor) -> Tensor:
            output = self.loss.point(self._outputs(feature)).to(reference.dtype)
            if own is not None:
                output = torch.where(own[:, t : t + 1, None], output, reference[..., :size])
            return torch.cat([output, reference[..., size:]], dim=-1)

        return run_stepwise(self.decoder, fed, state, next_vector)


def build_vector_seq2seq(settings: Seq2SeqSettings, sampling: Optional[ScheduledSampling] = None) -> VectorSeq2Seq:
    """From settings, which have ``vectors``, to the model.

    Args:
        settings: of both sides.
        sampling: of training; by default the decoder reads the previous target.
    """
    vectors = settings.vectors
    assert vectors is not None
    loss = build_loss(vectors.loss)
    decoder = settings.decoder
    encoder = build_vector_encoder(settings.encoder, vectors.source_size)
    reads_outputs = "token" in DECODERS[decoder.kind].sees.step
    fed = vectors.covariate_size + (vectors.target_size if reads_outputs else 0)
    embedding = nn.Linear(fed, decoder.stack.embed_dim) if fed else None
    stack = build_decoder_stack(settings)
    return VectorSeq2Seq(
        encoder,
        build_decoder(
            settings,
            embed_tokens=embedding,
            stack=stack,
            output_layer=nn.Linear(decoder.output_size, vectors.target_size * loss.size),
            encoder_stack=encoder.stack,
        ),
        loss,
        ScheduledSampling() if sampling is None else sampling,
        settings,
    )


def vector_seq2seq(
    kind: str,
    *,
    source_size: int,
    target_size: int,
    hidden_size: int,
    layers: Union[int, Tuple[int, int]] = 1,
    bidirectional: bool = False,
    attention: Optional[AttentionSettings] = None,
    bridge: Optional[str] = None,
    cell: str = "lstm",
    dropout: float = 0.0,
    inner_handover: bool = False,
    covariate_size: int = 0,
    loss: LossSettings = SQUARED_ERROR,
    scheduled_sampling: float = 0.0,
) -> VectorSeq2Seq:
    """A model of vectors, in one call.

    Args:
        kind: one of :data:`s2s_plugins.nn.decoders.DECODERS` that takes vectors.
        source_size: D.
        target_size: K.
        hidden_size: of the decoder's layers and, in both directions together, of the encoder's.
        layers: of both sides, or of the encoder and of the decoder.
        bidirectional: of the encoder.
        attention: of an attention decoder; by default additive, before the step.
        bridge: ``"zero"``, ``"copy"`` or ``"dense"``; by default that of the decoder's paper, if the
            shapes allow it.
        cell: ``"lstm"`` or ``"gru"``.
        dropout: dropout probability, everywhere.
        inner_handover: from the second layer on, an encoder layer starts from the final state of the one below.
        covariate_size: F.
        loss: what is learned of a target value.
        scheduled_sampling: probability, in training, of reading the model's own previous output: 0 is teacher forcing,
            at 1 the decoder runs freely.

    Raises:
        ValueError: a size that is not positive, an unknown kind, or parts that do not fit together.
    """
    _check(kind, source_size, target_size, hidden_size, bidirectional)
    if kind == "attention" and attention is None:
        attention = AttentionSettings("additive", dim=hidden_size)
    depths = (layers, layers) if isinstance(layers, int) else layers
    shared: Dict[str, Any] = {"embed_dim": hidden_size, "cell": cell, "dropout_in": dropout, "dropout_out": dropout}
    per_direction = hidden_size // 2 if bidirectional else hidden_size
    encoder = StackSettings(
        hidden_size=per_direction,
        layers=depths[0],
        bidirectional=bidirectional,
        inner_handover=inner_handover,
        **shared,
    )
    stack = StackSettings(hidden_size=hidden_size, layers=depths[1], **shared)
    if bridge is None:
        bridge = auto_bridge(DECODERS[kind], attention, encoder, stack)
    decoder = DecoderSettings(kind, stack, hidden_size, bridge, attention=attention, covariates=covariate_size > 0)
    vectors = VectorSettings(source_size, target_size, covariate_size, loss)
    return build_vector_seq2seq(Seq2SeqSettings(encoder, decoder, vectors), ScheduledSampling(scheduled_sampling))


def _check(kind: str, source_size: int, target_size: int, hidden_size: int, bidirectional: bool) -> None:
    """Whether there can be such a model.

    Raises:
        ValueError: there cannot.
    """
    if kind not in DECODERS or not DECODERS[kind].takes_vectors:
        known = ", ".join(name for name, decoder in DECODERS.items() if decoder.takes_vectors)
        raise ValueError(f"decoder {kind!r} is none of vectors: use one of {known}")
    for name, size in (("source_size", source_size), ("target_size", target_size), ("hidden_size", hidden_size)):
        if size < 1:
            raise ValueError(f"{name} {size} is not positive: use 1 or more")
    if bidirectional and hidden_size % 2:
        raise ValueError(f"hidden_size {hidden_size} has no half for each direction: use an even number")
