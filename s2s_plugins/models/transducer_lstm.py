"""``--arch transducer_lstm``: the target is written by edits of the source."""

from typing import Any

from fairseq.models import register_model

from s2s_plugins.errors import UsageError
from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders.transducer import TransducerDecoder


@register_model("transducer_lstm", dataclass=RecurrentConfig)
class TransducerLSTM(RecurrentModel):
    """Edits after Makarov and Clematide 2018, aclanthology C18-1008:
    :class:`s2s_plugins.nn.decoders.transducer.TransducerDecoder`."""

    decoder_class = TransducerDecoder
    takes_vectors = False

    @classmethod
    def copies(cls, cfg: Any) -> bool:
        return True

    @classmethod
    def check(cls, cfg: Any) -> None:
        if cfg.adaptive_softmax_cutoff:
            raise UsageError(
                "--arch transducer_lstm sums over edits for all symbols, --adaptive-softmax-cutoff splits them: leave "
                "it out"
            )


preset(
    TransducerLSTM,
    "transducer_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_embed_dim=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
