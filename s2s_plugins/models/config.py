"""Configuration of the architectures: dataclasses with a help text per field.

fairseq reads the field types at run time, so annotations here are real types, not strings.
"""

from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any, Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.models import register_model

from s2s_plugins.nn.attention import ATTENTIONS
from s2s_plugins.nn.bridge import ACTIVATIONS
from s2s_plugins.nn.classifier import POOLINGS
from s2s_plugins.nn.decoders.attention import TIMINGS
from s2s_plugins.nn.decoders.hard import ALIGNMENTS
from s2s_plugins.nn.fast.weights import KINDS
from s2s_plugins.nn.recurrent import CELLS
from s2s_plugins.nn.scheduled import DECAYS
from s2s_plugins.text.features import FEATURES_AS

BRIDGES = ["auto", "zero", "copy", "dense"]

if TYPE_CHECKING:
    Cell = str
    AutocastKind = str
    Weights = str
    Bridge = str
    FeaturesAs = str
    Activation = str
    Decay = str
    Score = str
    Timing = str
    AlignmentKind = str
    PoolingKind = str
else:  # which fairseq reads at run time, for what a flag may be
    Cell = ChoiceEnum(list(CELLS))
    AutocastKind = ChoiceEnum(["none", "bf16"])
    Weights = ChoiceEnum(list(KINDS))
    Bridge = ChoiceEnum(BRIDGES)
    FeaturesAs = ChoiceEnum(list(FEATURES_AS))
    Activation = ChoiceEnum(list(ACTIVATIONS))
    Decay = ChoiceEnum(list(DECAYS))
    Score = ChoiceEnum(list(ATTENTIONS))
    Timing = ChoiceEnum(list(TIMINGS))
    AlignmentKind = ChoiceEnum(list(ALIGNMENTS))
    PoolingKind = ChoiceEnum(list(POOLINGS))


@dataclass
class DecoderConfig(FairseqDataclass):
    """Flags of all architectures: those of the decoder, under fairseq's names where fairseq has one."""

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
    rnn_cell: Cell = field(default="lstm", metadata={"help": "kind of recurrent layer"})
    residual: bool = field(default=False, metadata={"help": "residual connections from the second layer on"})
    autocast: AutocastKind = field(
        default="none",
        metadata={"help": "compute in bfloat16 where it is safe, on CPU and GPU; weights and loss stay float32"},
    )
    decoding_weights: Weights = field(
        default="full",
        metadata={
            "help": "round the weights of decoding steps in beam search: faster, with scores that differ a little; for "
            "a trained model: --model-overrides \"{'decoding_weights': 'int8'}\""
        },
    )


@dataclass
class RecurrentConfig(DecoderConfig):
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
    inner_handover: bool = field(
        default=False,
        metadata={
            "help": "from the second on, an encoder layer starts from the final state of the one below, not from 0"
        },
    )
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
    features_as: FeaturesAs = field(
        default="joined",
        metadata={
            "help": "source symbols in \u27e6\u27e7 are features: read as tokens before the others (joined), or passed "
            "over by the encoder, and the sum of their embeddings given to every decoding step (bag)"
        },
    )
    bridge: Bridge = field(
        default="auto",
        metadata={
            "help": "from the encoder's final state to the decoder's first: zero, copy, dense (one layer), or "
            "auto (what the architecture's paper does where the shapes allow it, else dense)"
        },
    )
    bridge_activation: Activation = field(
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
    scheduled_sampling_decay: Decay = field(
        default="linear", metadata={"help": "how the probability of reading the reference falls over these updates"}
    )


@dataclass
class AttentionConfig(RecurrentConfig):
    """Flags of ``attention_lstm``."""

    attention: Score = field(
        default="additive", metadata={"help": "attention score (additive: Bahdanau; dot, general, concat: Luong)"}
    )
    attention_timing: Timing = field(
        default="before",
        metadata={"help": "attend before the recurrent step (Bahdanau) or after it (Luong)"},
    )
    attention_alignment: AlignmentKind = field(
        default="soft",
        metadata={
            "help": "what the output sees: the weighted mean of the source tokens (soft), one source token, summed "
            "over all (hard), or the same with an alignment that never moves left (monotonic); the latter two need "
            "--attention-timing after"
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
    copy: bool = field(
        default=False,
        metadata={"help": "a step may copy a source token that it looks at: a pointer-generator"},
    )


@dataclass
class SequenceConfig(DecoderConfig):
    """Flags of ``sa_lstm`` and ``lm_lstm``, whose decoder's layers also encode."""

    word_dropout: float = field(default=0.0, metadata={"help": "probability of reading a token as nothing"})
    truncated_bptt: int = field(
        default=0,
        metadata={"help": "stop the gradient this many tokens before the end of a document (0: do not stop it)"},
    )
    pooling: PoolingKind = field(
        default="last",
        metadata={
            "help": "what a classifier sees: the state at the last token, the mean or the maximum over all tokens, "
            "the three joined (concat), or four means with learnt weights (attention)"
        },
    )
    pool_embeddings: bool = field(
        default=False, metadata={"help": "a classifier pools the tokens' embeddings too, beside the LSTM's outputs"}
    )
    bidirectional: bool = field(
        default=False, metadata={"help": "a classifier also reads backwards, with a second LSTM"}
    )
    head_hidden_size: int = field(
        default=512, metadata={"help": "size of the classification head's hidden layer (0: no hidden layer)"}
    )
    head_dropout: float = field(default=0.5, metadata={"help": "dropout in the classification head"})
    head_batch_norm: bool = field(
        default=False, metadata={"help": "batch normalisation of what was pooled; best with the pooling mean"}
    )


def flag(name: str) -> str:
    """The flag of a field: ``encoder_layers`` -> ``--encoder-layers``."""
    return "--" + name.replace("_", "-")


def preset(model: Any, name: str, **values: Any) -> Any:
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
