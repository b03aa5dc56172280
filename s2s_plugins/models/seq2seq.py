"""The adapter between fairseq and ``s2s_plugins.nn``: what the four architectures share.

Shape letters: B sentences, S source tokens, T target tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Callable, Optional, Tuple

import torch
from fairseq.dataclass.utils import merge_with_parent
from fairseq.models import FairseqEncoder, FairseqEncoderDecoderModel, FairseqIncrementalDecoder
from fairseq.modules import AdaptiveSoftmax
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from s2s_plugins import compat
from s2s_plugins.errors import UsageError
from s2s_plugins.models import config
from s2s_plugins.models.embeddings import build_embedding
from s2s_plugins.nn import bridge as bridges
from s2s_plugins.nn.decoder import Decoder, Readout
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import Encoder, EncoderOutput
from s2s_plugins.nn.recurrent import RecurrentStack

logger = logging.getLogger(__name__)

DEFAULT_MAX_POSITIONS = 100_000


class Autocast:
    """``--autocast``: a context for forward passes that computes matrix products in bfloat16.

    Args:
        kind: ``"none"`` or ``"bf16"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.warned = False

    def __call__(self, device: torch.device):
        if self.kind == "none":
            return contextlib.nullcontext()
        if not self.supported(device):
            if not self.warned:
                logger.warning("--autocast bf16 is left off: this CPU has no bfloat16 instructions (AVX512 or AMX)")
                self.warned = True
            return contextlib.nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)

    @staticmethod
    def supported(device: torch.device) -> bool:
        """Whether recurrent layers run in bfloat16 on ``device``."""
        if device.type == "cuda":
            return torch.cuda.is_bf16_supported()
        mkldnn = torch.backends.mkldnn.is_available()
        return device.type == "cpu" and mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported()


class RecurrentEncoder(FairseqEncoder):
    """fairseq's encoder interface over :class:`s2s_plugins.nn.encoder.Encoder`.

    Args:
        dictionary: of the source.
        core: the encoder.
        max_positions: longest source, in tokens.
        autocast: the forward pass's context.
    """

    def __init__(self, dictionary, core: Encoder, max_positions: int, autocast: Autocast) -> None:
        super().__init__(dictionary)
        self.core = core
        self.max_source_positions = max_positions
        self.autocast = autocast

    def forward(self, src_tokens: Tensor, src_lengths: Optional[Tensor] = None, **kwargs) -> EncoderOutput:
        """Encode ``src_tokens`` (B, S), padded on either side; the lengths are read off the padding."""
        with self.autocast(src_tokens.device):
            return self.core(src_tokens)

    def reorder_encoder_out(self, encoder_out: EncoderOutput, new_order: Tensor) -> EncoderOutput:
        return encoder_out.reorder(new_order)

    def max_positions(self) -> int:
        return self.max_source_positions


class RecurrentDecoder(FairseqIncrementalDecoder):
    """fairseq's incremental decoder interface over :class:`s2s_plugins.nn.decoder.Decoder`.

    Args:
        dictionary: of the target.
        core: the decoder; with an adaptive softmax its output layer is the identity.
        adaptive_softmax: takes the output layer's place, or None.
        max_positions: longest target, in tokens.
        left_pad_target: whether training batches are padded on the left.
        autocast: the forward pass's context.
    """

    STATE = "decoder_state"

    def __init__(
        self,
        dictionary,
        core: Decoder,
        adaptive_softmax: Optional[AdaptiveSoftmax],
        max_positions: int,
        left_pad_target: bool,
        autocast: Autocast,
    ) -> None:
        super().__init__(dictionary)
        self.core = core
        self.adaptive_softmax = adaptive_softmax
        self.max_target_positions = max_positions
        self.left_pad_target = left_pad_target
        self.autocast = autocast
        self.need_attn = True

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Optional[EncoderOutput] = None,
        incremental_state: Optional[dict] = None,
        features_only: bool = False,
        **kwargs,
    ) -> Tuple[Tensor, dict]:
        """Logits (B, T, V) and ``{"attn": [(B, T, S)]}``; T is 1 from the second call with ``incremental_state`` on.

        With an adaptive softmax or ``features_only``, features (B, T, O) take the logits' place.
        """
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        return (features if features_only else self.output_layer(features)), extra

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Optional[EncoderOutput] = None,
        incremental_state: Optional[dict] = None,
        **kwargs,
    ) -> Tuple[Tensor, dict]:
        """Features (B, T, O), and the attention as in :meth:`forward`."""
        with self.autocast(prev_output_tokens.device):
            if incremental_state is None:
                features, attention = self._run_whole(prev_output_tokens, encoder_out)
            else:
                state = self.get_incremental_state(incremental_state, self.STATE)
                if state is None:
                    state = self.core.start(encoder_out)
                else:
                    prev_output_tokens = prev_output_tokens[:, -1:]
                features, attention, state = self.core.run(prev_output_tokens, state)
                self.set_incremental_state(incremental_state, self.STATE, state)
        features = features.to(next(self.core.parameters()).dtype)  # autocast's bfloat16 ends here
        return features, {"attn": [attention if self.need_attn else None]}

    def _run_whole(self, prev_output_tokens: Tensor, encoder_out: EncoderOutput):
        """A whole target; left padding is rolled to the right first, so that the state starts at the first token."""
        state = self.core.start(encoder_out)
        if not self.left_pad_target:
            features, attention, _ = self.core.run(prev_output_tokens, state)
            return features, attention
        steps = prev_output_tokens.size(1)
        padding = prev_output_tokens.eq(self.dictionary.pad()).long().cumprod(1).sum(1, keepdim=True)  # B 1
        positions = torch.arange(steps, device=prev_output_tokens.device)
        rolled = prev_output_tokens.gather(1, (positions + padding) % steps)
        features, attention, _ = self.core.run(rolled, state)
        back = ((positions - padding) % steps).unsqueeze(-1)
        features = features.gather(1, back.expand(-1, -1, features.size(-1)))
        if attention is not None:
            attention = attention.gather(1, back.expand(-1, -1, attention.size(-1)))
        return features, attention

    def output_layer(self, features: Tensor) -> Tensor:
        """Features (B, T, O) -> logits (B, T, V) in their type; an adaptive softmax takes the features themselves."""
        with self.autocast(features.device):
            logits = self.core.output_layer(features)
        return logits.to(features.dtype)

    def reorder_incremental_state(self, incremental_state: Optional[dict], new_order: Tensor) -> None:
        state = self.get_incremental_state(incremental_state, self.STATE)
        if state is not None:
            self.set_incremental_state(incremental_state, self.STATE, state.reorder(new_order))

    def max_positions(self) -> int:
        return self.max_target_positions

    def make_generation_fast_(self, need_attn: bool = False, **kwargs) -> None:
        self.need_attn = bool(need_attn)


class RecurrentModel(FairseqEncoderDecoderModel):
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
        cutoffs = config.adaptive_cutoffs(cfg, len(dictionary))
        adaptive_softmax, output_layer = None, nn.Identity()
        if cutoffs is not None:
            adaptive_softmax = AdaptiveSoftmax(len(dictionary), features, cutoffs, dropout=cfg.decoder_dropout_out)
        else:
            output_layer = cls._build_output_layer(cfg, embedding, len(dictionary))
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
            path=None if compat.building_from_checkpoint() else getattr(cfg, f"{side}_embed_path"),
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
    def _check_use(cls, cfg) -> None:
        """Flags for something that this architecture does not have."""
        if not cls.reads_previous_token:
            for name in (
                "decoder_embed_dim",
                "decoder_embed_path",
                "decoder_freeze_embed",
                "share_decoder_input_output_embed",
                "share_all_embeddings",
            ):
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
        kind = str(cfg.bridge)
        if kind == "auto":
            kind = cls.auto_bridge(cfg, encoder_stack, decoder_stack)
            logger.info(f"--bridge auto: {kind}")
        if kind == "zero":
            return bridges.ZeroBridge(decoder_stack)
        if kind == "dense":
            return bridges.DenseBridge(*cls.dense_source(encoder_stack), decoder_stack)
        if not bridges.CopyBridge.fits(encoder_stack, decoder_stack):
            raise UsageError(
                f"--bridge copy needs equal shapes, the encoder ends in {cfg.encoder_layers} layers x "
                f"{encoder_stack.output_size} values, the decoder starts from {cfg.decoder_layers} x "
                f"{decoder_stack.output_size}: use --bridge dense"
            )
        return bridges.CopyBridge(encoder_stack, decoder_stack)

    @classmethod
    def _build_output_layer(cls, cfg, embedding: Optional[nn.Embedding], vocabulary: int) -> nn.Linear:
        shares = cfg.share_decoder_input_output_embed or cfg.share_all_embeddings
        layer = nn.Linear(cfg.decoder_out_embed_dim, vocabulary, bias=not shares)
        if shares:
            layer.weight = embedding.weight
        else:
            nn.init.uniform_(layer.weight, -0.1, 0.1)
            nn.init.zeros_(layer.bias)
        return layer

    def load_state_dict(self, state_dict, strict=True, model_cfg=None, args=None):
        """As fairseq's, with a message that names the first weight that does not fit.

        Raises:
            UsageError: a weight is missing, unknown or of another shape.
        """
        if strict:
            own = self.state_dict()
            for name in [*own, *state_dict]:
                if name not in state_dict:
                    raise UsageError(f"the checkpoint is of another architecture: it has no weight {name}")
                if name not in own:
                    raise UsageError(f"the checkpoint is of another architecture: this model has no weight {name}")
                if own[name].shape != state_dict[name].shape:
                    raise UsageError(
                        f"the checkpoint is of another architecture: {name} is {tuple(state_dict[name].shape)} in "
                        f"it and {tuple(own[name].shape)} in this model"
                    )
        return super().load_state_dict(state_dict, strict, model_cfg=model_cfg, args=args)
