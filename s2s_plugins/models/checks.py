"""Whether the flags of a model make sense, before anything is built. Nothing here changes a configuration."""

from __future__ import annotations

from typing import Any, List, Optional

from s2s_plugins.errors import UsageError
from s2s_plugins.models.config import flag

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


def check_flags(cfg: Any) -> None:
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
    if getattr(cfg, "inner_handover", False) and cfg.encoder_layers < 2:
        raise UsageError(
            f"--inner-handover hands a state from an encoder layer to the next, and --encoder-layers is "
            f"{cfg.encoder_layers}: leave --inner-handover off, or use 2 layers or more"
        )
    if getattr(cfg, "scheduled_sampling", None) is not None:
        check_scheduled_sampling(cfg)
    sharing = sharing_flag(cfg)
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


def check_scheduled_sampling(cfg: Any) -> None:
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


def sharing_flag(cfg: Any) -> Optional[str]:
    """The flag that makes the output layer an embedding; None if none is given."""
    for name in ("share_all_embeddings", "share_decoder_input_output_embed"):
        if getattr(cfg, name, False):
            return flag(name)
    return None


def check_sharing(cfg: Any, decoder_embed_dim: int, decoder_out_embed_dim: int, same_dictionary: bool) -> None:
    """Whether shared embeddings can be shared.

    Args:
        cfg: the configuration.
        decoder_embed_dim: size of the target embedding, with its default filled in.
        decoder_out_embed_dim: size of what the output layer projects, likewise.
        same_dictionary: whether source and target have one dictionary.

    Raises:
        UsageError: the dictionaries, sizes or files that should be one differ.
    """
    sharing = sharing_flag(cfg)
    if sharing == "--share-all-embeddings":
        _check_sharing_all(cfg, decoder_embed_dim, same_dictionary)
    if sharing and decoder_embed_dim != decoder_out_embed_dim:
        raise UsageError(
            f"{sharing} needs equal sizes, --decoder-embed-dim is {decoder_embed_dim} and "
            f"--decoder-out-embed-dim {decoder_out_embed_dim}: make them equal"
        )


def _check_sharing_all(cfg: Any, decoder_embed_dim: int, same_dictionary: bool) -> None:
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
    if cfg.encoder_embed_dim != decoder_embed_dim:
        raise UsageError(
            f"--share-all-embeddings needs equal sizes, --encoder-embed-dim is {cfg.encoder_embed_dim} and "
            f"--decoder-embed-dim {decoder_embed_dim}: make them equal"
        )


def adaptive_cutoffs(cfg: Any, vocabulary: int) -> Optional[List[int]]:
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
