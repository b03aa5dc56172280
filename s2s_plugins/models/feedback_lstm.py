"""``--arch feedback_lstm``: the previous token feeds a step, the source comes in through the first state."""

from fairseq.models import register_model

from s2s_plugins.models.config import RecurrentConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn import bridge
from s2s_plugins.nn.decoders import FeedbackDecoder


@register_model("feedback_lstm", dataclass=RecurrentConfig)
class FeedbackLSTM(RecurrentModel):
    """Sutskever et al. 2014, arXiv:1409.3215: :class:`s2s_plugins.nn.decoders.FeedbackDecoder`."""

    reads_memory_each_step = False

    @classmethod
    def input_size(cls, cfg, memory_size):
        return cfg.decoder_embed_dim

    @classmethod
    def readout_size(cls, cfg, memory_size):
        return cfg.decoder_hidden_size

    @classmethod
    def auto_bridge(cls, cfg, encoder_stack, decoder_stack):
        return "copy" if bridge.CopyBridge.fits(encoder_stack, decoder_stack) else "dense"

    @classmethod
    def dense_source(cls, encoder_stack):
        layers = len(encoder_stack.layers) + encoder_stack.num_cells
        return bridge.all_layers, layers * encoder_stack.output_size

    @classmethod
    def build_decoder(cls, cfg, memory_size, **shared):
        return FeedbackDecoder(**shared)


preset(
    FeedbackLSTM,
    "feedback_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_embed_dim=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
