"""``--arch peek_lstm``: the previous token and the source summary C feed every step and every output."""

from fairseq.models import register_model

from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders.peek import PeekDecoder


@register_model("peek_lstm", dataclass=RecurrentConfig)
class PeekLSTM(RecurrentModel):
    """Cho et al. 2014, arXiv:1406.1078, with LSTM layers: :class:`s2s_plugins.nn.decoders.peek.PeekDecoder`."""

    decoder_class = PeekDecoder


preset(
    PeekLSTM,
    "peek_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_embed_dim=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
