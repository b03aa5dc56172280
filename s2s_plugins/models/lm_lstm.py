"""``--arch lm_lstm``: a language model, which also reads documents for a classifier."""

from typing import Any, Dict, Optional, Sequence, Tuple

from fairseq.models import FairseqLanguageModel, register_model
from torch import Tensor

from s2s_plugins.models import sequence
from s2s_plugins.models.adapters import Autocast, RecurrentDecoder
from s2s_plugins.models.classification import Classifies
from s2s_plugins.models.config import SequenceConfig, preset
from s2s_plugins.models.resolve import resolve_sequence


@register_model("lm_lstm", dataclass=SequenceConfig)
class LanguageModel(Classifies, FairseqLanguageModel):
    """After Dai and Le 2015, arXiv:1511.01432, section 2.2: the sequence autoencoder without its encoder.

    Attributes:
        objectives: what :meth:`forward` can compute beside a classification.
    """

    config_class = SequenceConfig
    symbol_buffers = {"text": "decoder.symbols"}
    objectives = ("lm",)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> "LanguageModel":
        """Build from a configuration.

        Raises:
            UsageError: flags or files that do not fit together.
        """
        output_dictionary = task.target_dictionary
        settings = resolve_sequence(cfg, task, len(output_dictionary))
        parts = sequence.build_parts(settings, task.source_dictionary, len(output_dictionary), from_encoder=False)
        autocast = Autocast(settings.run.autocast)
        model = cls(
            RecurrentDecoder(
                output_dictionary,
                parts.decoder,
                parts.adaptive_softmax,
                settings.run.max_target_positions,
                left_pad_target=False,
                autocast=autocast,
            )
        )
        model.reader = parts.encoder
        model.prepare_heads(settings, autocast)
        return model

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
        """Predict the next tokens, or classify.

        Args:
            src_tokens: (B, S); padded on the right, for a classification on either side.
            prev_output_tokens: (B, S), for ``objectives`` alone: the text shifted right by one.
            features_only: features (B, S, O) take the logits' place.
            classification_head_name: classify ``src_tokens`` with this head.
            every_step: a prediction at every token.
            objectives: of :attr:`objectives`, to be computed beside a classification.

        Returns:
            Logits (B, S, V) and the decoder's extra; with a head, logits (B, C) or (B, S, C) and the output of each
            of ``objectives`` by name.
        """
        if classification_head_name is None:
            return self.decoder(src_tokens, features_only=features_only, **kwargs)
        with self.autocast(src_tokens.device):
            encoder_out = self.reader(src_tokens)
        extra = {"lm": self.decoder(prev_output_tokens)[0]} if "lm" in objectives else {}
        return self.classify(encoder_out, classification_head_name, every_step), extra


preset(LanguageModel, "lm_lstm_tiny", **sequence.TINY)
preset(LanguageModel, "lm_lstm_small", **sequence.SMALL)
preset(LanguageModel, "lm_lstm_dai_le", **sequence.DAI_LE)
