"""``--arch attention_lstm``: each step looks at the whole source."""

from typing import Any, Type

from fairseq.models import register_model

from s2s_plugins.errors import UsageError
from s2s_plugins.models.config import AttentionConfig, preset
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.attention import ATTENTIONS
from s2s_plugins.nn.decoder import Decoder
from s2s_plugins.nn.decoders.attention import AttentionDecoder
from s2s_plugins.nn.decoders.hard import HardAttentionDecoder
from s2s_plugins.nn.decoders.pointer_generator import PointerGenerator
from s2s_plugins.nn.settings import AttentionSettings, StackSettings


@register_model("attention_lstm", dataclass=AttentionConfig)
class AttentionLSTM(RecurrentModel):
    """Bahdanau et al. 2014, arXiv:1409.0473, and Luong et al. 2015, arXiv:1508.04025:
    :class:`s2s_plugins.nn.decoders.attention.AttentionDecoder`. What hard attention and copying make of it are
    decoders of their own."""

    config_class = AttentionConfig

    decoder_class = AttentionDecoder

    @classmethod
    def decoder_of(cls, cfg: Any) -> Type[Decoder[Any]]:
        if str(cfg.attention_alignment) != "soft":
            return HardAttentionDecoder
        return PointerGenerator if cls.copies(cfg) else cls.decoder_class

    @classmethod
    def copies(cls, cfg: Any) -> bool:
        return bool(cfg["copy"])  # the attribute of a configuration is its method

    @classmethod
    def check(cls, cfg: Any) -> None:
        if cfg.input_feeding and cfg.attention_timing == "before":
            raise UsageError(
                "--input-feeding feeds the attentional vector of a step to the next, with --attention-timing before "
                "the context feeds the step already: use --attention-timing after, or leave --input-feeding out"
            )
        if cfg.attention_alignment != "soft":
            cls._check_hard(cfg)
        if cls.copies(cfg) and cfg.adaptive_softmax_cutoff:
            raise UsageError(
                "--copy adds to the probabilities of all symbols, --adaptive-softmax-cutoff splits them: leave one of "
                "them out"
            )
        for name in ("attention_coverage", "attention_dim"):
            if getattr(cfg, name) and not ATTENTIONS[str(cfg.attention)].has_hidden_layer:
                flag = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{flag} is about the hidden layer of the score, --attention {cfg.attention} has none: use "
                    f"--attention additive or concat, or leave {flag} out"
                )

    @classmethod
    def _check_hard(cls, cfg: Any) -> None:
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
    def attention_settings(cls, cfg: Any, stack: StackSettings, memory_size: int) -> AttentionSettings:
        if cfg.attention == "dot" and stack.hidden_size != memory_size:
            raise UsageError(
                f"--attention dot needs equal sizes, --decoder-hidden-size is {stack.hidden_size} and the "
                f"encoder's output {memory_size}: use --attention general, or --decoder-hidden-size {memory_size}"
            )
        return AttentionSettings(
            score=str(cfg.attention),
            timing=str(cfg.attention_timing),
            alignment=str(cfg.attention_alignment),
            dim=cfg.attention_dim or stack.hidden_size,
            input_feeding=cfg.input_feeding,
            coverage=cfg.attention_coverage,
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
