"""``--arch attention_lstm``: each step looks at the whole source anew."""

from fairseq.models import register_model

from s2s_plugins.errors import UsageError
from s2s_plugins.models.config import AttentionConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn import bridge
from s2s_plugins.nn.attention import ATTENTIONS
from s2s_plugins.nn.decoders import AttentionDecoder, HardAttentionDecoder

HAS_HIDDEN_LAYER = ("additive", "concat")


@register_model("attention_lstm", dataclass=AttentionConfig)
class AttentionLSTM(RecurrentModel):
    """Bahdanau et al. 2014, arXiv:1409.0473, and Luong et al. 2015, arXiv:1508.04025:
    :class:`s2s_plugins.nn.decoders.AttentionDecoder`."""

    config_class = AttentionConfig

    @classmethod
    def input_size(cls, cfg, memory_size):
        if cfg.attention_timing == "before":
            return cfg.decoder_embed_dim + memory_size
        return cfg.decoder_embed_dim + (cfg.decoder_out_embed_dim if cfg.input_feeding else 0)

    @classmethod
    def readout_size(cls, cfg, memory_size):
        embedding = cfg.decoder_embed_dim if cfg.attention_timing == "before" else 0
        return cfg.decoder_hidden_size + embedding + memory_size

    @classmethod
    def auto_bridge(cls, cfg, encoder_stack, decoder_stack):
        # Luong et al. hand the state over as it is, Bahdanau et al. start from a tanh layer
        fits = bridge.CopyBridge.fits(encoder_stack, decoder_stack)
        return "copy" if cfg.attention_timing == "after" and fits else "dense"

    @classmethod
    def dense_source(cls, encoder_stack):
        if encoder_stack.layers[0].bidirectional:
            return bridge.first_backward, encoder_stack.output_size // 2
        return bridge.context, encoder_stack.output_size

    @classmethod
    def check(cls, cfg):
        if cfg.input_feeding and cfg.attention_timing == "before":
            raise UsageError(
                "--input-feeding feeds the attentional vector of a step to the next, with --attention-timing before "
                "the context feeds the step already: use --attention-timing after, or leave --input-feeding out"
            )
        if cfg.attention_alignment != "soft":
            cls._check_hard(cfg)
        for name in ("attention_coverage", "attention_dim"):
            if getattr(cfg, name) and cfg.attention not in HAS_HIDDEN_LAYER:
                flag = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{flag} is about the hidden layer of the score, --attention {cfg.attention} has none: use "
                    f"--attention additive or concat, or leave {flag} out"
                )

    @classmethod
    def _check_hard(cls, cfg):
        """What hard attention excludes: it has no mean of the source tokens that a step could see."""
        asked = f"--attention-alignment {cfg.attention_alignment}"
        if cfg.attention_timing == "before":
            raise UsageError(
                f"{asked} has no context to feed a step with, --attention-timing before does: use "
                "--attention-timing after"
            )
        for name in ("input_feeding", "attention_coverage", "adaptive_softmax_cutoff"):
            if getattr(cfg, name):
                flag = "--" + name.replace("_", "-")
                remedy = f"leave {flag} out, or use --attention-alignment soft"
                raise UsageError(f"{asked} does not go with {flag}: {remedy}")

    @classmethod
    def build_decoder(cls, cfg, memory_size, **shared):
        if cfg.attention == "dot" and cfg.decoder_hidden_size != memory_size:
            raise UsageError(
                f"--attention dot needs equal sizes, --decoder-hidden-size is {cfg.decoder_hidden_size} and the "
                f"encoder's output {memory_size}: use --attention general, or --decoder-hidden-size {memory_size}"
            )
        sizes = {}
        if cfg.attention in HAS_HIDDEN_LAYER:
            sizes["attention_dim"] = cfg.attention_dim or cfg.decoder_hidden_size
            sizes["coverage"] = cfg.attention_coverage
        attention = ATTENTIONS[str(cfg.attention)](cfg.decoder_hidden_size, memory_size, **sizes)
        if cfg.attention_alignment != "soft":
            return HardAttentionDecoder(
                attention=attention, monotonic=str(cfg.attention_alignment) == "monotonic", **shared
            )
        return AttentionDecoder(
            attention=attention,
            timing=str(cfg.attention_timing),
            input_feeding=cfg.input_feeding,
            coverage=cfg.attention_coverage,
            **shared,
        )


preset(
    AttentionLSTM,
    "attention_lstm_tiny",
    encoder_embed_dim=16,
    encoder_hidden_size=16,
    decoder_embed_dim=16,
    decoder_hidden_size=16,
    dropout=0.0,
)
# Luong et al. 2015, section 4.1: stacks of 4 layers of 1,000 cells, embeddings of 1,000, dropout 0.2
preset(
    AttentionLSTM,
    "attention_lstm_luong",
    encoder_embed_dim=1000,
    encoder_hidden_size=1000,
    encoder_layers=4,
    decoder_embed_dim=1000,
    decoder_hidden_size=1000,
    decoder_layers=4,
    dropout=0.2,
    attention="general",
    attention_timing="after",
)
# the shape of fairseq's lstm_wiseman_iwslt_de_en, after Wiseman and Rush 2016, arXiv:1606.02960
preset(
    AttentionLSTM,
    "attention_lstm_iwslt_de_en",
    encoder_embed_dim=256,
    encoder_dropout_in=0.0,
    encoder_dropout_out=0.0,
    decoder_embed_dim=256,
    decoder_out_embed_dim=256,
    decoder_dropout_in=0.0,
    attention="general",
    attention_timing="after",
    input_feeding=True,
)
