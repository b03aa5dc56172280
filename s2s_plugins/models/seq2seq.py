"""The base of the four registered models: builds encoder and decoder from a configuration."""

from __future__ import annotations

import logging
from typing import Callable, Optional, Tuple

from fairseq.dataclass.utils import merge_with_parent
from fairseq.models import FairseqEncoderDecoderModel
from fairseq.modules import AdaptiveSoftmax
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from s2s_plugins.compat.checkpoints import building_from_checkpoint
from s2s_plugins.errors import UsageError
from s2s_plugins.models import config
from s2s_plugins.models.adapters import Autocast, RecurrentDecoder, RecurrentEncoder
from s2s_plugins.models.embeddings import build_embedding, build_output
from s2s_plugins.models.loading import CheckedLoading
from s2s_plugins.nn import bridge as bridges
from s2s_plugins.nn.decoder import Decoder, Readout
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import Encoder, EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentStack
from s2s_plugins.nn.scheduled import ScheduledSampling

logger = logging.getLogger(__name__)

DEFAULT_MAX_POSITIONS = 100_000
PREVIOUS_TOKEN_FIELDS = (
    "decoder_embed_dim",
    "decoder_embed_path",
    "decoder_freeze_embed",
    "share_decoder_input_output_embed",
    "share_all_embeddings",
    "scheduled_sampling",
)


class RecurrentModel(CheckedLoading, FairseqEncoderDecoderModel):
    """Base of the registered models: builds encoder and decoder from a :class:`~config.RecurrentConfig`.

    A subclass says what its decoder sees (``input_size``, ``readout_size``), how it starts (``auto_bridge``,
    ``dense_source``) and what class it is (``build_decoder``).
    """

    config_class = config.RecurrentConfig
    reads_previous_token = True
    reads_memory_each_step = True

    @classmethod
    def input_size(cls, cfg, memory_size: int) -> int:
        """Size of what feeds a decoding step."""
        raise NotImplementedError

    @classmethod
    def readout_size(cls, cfg, memory_size: int) -> int:
        """Size of what the output sees."""
        raise NotImplementedError

    @classmethod
    def auto_bridge(cls, cfg, encoder_stack: RecurrentStack, decoder_stack: RecurrentStack) -> str:
        """What ``--bridge auto`` means for these shapes: zero, copy or dense."""
        raise NotImplementedError

    @classmethod
    def dense_source(cls, encoder_stack: RecurrentStack) -> Tuple[Callable[[EncoderOutput], Tensor], int]:
        """What a dense bridge starts from, and its size: by default C (Cho et al. 2014)."""
        return bridges.context, encoder_stack.output_size

    @classmethod
    def build_decoder(cls, cfg, memory_size: int, **shared) -> Decoder:
        """The decoder, from its configuration and its ready-made parts."""
        raise NotImplementedError

    @classmethod
    def check(cls, cfg) -> None:
        """Checks on flags of this architecture alone."""

    @classmethod
    def build_model(cls, cfg, task) -> "RecurrentModel":
        """Build from a configuration.

        Raises:
            UsageError: flags, dictionaries or files that do not fit together.
        """
        cfg = cls._complete(cfg)
        config.check(cfg)
        cls._check_use(cfg)
        cls.check(cfg)
        config.resolve(cfg)
        config.check_sharing(cfg, same_dictionary=task.source_dictionary == task.target_dictionary)
        limits = getattr(task, "cfg", None) or getattr(task, "args", None)
        autocast = Autocast(str(cfg.autocast))
        encoder = cls._build_encoder(cfg, task.source_dictionary)
        decoder, adaptive_softmax = cls._build_decoder(cfg, task.target_dictionary, encoder)
        return cls(
            RecurrentEncoder(
                task.source_dictionary,
                encoder,
                getattr(limits, "max_source_positions", DEFAULT_MAX_POSITIONS),
                autocast,
            ),
            RecurrentDecoder(
                task.target_dictionary,
                decoder,
                adaptive_softmax,
                getattr(limits, "max_target_positions", DEFAULT_MAX_POSITIONS),
                bool(getattr(limits, "left_pad_target", False)),
                autocast,
                str(cfg.decoding_weights),
                ScheduledSampling(
                    cfg.scheduled_sampling, cfg.scheduled_sampling_updates, str(cfg.scheduled_sampling_decay)
                ),
            ),
        )

    @classmethod
    def _build_encoder(cls, cfg, dictionary) -> Encoder:
        dropout_out = Dropout(cfg.encoder_dropout_out, side="encoder")
        return Encoder(
            embed_tokens=cls._build_embedding(cfg, dictionary, "encoder"),
            stack=RecurrentStack(
                cell=str(cfg.rnn_cell),
                input_size=cfg.encoder_embed_dim,
                hidden_size=cfg.encoder_hidden_size,
                num_layers=cfg.encoder_layers,
                bidirectional=cfg.encoder_bidirectional,
                dropout=dropout_out,
                residual=cfg.residual and cfg.encoder_layers > 1,
            ),
            dropout_in=Dropout(cfg.encoder_dropout_in, side="encoder"),
            dropout_out=dropout_out,
        )

    @classmethod
    def _build_decoder(cls, cfg, dictionary, encoder: Encoder) -> Tuple[Decoder, Optional[AdaptiveSoftmax]]:
        embedding = None
        if cfg.share_all_embeddings:
            embedding = encoder.embed_tokens
        elif cls.reads_previous_token:
            embedding = cls._build_embedding(cfg, dictionary, "decoder")
        dropout_out = Dropout(cfg.decoder_dropout_out, side="decoder")
        stack = RecurrentStack(
            cell=str(cfg.rnn_cell),
            input_size=cls.input_size(cfg, encoder.output_size),
            hidden_size=cfg.decoder_hidden_size,
            num_layers=cfg.decoder_layers,
            dropout=dropout_out,
            residual=cfg.residual and cfg.decoder_layers > 1,
        )
        features = cfg.decoder_out_embed_dim
        seen = cls.readout_size(cfg, encoder.output_size)
        output_layer, adaptive_softmax = build_output(cfg, embedding, len(dictionary))
        decoder = cls.build_decoder(
            cfg,
            encoder.output_size,
            embed_tokens=embedding,
            stack=stack,
            bridge=cls._build_bridge(cfg, encoder.stack, stack),
            readout=Readout(seen, features, dropout_out, direct=seen == features == cfg.decoder_hidden_size),
            output_layer=output_layer,
            dropout_in=Dropout(cfg.decoder_dropout_in, side="decoder"),
        )
        return decoder, adaptive_softmax

    @classmethod
    def _build_embedding(cls, cfg, dictionary, side: str) -> nn.Embedding:
        """The embedding of ``side``; a pre-trained file is read unless a checkpoint's weights come next."""
        return build_embedding(
            dictionary,
            getattr(cfg, f"{side}_embed_dim"),
            path=None if building_from_checkpoint() else getattr(cfg, f"{side}_embed_path"),
            path_flag=f"--{side}-embed-path",
            dim_flag=f"--{side}-embed-dim",
            freeze=getattr(cfg, f"{side}_freeze_embed"),
        )

    @classmethod
    def _complete(cls, cfg):
        """``cfg`` with a value for every field: a configuration file or an older checkpoint may lack some."""
        if not isinstance(cfg, DictConfig):
            return OmegaConf.merge(OmegaConf.structured(cls.config_class), cls.config_class.from_namespace(cfg))
        known = OmegaConf.masked_copy(cfg, [key for key in cfg if key in cls.config_class.__dataclass_fields__])
        return merge_with_parent(cls.config_class(), known)

    @classmethod
    def useless_fields(cls) -> Tuple[str, ...]:
        """Fields of the configuration that are an error with this architecture, if given."""
        return () if cls.reads_previous_token else PREVIOUS_TOKEN_FIELDS

    @classmethod
    def _check_use(cls, cfg) -> None:
        """Flags for something that this architecture does not have."""
        for name in cls.useless_fields():
            if getattr(cfg, name):
                raise UsageError(
                    f"{config.flag(name)} has no use with --arch {cfg._name}, whose decoder never reads the "
                    f"previous token: leave {config.flag(name)} out, or use --arch peek_lstm"
                )
        if str(cfg.bridge) == "zero" and not cls.reads_memory_each_step:
            raise UsageError(
                f"--bridge zero hides the source from --arch {cfg._name}, whose decoder sees it through its first "
                "state alone: use --bridge auto, copy or dense"
            )

    @classmethod
    def _build_bridge(cls, cfg, encoder_stack: RecurrentStack, decoder_stack: RecurrentStack) -> nn.Module:
        kind, activation = str(cfg.bridge), str(cfg.bridge_activation)
        if kind == "auto":
            kind = cls.auto_bridge(cfg, encoder_stack, decoder_stack)
            logger.info(f"--bridge auto: {kind}")
        if kind != "dense" and activation != "tanh":
            auto = f"auto, which is {kind} here," if str(cfg.bridge) == "auto" else kind
            raise UsageError(
                f"--bridge-activation {activation} is about the layer of a dense bridge, --bridge {auto} has none: "
                "use --bridge dense, or leave --bridge-activation out"
            )
        if kind == "zero":
            return bridges.ZeroBridge(decoder_stack)
        if kind == "dense":
            return bridges.DenseBridge(*cls.dense_source(encoder_stack), decoder_stack, activation)
        if not bridges.CopyBridge.fits(encoder_stack, decoder_stack):
            raise UsageError(
                f"--bridge copy needs equal shapes, the encoder ends in {cfg.encoder_layers} layers x "
                f"{encoder_stack.output_size} values, the decoder starts from {cfg.decoder_layers} x "
                f"{decoder_stack.output_size}: use --bridge dense"
            )
        return bridges.CopyBridge(encoder_stack, decoder_stack)
