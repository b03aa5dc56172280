"""``--arch sa_lstm``: a sequence autoencoder, one LSTM that reads a text and writes it again."""

from typing import Any, Dict, Optional, Sequence, Tuple

from fairseq.models import register_model
from torch import Tensor

from s2s_plugins.models import sequence
from s2s_plugins.models.adapters import Autocast, RecurrentDecoder, RecurrentEncoder
from s2s_plugins.models.classification import Classifies
from s2s_plugins.models.config import SequenceConfig, preset
from s2s_plugins.models.resolve import resolve_sequence
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders.feedback import FeedbackDecoder
from s2s_plugins.nn.document_encoder import DocumentEncoder


@register_model("sa_lstm", dataclass=SequenceConfig)
class SequenceAutoencoder(Classifies, RecurrentModel):
    """After Dai and Le 2015, arXiv:1511.01432, section 2.1: encoder and decoder are the same LSTM with the same
    embedding (:class:`s2s_plugins.nn.document_encoder.DocumentEncoder` and
    :class:`s2s_plugins.nn.decoders.feedback.FeedbackDecoder`).

    Attributes:
        objectives: what :meth:`forward` can compute beside a classification.
    """

    config_class = SequenceConfig
    decoder_class = FeedbackDecoder
    takes_vectors = False
    objectives = ("reconstruction", "lm")

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> "SequenceAutoencoder":
        """Build from a configuration.

        Raises:
            UsageError: flags or files that do not fit together.
        """
        dictionary = task.source_dictionary
        settings = resolve_sequence(cfg, task, len(dictionary))
        parts = sequence.build_parts(settings, dictionary, len(dictionary), from_encoder=True)
        autocast, longest = Autocast(settings.run.autocast), settings.run.max_source_positions
        model = cls(
            RecurrentEncoder(dictionary, parts.encoder, longest, autocast),
            RecurrentDecoder(
                dictionary,
                parts.decoder,
                parts.adaptive_softmax,
                longest,
                left_pad_target=False,
                autocast=autocast,
                decoding_weights=settings.run.decoding_weights,
            ),
        )
        model.prepare_heads(settings, autocast)
        return model

    @property
    def reader(self) -> DocumentEncoder:
        return self.encoder.core

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Optional[Tensor] = None,
        prev_output_tokens: Optional[Tensor] = None,
        features_only: bool = False,
        classification_head_name: Optional[str] = None,
        every_step: bool = False,
        objectives: Sequence[str] = (),
        **kwargs: Any,
    ) -> Tuple[Tensor, Dict[str, Any]]:
        """Reconstruct, or classify.

        Args:
            src_tokens: (B, S), padded on either side.
            prev_output_tokens: (B, T), the text shifted right by one, padded on the right.
            features_only: features (B, T, O) take the logits' place.
            classification_head_name: classify ``src_tokens`` with this head.
            every_step: a prediction at every token.
            objectives: of :attr:`objectives`, to be computed beside a classification, from ``prev_output_tokens``.

        Returns:
            Logits (B, T, V) and the decoder's extra; with a head, logits (B, C) or (B, S, C) and the output of each
            of ``objectives`` by name.
        """
        encoder_out = self.encoder(src_tokens, src_lengths)
        if classification_head_name is None:
            if prev_output_tokens is None:
                return encoder_out.memory, {}
            return self.decoder(prev_output_tokens, encoder_out=encoder_out, features_only=features_only)
        extra = {}
        if "reconstruction" in objectives:
            extra["reconstruction"] = self.decoder(prev_output_tokens, encoder_out=encoder_out)[0]
        if "lm" in objectives:
            extra["lm"] = self.decoder(prev_output_tokens, encoder_out=None)[0]
        return self.classify(encoder_out, classification_head_name, every_step), extra


preset(SequenceAutoencoder, "sa_lstm_tiny", **sequence.TINY)
preset(SequenceAutoencoder, "sa_lstm_small", **sequence.SMALL)
preset(SequenceAutoencoder, "sa_lstm_dai_le", **sequence.DAI_LE)
