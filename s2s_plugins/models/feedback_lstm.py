"""``--arch feedback_lstm``: the previous token feeds a step, the source comes in through the first state."""

from fairseq.models import register_model

from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.decoders.feedback import FeedbackDecoder


@register_model("feedback_lstm", dataclass=RecurrentConfig)
class FeedbackLSTM(RecurrentModel):
    """Sutskever et al. 2014, arXiv:1409.3215: :class:`s2s_plugins.nn.decoders.feedback.FeedbackDecoder`."""

    decoder_class = FeedbackDecoder


preset(
    FeedbackLSTM,
    "feedback_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_embed_dim=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
