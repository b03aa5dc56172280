"""Configuration of the architectures: dataclasses, a help text per field, and the checks on them.

fairseq reads the field types at run time, so annotations here are real types, not strings.
"""

import logging
from dataclasses import dataclass, field, make_dataclass
from typing import List, Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.models import register_model

from s2s_plugins.errors import UsageError
from s2s_plugins.nn.bridge import ACTIVATIONS
from s2s_plugins.nn.scheduled import DECAYS

logger = logging.getLogger(__name__)

BRIDGES = ["auto", "zero", "copy", "dense"]
SIZES = [
    "encoder_embed_dim",
    "encoder_hidden_size",
    "encoder_layers",
    "decoder_embed_dim",
    "decoder_hidden_size",
    "decoder_layers",
    "decoder_out_embed_dim",
    "attention_dim",
]
DROPOUTS = ["dropout", "encoder_dropout_in", "encoder_dropout_out", "decoder_dropout_in", "decoder_dropout_out"]


@dataclass
class WriterConfig(FairseqDataclass):
    """Flags of all architectures: those of what writes the text, under fairseq's names where fairseq has one."""

    dropout: float = field(default=0.1, metadata={"help": "dropout probability"})
    decoder_embed_dim: Optional[int] = field(
        default=None, metadata={"help": "decoder embedding dimension (default: 512)"}
    )
    decoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pre-trained decoder embeddings (word2vec or GloVe form)"}
    )
    decoder_freeze_embed: bool = field(default=False, metadata={"help": "do not train the decoder embeddings"})
    decoder_hidden_size: Optional[int] = field(
        default=None, metadata={"help": "decoder hidden size (default: --decoder-embed-dim)"}
    )
    decoder_layers: int = field(default=1, metadata={"help": "number of decoder layers"})
    decoder_out_embed_dim: Optional[int] = field(
        default=None,
        metadata={
            "help": "size of what the output layer projects (default: --decoder-embed-dim with shared embeddings, "
            "else --decoder-hidden-size)"
        },
    )
    decoder_dropout_in: Optional[float] = field(
        default=None, metadata={"help": "dropout on the decoder's embeddings (default: --dropout)"}
    )
    decoder_dropout_out: Optional[float] = field(
        default=None,
        metadata={"help": "dropout between decoder layers and on the decoder's output (default: --dropout)"},
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "share decoder input and output embeddings"}
    )
    adaptive_softmax_cutoff: Optional[str] = field(
        default=None,
        metadata={"help": "comma-separated cutoffs of an adaptive softmax; goes with --criterion adaptive_loss"},
    )
    rnn_cell: ChoiceEnum(["lstm", "gru"]) = field(default="lstm", metadata={"help": "kind of recurrent layer"})
    residual: bool = field(default=False, metadata={"help": "residual connections from the second layer on"})
    autocast: ChoiceEnum(["none", "bf16"]) = field(
        default="none",
        metadata={"help": "compute in bfloat16 where it is safe, on CPU and GPU; weights and loss stay float32"},
    )
    decoding_weights: ChoiceEnum(["full", "bf16", "int8"]) = field(
        default="full",
        metadata={
            "help": "round the weights of decoding steps in beam search: faster, with scores that differ a little; for "
            "a trained model: --model-overrides \"{'decoding_weights': 'int8'}\""
        },
    )


@dataclass
class RecurrentConfig(WriterConfig):
    """Flags of the four architectures that have an encoder of their own, under the names of fairseq's ``lstm``."""

    encoder_embed_dim: int = field(default=512, metadata={"help": "encoder embedding dimension"})
    encoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pre-trained encoder embeddings (word2vec or GloVe form)"}
    )
    encoder_freeze_embed: bool = field(default=False, metadata={"help": "do not train the encoder embeddings"})
    encoder_hidden_size: Optional[int] = field(
        default=None, metadata={"help": "encoder hidden size, per direction (default: --encoder-embed-dim)"}
    )
    encoder_layers: int = field(default=1, metadata={"help": "number of encoder layers"})
    encoder_bidirectional: bool = field(default=False, metadata={"help": "make all encoder layers bidirectional"})
    encoder_dropout_in: Optional[float] = field(
        default=None, metadata={"help": "dropout on the encoder's embeddings (default: --dropout)"}
    )
    encoder_dropout_out: Optional[float] = field(
        default=None, metadata={"help": "dropout on the outputs of encoder layers (default: --dropout)"}
    )
    share_all_embeddings: bool = field(
        default=False,
        metadata={"help": "share encoder, decoder and output embeddings (needs a joined dictionary)"},
    )
    bridge: ChoiceEnum(BRIDGES) = field(
        default="auto",
        metadata={
            "help": "from the encoder's final state to the decoder's first: zero, copy, dense (one layer), or "
            "auto (what the architecture's paper does where the shapes allow it, else dense)"
        },
    )
    bridge_activation: ChoiceEnum(list(ACTIVATIONS)) = field(
        default="tanh", metadata={"help": "what a dense bridge ends in (none: it is linear)"}
    )
    scheduled_sampling: float = field(
        default=0.0,
        metadata={
            "help": "highest probability, in training, of reading the model's own previous token in place of the "
            "reference's (0: never; 1: no teacher forcing in the end)"
        },
    )
    scheduled_sampling_updates: int = field(
        default=0,
        metadata={
            "help": "updates over which that probability rises from 0 to --scheduled-sampling (0: it is that from the "
            "first update on)"
        },
    )
    scheduled_sampling_decay: ChoiceEnum(list(DECAYS)) = field(
        default="linear", metadata={"help": "how the probability of reading the reference falls over these updates"}
    )


@dataclass
class AttentionConfig(RecurrentConfig):
    """Flags of ``attention_lstm``."""

    attention: ChoiceEnum(["additive", "dot", "general", "concat"]) = field(
        default="additive", metadata={"help": "attention score (additive: Bahdanau; dot, general, concat: Luong)"}
    )
    attention_timing: ChoiceEnum(["before", "after"]) = field(
        default="before",
        metadata={"help": "attend before the recurrent step (Bahdanau) or after it (Luong)"},
    )
    attention_alignment: ChoiceEnum(["soft", "hard", "monotonic"]) = field(
        default="soft",
        metadata={
            "help": "what the output sees: the mean of the source tokens (soft), one of them, summed over all (hard), "
            "or one that is never left of the last one's (monotonic); the latter two need --attention-timing after"
        },
    )
    attention_dim: Optional[int] = field(
        default=None,
        metadata={"help": "hidden size of an additive or concat score (default: --decoder-hidden-size)"},
    )
    input_feeding: bool = field(
        default=False, metadata={"help": "feed the attentional vector to the next step (with --attention-timing after)"}
    )
    attention_coverage: bool = field(
        default=False,
        metadata={"help": "let the score see how much attention a source token has had (additive, concat)"},
    )


def flag(name: str) -> str:
    """The flag of a field: ``encoder_layers`` -> ``--encoder-layers``."""
    return "--" + name.replace("_", "-")


def preset(model: type, name: str, **values) -> type:
    """Register architecture ``name``: ``model`` with other defaults. A flag beats them, as it does any default.

    It is a model of its own to fairseq, since fairseq-hydra-train knows no named architectures of a model.

    Returns:
        The registered class, to derive further presets from.
    """
    fields = model.config_class.__dataclass_fields__
    changed = [
        (key, fields[key].type, field(default=value, metadata=fields[key].metadata)) for key, value in values.items()
    ]
    config_class = make_dataclass(f"{name}_config", changed, bases=(model.config_class,))
    return register_model(name, dataclass=config_class)(type(name, (model,), {"config_class": config_class}))


def check(cfg: RecurrentConfig) -> None:
    """What is wrong with the flags alone, before any data is looked at; a configuration may lack an encoder's.

    Raises:
        UsageError: a size below 1, a dropout outside of [0, 1), or flags that exclude each other.
    """
    for name in SIZES:
        size = getattr(cfg, name, None)
        if size is not None and size < 1:
            raise UsageError(f"{flag(name)} {size} is not a size: use 1 or more")
    for name in DROPOUTS:
        check_dropout(name, getattr(cfg, name, None))
    depths = {name: getattr(cfg, name, None) for name in ("encoder_layers", "decoder_layers")}
    if cfg.residual and not any(depth is not None and depth > 1 for depth in depths.values()):
        flags = [flag(name) for name, depth in depths.items() if depth is not None]
        raise UsageError(
            f"--residual joins layers, and {' and '.join(flags)} {'are' if len(flags) > 1 else 'is'} 1: leave "
            "--residual off, or use 2 layers or more"
        )
    if getattr(cfg, "scheduled_sampling", None) is not None:
        check_scheduled_sampling(cfg)
    sharing = _sharing(cfg)
    if sharing and cfg.adaptive_softmax_cutoff:
        raise UsageError(
            f"{sharing} shares one output matrix, --adaptive-softmax-cutoff splits it: leave one of them out"
        )


def check_dropout(name: str, p: Optional[float]) -> None:
    """Whether the field ``name`` holds a probability; None where there is none.

    Raises:
        UsageError: it is outside of [0, 1).
    """
    if p is not None and not 0 <= p < 1:
        raise UsageError(f"{flag(name)} {p} is not a dropout probability: use 0 or more, and less than 1")


def check_scheduled_sampling(cfg: RecurrentConfig) -> None:
    """Whether the flags of scheduled sampling name a probability and its schedule.

    Raises:
        UsageError: they do not, or there is a schedule of nothing.
    """
    highest, updates, decay = cfg.scheduled_sampling, cfg.scheduled_sampling_updates, str(cfg.scheduled_sampling_decay)
    if not 0 <= highest <= 1:
        raise UsageError(f"--scheduled-sampling {highest} is not a probability: use a value from 0 to 1")
    if updates < 0:
        raise UsageError(f"--scheduled-sampling-updates {updates} is below 0: use 1 or more, or 0 for no schedule")
    if updates and not highest:
        raise UsageError(
            f"--scheduled-sampling-updates {updates} is the schedule of a probability that is 0: give it, as in "
            "--scheduled-sampling 0.25"
        )
    if decay != "linear" and not updates:
        raise UsageError(
            f"--scheduled-sampling-decay {decay} needs the number of updates it takes: give it, as in "
            "--scheduled-sampling-updates 10000"
        )


def _sharing(cfg) -> Optional[str]:
    """The flag that makes the output layer an embedding; None if none is given."""
    for name in ("share_all_embeddings", "share_decoder_input_output_embed"):
        if getattr(cfg, name, False):
            return flag(name)
    return None


def resolve(cfg: RecurrentConfig) -> None:
    """Fill in the sizes and dropouts that default to another one."""
    has_encoder = getattr(cfg, "encoder_embed_dim", None) is not None
    if has_encoder and cfg.encoder_hidden_size is None:
        cfg.encoder_hidden_size = cfg.encoder_embed_dim
    if cfg.decoder_embed_dim is None:
        cfg.decoder_embed_dim = cfg.encoder_embed_dim if cfg.share_all_embeddings else 512
    if cfg.decoder_hidden_size is None:
        cfg.decoder_hidden_size = cfg.decoder_embed_dim
    if cfg.decoder_out_embed_dim is None:
        cfg.decoder_out_embed_dim = cfg.decoder_embed_dim if _sharing(cfg) else cfg.decoder_hidden_size
    for name in DROPOUTS[1:]:
        if getattr(cfg, name, 0) is None:
            setattr(cfg, name, cfg.dropout)


def check_sharing(cfg: RecurrentConfig, same_dictionary: bool) -> None:
    """Whether shared embeddings can be shared; ``cfg`` is resolved.

    Raises:
        UsageError: the dictionaries, sizes or files that should be one differ.
    """
    sharing = _sharing(cfg)
    if sharing == "--share-all-embeddings":
        if not same_dictionary:
            raise UsageError(
                "--share-all-embeddings needs one dictionary for source and target, the data has two: run "
                "fairseq-preprocess with --joined-dictionary, or use --share-decoder-input-output-embed"
            )
        if cfg.decoder_embed_path and cfg.decoder_embed_path != cfg.encoder_embed_path:
            raise UsageError(
                f"--share-all-embeddings leaves no room for --decoder-embed-path {cfg.decoder_embed_path} beside "
                f"--encoder-embed-path {cfg.encoder_embed_path}: name one file"
            )
        if cfg.decoder_freeze_embed and not cfg.encoder_freeze_embed:
            raise UsageError(
                "--share-all-embeddings leaves no decoder embedding of its own for --decoder-freeze-embed: use "
                "--encoder-freeze-embed, which freezes the shared one"
            )
        if cfg.encoder_embed_dim != cfg.decoder_embed_dim:
            raise UsageError(
                f"--share-all-embeddings needs equal sizes, --encoder-embed-dim is {cfg.encoder_embed_dim} and "
                f"--decoder-embed-dim {cfg.decoder_embed_dim}: make them equal"
            )
    if sharing and cfg.decoder_embed_dim != cfg.decoder_out_embed_dim:
        raise UsageError(
            f"{sharing} needs equal sizes, --decoder-embed-dim is {cfg.decoder_embed_dim} and "
            f"--decoder-out-embed-dim {cfg.decoder_out_embed_dim}: make them equal"
        )


def adaptive_cutoffs(cfg: RecurrentConfig, vocabulary: int) -> Optional[List[int]]:
    """``--adaptive-softmax-cutoff`` as numbers; None if it was not given.

    Raises:
        UsageError: not a rising list of numbers from 1 up to, not including, ``vocabulary``.
    """
    if not cfg.adaptive_softmax_cutoff:
        return None
    text = cfg.adaptive_softmax_cutoff
    try:
        cutoffs = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--adaptive-softmax-cutoff {text} is not a list of whole numbers: write 1000,5000") from None
    if any(a >= b for a, b in zip([0] + cutoffs, cutoffs + [vocabulary])):
        raise UsageError(
            f"--adaptive-softmax-cutoff {text} has to rise from above 0 to below the target dictionary's "
            f"{vocabulary} symbols: use smaller cutoffs"
        )
    return cutoffs
