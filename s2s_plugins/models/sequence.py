"""What ``sa_lstm`` and ``lm_lstm`` share: their configuration, and the one LSTM that reads and writes."""

from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from fairseq.dataclass import ChoiceEnum
from fairseq.dataclass.utils import merge_with_parent
from fairseq.modules import AdaptiveSoftmax
from omegaconf import DictConfig, OmegaConf
from torch import nn

from s2s_plugins.compat.checkpoints import building_from_checkpoint
from s2s_plugins.errors import UsageError
from s2s_plugins.models import config
from s2s_plugins.models.embeddings import build_embedding, build_output
from s2s_plugins.nn.classifier import POOLINGS
from s2s_plugins.nn.decoder import Readout
from s2s_plugins.nn.decoders import FeedbackDecoder
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.reader import DocumentReader, WordDropout
from s2s_plugins.nn.recurrent import RecurrentStack


@dataclass
class SequenceConfig(config.WriterConfig):
    """Flags of ``sa_lstm`` and ``lm_lstm``: what writes is also what reads."""

    word_dropout: float = field(default=0.0, metadata={"help": "probability of reading a token as nothing"})
    truncated_bptt: int = field(
        default=0,
        metadata={"help": "stop the gradient this many tokens before the end of a document (0: do not stop it)"},
    )
    pooling: ChoiceEnum(list(POOLINGS)) = field(
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


class Parts(NamedTuple):
    """One embedding and one stack, as they read and as they write."""

    reader: DocumentReader
    decoder: FeedbackDecoder
    adaptive_softmax: Optional[AdaptiveSoftmax]


def complete(cfg) -> DictConfig:
    """``cfg`` with a value for every field, checked and resolved.

    Raises:
        UsageError: a size, probability or combination that cannot be.
    """
    if isinstance(cfg, DictConfig):
        known = OmegaConf.masked_copy(cfg, [key for key in cfg if key in SequenceConfig.__dataclass_fields__])
        cfg = merge_with_parent(SequenceConfig(), known)
    else:
        cfg = OmegaConf.merge(OmegaConf.structured(SequenceConfig), SequenceConfig.from_namespace(cfg))
    config.check(cfg)
    for name in ("word_dropout", "head_dropout"):
        config.check_dropout(name, getattr(cfg, name))
    for name, without in (("truncated_bptt", "to keep the whole gradient"), ("head_hidden_size", "to leave it out")):
        if getattr(cfg, name) < 0:
            raise UsageError(f"{config.flag(name)} {getattr(cfg, name)} is below 0: use 1 or more, or 0 {without}")
    config.resolve(cfg)
    config.check_sharing(cfg, same_dictionary=True)
    return cfg


def build_stack(cfg, dropout_out: Dropout) -> RecurrentStack:
    """The recurrent layers of a completed configuration."""
    return RecurrentStack(
        cell=str(cfg.rnn_cell),
        input_size=cfg.decoder_embed_dim,
        hidden_size=cfg.decoder_hidden_size,
        num_layers=cfg.decoder_layers,
        dropout=dropout_out,
        residual=cfg.residual and cfg.decoder_layers > 1,
    )


def build_parts(cfg, dictionary, vocabulary: int, bridge) -> Parts:
    """Reader and decoder around one embedding and one stack.

    Args:
        cfg: a completed configuration.
        dictionary: of the text.
        vocabulary: V, the size of the output.
        bridge: makes the decoder's first state from the stack; None for a language model.
    """
    embedding = build_embedding(
        dictionary,
        cfg.decoder_embed_dim,
        path=None if building_from_checkpoint() else cfg.decoder_embed_path,
        path_flag="--decoder-embed-path",
        dim_flag="--decoder-embed-dim",
        freeze=cfg.decoder_freeze_embed,
    )
    dropout_in = Dropout(cfg.decoder_dropout_in, side="decoder")
    dropout_out = Dropout(cfg.decoder_dropout_out, side="decoder")
    stack = build_stack(cfg, dropout_out)
    reader = DocumentReader(
        embed_tokens=embedding,
        stack=stack,
        word_dropout=WordDropout(cfg.word_dropout),
        dropout_in=dropout_in,
        dropout_out=dropout_out,
        truncated_bptt=cfg.truncated_bptt,
        join_embeddings=cfg.pool_embeddings,
    )
    output_layer, adaptive_softmax = build_output(cfg, embedding, vocabulary)
    features, hidden = cfg.decoder_out_embed_dim, cfg.decoder_hidden_size
    decoder = FeedbackDecoder(
        embed_tokens=embedding,
        stack=stack,
        bridge=nn.Identity() if bridge is None else bridge(stack, stack),
        readout=Readout(hidden, features, dropout_out, direct=features == hidden),
        output_layer=output_layer,
        dropout_in=dropout_in,
    )
    return Parts(reader, decoder, adaptive_softmax)


# of every architecture in this family: a size for tests, what two CPU cores train, and the paper's
TINY = dict(decoder_embed_dim=16, decoder_hidden_size=16, head_hidden_size=16, dropout=0.0, head_dropout=0.0)
SMALL = dict(decoder_embed_dim=128, decoder_hidden_size=256, head_hidden_size=128)
DAI_LE = dict(decoder_embed_dim=512, decoder_hidden_size=1024, head_hidden_size=512, truncated_bptt=400)
