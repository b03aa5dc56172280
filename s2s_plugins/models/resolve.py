"""From flags to settings: every default filled in, every check made, and nothing of it changed afterwards."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Protocol, Tuple, Type

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import merge_with_parent
from omegaconf import DictConfig, OmegaConf

from s2s_plugins.errors import UsageError
from s2s_plugins.models.checks import adaptive_cutoffs, check_dropout, check_flags, check_sharing, sharing_flag
from s2s_plugins.models.config import SequenceConfig, flag
from s2s_plugins.nn.build import auto_bridge, copies
from s2s_plugins.nn.decoder import DECODERS, Decoder
from s2s_plugins.nn.settings import (
    AttentionSettings,
    DecoderSettings,
    HeadSettings,
    OutputSettings,
    Seq2SeqSettings,
    SequenceSettings,
    StackSettings,
)
from s2s_plugins.text.features import is_feature

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


class Architecture(Protocol):
    """What a registered model says of itself: :class:`s2s_plugins.models.seq2seq.RecurrentModel`."""

    config_class: Type[FairseqDataclass]

    def check(self, cfg: Any) -> None: ...

    def decoder_of(self, cfg: Any) -> Type[Decoder[Any]]: ...

    def attention_settings(self, cfg: Any, stack: StackSettings, memory_size: int) -> Optional[AttentionSettings]: ...

    def copies(self, cfg: Any) -> bool: ...


@dataclass(frozen=True)
class EmbeddingSettings:
    """Where an embedding's first weights come from.

    Args:
        side: ``"encoder"`` or ``"decoder"``, which its flags begin with.
        dim: E.
        path: text file of pretrained vectors, or None.
        freeze: training leaves it as it is.
    """

    side: str
    dim: int
    path: Optional[str]
    freeze: bool


@dataclass(frozen=True)
class ScheduledSamplingSettings:
    """How often training reads the model's own tokens: :class:`s2s_plugins.nn.scheduled.ScheduledSampling`.

    Args:
        highest: the probability at the end of the schedule.
        updates: length of the schedule.
        decay: of the probability of reading the reference.
    """

    highest: float
    updates: int
    decay: str


@dataclass(frozen=True)
class RunSettings:
    """What concerns a run of any model, not the model itself.

    Args:
        autocast: ``"none"`` or ``"bf16"``.
        decoding_weights: one of :data:`s2s_plugins.nn.fast.weights.KINDS`.
        max_source_positions: longest source, in tokens.
        max_target_positions: longest target, in tokens.
        left_pad_target: training batches are padded on the left.
    """

    autocast: str
    decoding_weights: str
    max_source_positions: int
    max_target_positions: int
    left_pad_target: bool


@dataclass(frozen=True)
class Resolved:
    """An encoder and a decoder, and what their training needs.

    Args:
        model: the modules.
        encoder_embedding: of the source.
        decoder_embedding: of the target; None if it is the source's, or if the decoder never reads the previous token.
        shares_all: source, target and output have one embedding.
        output: of the decoder.
        run: the rest.
        scheduled_sampling: of its training.
    """

    model: Seq2SeqSettings
    encoder_embedding: EmbeddingSettings
    decoder_embedding: Optional[EmbeddingSettings]
    shares_all: bool
    output: OutputSettings
    run: RunSettings
    scheduled_sampling: ScheduledSamplingSettings


@dataclass(frozen=True)
class ResolvedSequence:
    """One stack that reads and writes, and what its training needs.

    Args:
        model: the modules.
        head: of a classifier.
        embedding: of the text.
        output: of the decoder.
        run: the rest.
    """

    model: SequenceSettings
    head: HeadSettings
    embedding: EmbeddingSettings
    output: OutputSettings
    run: RunSettings


def resolve(model: Architecture, cfg: Any, task: Any) -> Resolved:
    """The settings of ``model`` from its configuration.

    Args:
        model: the registered class.
        cfg: a namespace of flags, a configuration file's or a checkpoint's; it may lack fields, and is not changed.
        task: with source and target dictionary, and the limits on their lengths.

    Raises:
        UsageError: flags or dictionaries that do not fit together.
        TypeError: the decoder of ``model`` has no name of its own.
    """
    cfg = checked(model, cfg)
    encoder, decoder = sides(model, cfg)
    stack, output_size = decoder.stack, decoder.output_size
    check_sharing(cfg, stack.embed_dim, output_size, same_dictionary=task.source_dictionary == task.target_dictionary)
    own_embedding = "token" in DECODERS[decoder.kind].sees.step and not cfg.share_all_embeddings
    if str(cfg.features_as) == "bag":
        features = feature_symbols(task.source_dictionary)
        encoder, decoder = replace(encoder, features=features), replace(decoder, features_size=encoder.embed_dim)
    if model.copies(cfg):
        decoder = replace(decoder, copies=copy_table(task.source_dictionary, task.target_dictionary))
    return Resolved(
        model=Seq2SeqSettings(encoder, decoder),
        encoder_embedding=_embedding(cfg, "encoder", encoder.embed_dim),
        decoder_embedding=_embedding(cfg, "decoder", stack.embed_dim) if own_embedding else None,
        shares_all=cfg.share_all_embeddings,
        output=_output(cfg, stack, output_size, len(task.target_dictionary)),
        run=_run(cfg, task),
        scheduled_sampling=scheduled_sampling(cfg),
    )


def feature_symbols(source: Any) -> Tuple[int, ...]:
    """The numbers of the symbols of a source dictionary that are features, and of ``<s>``, an unknown feature.

    Raises:
        UsageError: there are none.
    """
    found = tuple(number for number, symbol in enumerate(source.symbols) if is_feature(symbol))
    if not found:
        raise UsageError(
            "--features-as bag gives the source's features to every step, and no symbol of the source dictionary "
            "is one, as \u27e6PST\u27e7: leave it out"
        )
    return (source.bos(), *found)


def copy_table(source: Any, target: Any) -> Tuple[int, ...]:
    """Of each symbol of a source dictionary, the number of the target symbol that it is copied to: of the same
    spelling, or the unknown one; of a feature ``<s>``, which is never written."""
    return tuple(target.bos() if is_feature(symbol) else target.index(symbol) for symbol in source.symbols)


def checked(model: Architecture, cfg: Any, covariates: bool = False) -> DictConfig:
    """A complete copy of a configuration, whose flags make sense.

    Args:
        model: the registered class.
        cfg: as :func:`resolve` takes it.
        covariates: of each target step something is known in advance; see :class:`DecoderSettings`.

    Raises:
        UsageError: they do not.
    """
    cfg = complete(model.config_class, cfg)
    check_flags(cfg)
    _check_use(model, cfg, covariates)
    model.check(cfg)
    return cfg


def sides(model: Architecture, cfg: Any, covariates: bool = False) -> Tuple[StackSettings, DecoderSettings]:
    """Encoder and decoder of what :func:`checked` returned.

    Raises:
        UsageError: the two do not fit together.
        TypeError: the decoder of ``model`` has no name of its own.
    """
    embed_dim, hidden_size, output_size = _decoder_sizes(cfg)
    encoder = StackSettings(
        embed_dim=cfg.encoder_embed_dim,
        hidden_size=cfg.encoder_hidden_size or cfg.encoder_embed_dim,
        layers=cfg.encoder_layers,
        bidirectional=cfg.encoder_bidirectional,
        residual=cfg.residual and cfg.encoder_layers > 1,
        cell=str(cfg.rnn_cell),
        dropout_in=_first(cfg.encoder_dropout_in, cfg.dropout),
        dropout_out=_first(cfg.encoder_dropout_out, cfg.dropout),
        inner_handover=cfg.inner_handover,
    )
    stack = _decoder_stack(cfg, embed_dim, hidden_size)
    attention = model.attention_settings(cfg, stack, encoder.output_size)
    kind = model.decoder_of(cfg)
    if DECODERS.get(kind.kind) is not kind:
        raise TypeError(f"decoder {kind.__name__} has no `kind` of its own: give it a name for settings")
    bridge = _bridge(cfg, kind, attention, encoder, stack)
    activation = str(cfg.bridge_activation)
    return encoder, DecoderSettings(kind.kind, stack, output_size, bridge, activation, attention, covariates)


def scheduled_sampling(cfg: Any) -> ScheduledSamplingSettings:
    """How often training reads the model's own output."""
    return ScheduledSamplingSettings(
        cfg.scheduled_sampling, cfg.scheduled_sampling_updates, str(cfg.scheduled_sampling_decay)
    )


def resolve_sequence(cfg: Any, task: Any, vocabulary: int) -> ResolvedSequence:
    """The settings of ``sa_lstm`` or ``lm_lstm`` from their configuration, which is not changed.

    Args:
        cfg: as :func:`resolve` takes it.
        task: with the limits on the texts' lengths.
        vocabulary: V, the size of the output.

    Raises:
        UsageError: a size, probability or combination that cannot be.
    """
    cfg = complete(SequenceConfig, cfg)
    check_flags(cfg)
    for name in ("word_dropout", "head_dropout"):
        check_dropout(name, getattr(cfg, name))
    for name, without in (("truncated_bptt", "to keep the whole gradient"), ("head_hidden_size", "to leave it out")):
        if getattr(cfg, name) < 0:
            raise UsageError(f"{flag(name)} {getattr(cfg, name)} is below 0: use 1 or more, or 0 {without}")
    embed_dim, hidden_size, output_size = _decoder_sizes(cfg)
    check_sharing(cfg, embed_dim, output_size, same_dictionary=True)
    stack = _decoder_stack(cfg, embed_dim, hidden_size)
    return ResolvedSequence(
        model=SequenceSettings(stack, output_size, cfg.word_dropout, cfg.truncated_bptt, cfg.pool_embeddings),
        head=HeadSettings(
            str(cfg.pooling), cfg.head_hidden_size, cfg.head_dropout, cfg.head_batch_norm, cfg.bidirectional
        ),
        embedding=_embedding(cfg, "decoder", embed_dim),
        output=_output(cfg, stack, output_size, vocabulary),
        run=_run(cfg, task),
    )


def complete(config_class: Type[FairseqDataclass], cfg: Any) -> DictConfig:
    """A copy of ``cfg`` with a value for every field: a configuration file or an older checkpoint may lack some."""
    if not isinstance(cfg, DictConfig):
        return DictConfig(OmegaConf.merge(OmegaConf.structured(config_class), config_class.from_namespace(cfg)))
    known = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key in config_class.__dataclass_fields__])
    return merge_with_parent(config_class(), known)


def useless_fields(decoder: Type[Decoder[Any]]) -> Tuple[str, ...]:
    """Fields of a configuration that are an error with this kind of decoder, if given."""
    return () if "token" in decoder.sees.step else PREVIOUS_TOKEN_FIELDS


def _check_use(model: Architecture, cfg: Any, covariates: bool) -> None:
    """Flags for something that this architecture does not have."""
    decoder = model.decoder_of(cfg)
    for name in useless_fields(decoder):
        if getattr(cfg, name) and not (covariates and name == "decoder_embed_dim"):
            raise UsageError(
                f"{flag(name)} has no use with --arch {cfg._name}, whose decoder never reads the "
                f"previous token: leave {flag(name)} out, or use --arch peek_lstm"
            )
    sees_source = {"constant", "context"} & {*decoder.sees.step, *decoder.sees.output}
    if str(cfg.bridge) == "zero" and not sees_source:
        raise UsageError(
            f"--bridge zero hides the source from --arch {cfg._name}, whose decoder sees it through its first "
            "state alone: use --bridge auto, copy or dense"
        )


def _bridge(
    cfg: Any,
    kind: Type[Decoder[Any]],
    attention: Optional[AttentionSettings],
    encoder: StackSettings,
    decoder: StackSettings,
) -> str:
    """What the decoder's first state comes from: ``"zero"``, ``"copy"`` or ``"dense"``."""
    fits = copies(encoder, decoder)
    asked, activation = str(cfg.bridge), str(cfg.bridge_activation)
    bridge = asked
    if asked == "auto":
        bridge = auto_bridge(kind, attention, encoder, decoder)
        logger.info(f"--bridge auto: {bridge}")
    if bridge != "dense" and activation != "tanh":
        auto = f"auto, which is {bridge} here," if asked == "auto" else bridge
        raise UsageError(
            f"--bridge-activation {activation} is about the layer of a dense bridge, --bridge {auto} has none: "
            "use --bridge dense, or leave --bridge-activation out"
        )
    if bridge == "copy" and not fits:
        raise UsageError(
            f"--bridge copy needs equal shapes, the encoder ends in {encoder.layers} layers x "
            f"{encoder.output_size} values, the decoder starts from {decoder.layers} x "
            f"{decoder.hidden_size}: use --bridge dense"
        )
    return bridge


def _decoder_sizes(cfg: Any) -> Tuple[int, int, int]:
    """Sizes of the decoder's embedding, layers and features: E, H and O."""
    shares_all = getattr(cfg, "share_all_embeddings", False)
    embed_dim = cfg.decoder_embed_dim or (cfg.encoder_embed_dim if shares_all else 512)
    hidden_size = cfg.decoder_hidden_size or embed_dim
    return embed_dim, hidden_size, cfg.decoder_out_embed_dim or (embed_dim if sharing_flag(cfg) else hidden_size)


def _decoder_stack(cfg: Any, embed_dim: int, hidden_size: int) -> StackSettings:
    return StackSettings(
        embed_dim=embed_dim,
        hidden_size=hidden_size,
        layers=cfg.decoder_layers,
        residual=cfg.residual and cfg.decoder_layers > 1,
        cell=str(cfg.rnn_cell),
        dropout_in=_first(cfg.decoder_dropout_in, cfg.dropout),
        dropout_out=_first(cfg.decoder_dropout_out, cfg.dropout),
    )


def _embedding(cfg: Any, side: str, dim: int) -> EmbeddingSettings:
    return EmbeddingSettings(side, dim, getattr(cfg, f"{side}_embed_path"), getattr(cfg, f"{side}_freeze_embed"))


def _output(cfg: Any, stack: StackSettings, size: int, vocabulary: int) -> OutputSettings:
    cutoffs: Optional[List[int]] = adaptive_cutoffs(cfg, vocabulary)
    return OutputSettings(
        size, sharing_flag(cfg) is not None, None if cutoffs is None else tuple(cutoffs), stack.dropout_out
    )


def _run(cfg: Any, task: Any) -> RunSettings:
    limits = getattr(task, "cfg", None) or getattr(task, "args", None)
    return RunSettings(
        autocast=str(cfg.autocast),
        decoding_weights=str(cfg.decoding_weights),
        max_source_positions=_first(getattr(limits, "max_source_positions", None), DEFAULT_MAX_POSITIONS),
        max_target_positions=_first(getattr(limits, "max_target_positions", None), DEFAULT_MAX_POSITIONS),
        left_pad_target=bool(getattr(limits, "left_pad_target", False)),
    )


def _first(value: Any, default: Any) -> Any:
    """``value``, or ``default`` if it is None."""
    return default if value is None else value
