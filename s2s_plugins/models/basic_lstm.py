"""``--arch basic_lstm``: the source summary C feeds every step, the previous token none."""

from fairseq.models import register_model

from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders import BasicDecoder


@register_model("basic_lstm", dataclass=RecurrentConfig)
class BasicLSTM(RecurrentModel):
    """The basic encoder-decoder: :class:`s2s_plugins.nn.decoders.BasicDecoder`."""

    reads_previous_token = False

    @classmethod
    def input_size(cls, cfg, memory_size):
        return memory_size

    @classmethod
    def readout_size(cls, cfg, memory_size):
        return cfg.decoder_hidden_size

    @classmethod
    def auto_bridge(cls, cfg, encoder_stack, decoder_stack):
        return "zero"

    @classmethod
    def build_decoder(cls, cfg, memory_size, **shared):
        return BasicDecoder(**shared)


preset(
    BasicLSTM,
    "basic_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
