"""``--arch basic_lstm``: the source summary C feeds every step, the previous token none."""

from fairseq.models import register_model

from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders.basic import BasicDecoder


@register_model("basic_lstm", dataclass=RecurrentConfig)
class BasicLSTM(RecurrentModel):
    """The basic encoder-decoder: :class:`s2s_plugins.nn.decoders.basic.BasicDecoder`."""

    decoder_class = BasicDecoder


preset(
    BasicLSTM,
    "basic_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
