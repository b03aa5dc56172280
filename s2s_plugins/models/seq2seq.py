"""The base of the four registered models: from settings to fairseq's encoder and decoder."""

from __future__ import annotations

from typing import Any, Optional, Tuple, Type, Union

from fairseq.models import FairseqEncoderDecoderModel
from fairseq.modules import AdaptiveSoftmax
from torch import Tensor

from s2s_plugins.models.adapters import Autocast, RecurrentDecoder, RecurrentEncoder
from s2s_plugins.models.config import RecurrentConfig
from s2s_plugins.models.embeddings import build_embedding, build_output
from s2s_plugins.models.loading import CheckedLoading
from s2s_plugins.models.resolve import Resolved, resolve, useless_fields
from s2s_plugins.models.vectors import VectorModel, build_vector_model
from s2s_plugins.nn.build import build_decoder, build_decoder_stack, build_encoder
from s2s_plugins.nn.copying import copied_parts
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.encoder import Encoder, EncoderOutput
from s2s_plugins.nn.scheduled import ScheduledSampling
from s2s_plugins.nn.settings import AttentionSettings, StackSettings
from s2s_plugins.nn.steps import Steps


class RecurrentModel(CheckedLoading, FairseqEncoderDecoderModel):
    """Base of the registered models. A subclass names its decoder; what follows from that is the decoder's to say.

    Attributes:
        config_class: its flags.
        decoder_class: its decoder.
        takes_vectors: whether it can be built for a task of vectors.
    """

    config_class = RecurrentConfig
    takes_vectors = True
    decoder_class: Type[Decoder[Any]]

    @classmethod
    def decoder_of(cls, cfg: Any) -> Type[Decoder[Any]]:
        """The decoder of this configuration."""
        return cls.decoder_class

    @classmethod
    def attention_settings(cls, cfg: Any, stack: StackSettings, memory_size: int) -> Optional[AttentionSettings]:
        """How the decoder looks at the source; None if it has no attention.

        Args:
            cfg: the complete configuration.
            stack: the decoder's layers.
            memory_size: M.
        """
        return None

    @classmethod
    def copies(cls, cfg: Any) -> bool:
        """Whether the decoder copies source tokens."""
        return False

    @classmethod
    def check(cls, cfg: Any) -> None:
        """Checks on flags of this architecture alone.

        Raises:
            UsageError: flags that exclude each other.
        """

    @classmethod
    def useless_fields(cls) -> Tuple[str, ...]:
        """Fields of the configuration that are an error with this architecture, if given."""
        return useless_fields(cls.decoder_class)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> Union[RecurrentModel, VectorModel]:
        """Build from a configuration; for a task of vectors, a model of vectors.

        Raises:
            UsageError: flags, dictionaries or files that do not fit together.
        """
        if getattr(task, "vectors", None) is not None:
            return build_vector_model(cls, cfg, task)
        settings = resolve(cls, cfg, task)
        run, autocast = settings.run, Autocast(settings.run.autocast)
        embedding = build_embedding(task.source_dictionary, settings.encoder_embedding)
        encoder = build_encoder(settings.model.encoder, embedding)
        decoder, adaptive_softmax = _build_decoder(settings, task.target_dictionary, encoder)
        return cls(
            RecurrentEncoder(task.source_dictionary, encoder, run.max_source_positions, autocast),
            RecurrentDecoder(
                task.target_dictionary,
                decoder,
                adaptive_softmax,
                run.max_target_positions,
                run.left_pad_target,
                autocast,
                run.decoding_weights,
                ScheduledSampling(**vars(settings.scheduled_sampling)),
            ),
        )

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side."""
        return self.encoder(src_tokens)

    def steps(self) -> Steps:
        """The decoder's steps for beam search."""
        return self.decoder.steps()

    def weights(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> Optional[Tensor]:
        """The attention weights (B, T, S) of a forward pass; None without attention.

        Args:
            src_tokens: (B, S), padded on either side.
            prev_output_tokens: (B, T), padded on the right.
        """
        self.decoder.need_attn = True
        _, extra = self.decoder(prev_output_tokens, self.encoder(src_tokens), features_only=True)
        return extra["attn"][0]

    def copied(
        self, src_tokens: Tensor, prev_output_tokens: Tensor, targets: Tensor
    ) -> Optional[Tuple[Tensor, Tensor]]:
        """How probable it is that each token of ``targets`` (B, T) is copied, and how probable it is in all, (B, T)
        each; None if the decoder does not copy."""
        return copied_parts(self.decoder.core, self.encoder(src_tokens), prev_output_tokens, targets)


def _build_decoder(
    settings: Resolved, dictionary: Any, encoder: Encoder
) -> Tuple[Decoder[Any], Optional[AdaptiveSoftmax]]:
    embedding = encoder.embed_tokens if settings.shares_all else None
    if settings.decoder_embedding is not None:
        embedding = build_embedding(dictionary, settings.decoder_embedding)
    stack = build_decoder_stack(settings.model)
    output_layer, adaptive_softmax = build_output(settings.output, embedding, len(dictionary))
    decoder = build_decoder(
        settings.model,
        embed_tokens=embedding,
        stack=stack,
        output_layer=output_layer,
        encoder_stack=encoder.stack,
    )
    return decoder, adaptive_softmax
