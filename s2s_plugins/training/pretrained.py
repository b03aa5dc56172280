"""A training that starts from a model: its architecture as flags, and how its texts become tokens."""

from __future__ import annotations

from typing import Optional

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.contents import model_file_of
from s2s_plugins.inference.files.facts import TranslatorFacts
from s2s_plugins.inference.files.model_file import ModelFile, read_model_file
from s2s_plugins.nn.settings import AttentionSettings, Seq2SeqSettings
from s2s_plugins.text.slots import SLOTS
from s2s_plugins.training.recipes import Flags
from s2s_plugins.training.settings import TrainSettings


def read_start(path: str) -> ModelFile:
    """The model file that a training starts from.

    Raises:
        UsageError: it is none, or of no translator; or has an adaptive softmax, whose words are numbered by frequency.
    """
    file = read_model_file(model_file_of(path))
    if not isinstance(file.facts, TranslatorFacts):
        raise UsageError(f"--from {path} is a {file.facts.kind}: name a model of pairs")
    settings = file.members[0].settings
    assert isinstance(settings, Seq2SeqSettings) and settings.tokens is not None
    if settings.tokens.output.cutoffs is not None:
        raise UsageError(f"--from {path} has an adaptive softmax, which other words do not fit: name another model")
    return file


def with_levels(settings: TrainSettings, file: ModelFile) -> TrainSettings:
    """The settings with the levels of the model, where the user gives none.

    Raises:
        UsageError: the user gives others.
    """
    assert isinstance(file.facts, TranslatorFacts)
    for side in ("source", "target"):
        level, asked = getattr(file.facts, side).level, getattr(settings, f"{side}_level")
        if asked not in (None, level):
            raise UsageError(f"--{side}-level {asked} is not that of {file.path}, {level}: leave it out")
        settings = settings.but(**{f"{side}_level": level})
    copies = SLOTS[0] in file.facts.source.symbols
    if settings.copy not in (None, copies):
        asked = "--copy" if settings.copy else "--no-copy"
        what = "copies" if copies else "cannot copy"
        raise UsageError(f"{asked} does not go with --from {file.path}, which {what}: leave it out")
    return settings.but(copy=copies)


def flags_of(settings: Seq2SeqSettings, arch: str) -> Flags:
    """The flags of an architecture that make a model of these sizes; dropout is left to the recipe."""
    from s2s_plugins.nn.decoders import DECODERS  # torch takes a second

    encoder, decoder = settings.encoder, settings.decoder
    reads_tokens = "token" in DECODERS[decoder.kind].sees.step
    flags: Flags = {
        "--arch": arch,
        "--rnn-cell": encoder.cell,
        "--encoder-embed-dim": encoder.embed_dim,
        "--encoder-hidden-size": encoder.hidden_size,
        "--encoder-layers": encoder.layers,
        "--encoder-bidirectional": encoder.bidirectional,
        "--inner-handover": encoder.inner_handover,
        "--residual": encoder.residual or decoder.stack.residual,
        "--bridge": decoder.bridge,
        "--bridge-activation": decoder.bridge_activation if decoder.bridge == "dense" else None,
        "--decoder-embed-dim": decoder.stack.embed_dim if reads_tokens else None,
        "--decoder-hidden-size": decoder.stack.hidden_size,
        "--decoder-layers": decoder.stack.layers,
        "--decoder-out-embed-dim": decoder.output_size,
        "--features-as": "bag" if decoder.features_size else None,
        "--copy": decoder.copies is not None and arch.startswith("attention_lstm"),  # others have no choice
    }
    if settings.tokens is not None:
        shares_all = settings.tokens.shares_all
        flags["--share-all-embeddings"] = shares_all
        flags["--share-decoder-input-output-embed"] = settings.tokens.output.shared and not shares_all
    return {**flags, **_attention_flags(decoder.attention)}


def _attention_flags(attention: Optional[AttentionSettings]) -> Flags:
    if attention is None:
        return {}
    return {
        "--attention": attention.score,
        "--attention-timing": attention.timing,
        "--attention-alignment": attention.alignment,
        "--attention-dim": attention.dim if attention.score in ("additive", "concat") else None,
        "--input-feeding": attention.input_feeding,
        "--attention-coverage": attention.coverage,
    }
