"""From settings to modules. Embeddings and output layers are passed in: two sides may share one.

Every module draws its first weights when it is made, so the order in which they are made is part of what a seed means.
"""

from __future__ import annotations

from typing import Any, Optional

from torch import nn

from s2s_plugins.nn import bridge as bridges
from s2s_plugins.nn.classifier import ClassificationHead, Pooling
from s2s_plugins.nn.decoder import Decoder, Embedding
from s2s_plugins.nn.decoders import DECODERS
from s2s_plugins.nn.decoders.feedback import FeedbackDecoder
from s2s_plugins.nn.document_encoder import DocumentEncoder, WordDropout
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.encoder import Encoder, VectorEncoder
from s2s_plugins.nn.readout import Readout
from s2s_plugins.nn.recurrent import RecurrentStack
from s2s_plugins.nn.settings import (
    AttentionSettings,
    DecoderSettings,
    HeadSettings,
    Seq2SeqSettings,
    SequenceSettings,
    StackSettings,
)


def build_stack(settings: StackSettings, input_size: int, dropout: Dropout) -> RecurrentStack:
    """The recurrent layers; ``dropout`` goes between them."""
    return RecurrentStack(
        cell=settings.cell,
        input_size=input_size,
        hidden_size=settings.hidden_size,
        num_layers=settings.layers,
        bidirectional=settings.bidirectional,
        dropout=dropout,
        residual=settings.residual,
        inner_handover=settings.inner_handover,
    )


def build_encoder(settings: StackSettings, embed_tokens: nn.Embedding) -> Encoder:
    """The encoder over the source embedding, V x E."""
    return Encoder(embed_tokens=embed_tokens, features=settings.features, **_encoder_parts(settings))


def build_vector_encoder(settings: StackSettings, source_size: int) -> VectorEncoder:
    """The encoder of vectors of ``source_size``, D."""
    return VectorEncoder(source_size=source_size, embed_dim=settings.embed_dim, **_encoder_parts(settings))


def _encoder_parts(settings: StackSettings) -> dict[str, Any]:
    dropout_out = Dropout(settings.dropout_out, side="encoder")
    return {
        "stack": build_stack(settings, settings.embed_dim, dropout_out),
        "dropout_in": Dropout(settings.dropout_in, side="encoder"),
        "dropout_out": dropout_out,
    }


def build_decoder_stack(settings: Seq2SeqSettings) -> RecurrentStack:
    """The decoder's recurrent layers, whose input is what its kind of decoder says that a step sees."""
    decoder = settings.decoder
    seen = DECODERS[decoder.kind].sees_with(decoder).step
    sizes = _sizes(decoder, settings.encoder.output_size)
    dropout = Dropout(decoder.stack.dropout_out, side="decoder")
    return build_stack(decoder.stack, sum(sizes[part] for part in seen), dropout)


def build_decoder(
    settings: Seq2SeqSettings,
    *,
    embed_tokens: Optional[Embedding],
    stack: RecurrentStack,
    output_layer: nn.Module,
    encoder_stack: RecurrentStack,
) -> Decoder[Any]:
    """The decoder around its layers.

    Args:
        settings: of both sides.
        embed_tokens: target embedding V x E, or a linear layer for vectors; None for a decoder that reads neither.
        stack: what :func:`build_decoder_stack` made.
        output_layer: features (B, T, O) -> logits (B, T, V).
        encoder_stack: the encoder's layers, which the first state may come from.
    """
    decoder = settings.decoder
    kind, memory_size = DECODERS[decoder.kind], settings.encoder.output_size
    sizes = _sizes(decoder, memory_size)
    seen = sum(sizes[part] for part in kind.sees_with(decoder).output)
    direct = seen == decoder.output_size == decoder.stack.hidden_size
    bridge = _build_bridge(decoder, kind, encoder_stack, stack)
    readout = Readout(seen, decoder.output_size, stack.dropout, direct=direct)
    return kind.build(
        decoder,
        memory_size,
        embed_tokens=embed_tokens,
        stack=stack,
        bridge=bridge,
        readout=readout,
        output_layer=output_layer,
        dropout_in=Dropout(decoder.stack.dropout_in, side="decoder"),
        features_size=decoder.features_size,
    )


def _sizes(decoder: DecoderSettings, memory_size: int) -> dict[str, int]:
    """The size of each thing that a step or the output may see."""
    return {
        "token": decoder.stack.embed_dim,
        "constant": decoder.features_size + (memory_size if DECODERS[decoder.kind].sees_source_summary() else 0),
        "context": memory_size,
        "feed": decoder.output_size,
        "hidden": decoder.stack.hidden_size,
    }


def auto_bridge(
    kind: type[Decoder[Any]], attention: Optional[AttentionSettings], encoder: StackSettings, decoder: StackSettings
) -> str:
    """What the paper of a decoder starts its state from, where the shapes allow it: ``"zero"``, ``"copy"`` or
    ``"dense"``."""
    bridge = kind.auto_bridge(attention)
    return "dense" if bridge == "copy" and not copies(encoder, decoder) else bridge


def copies(encoder: StackSettings, decoder: StackSettings) -> bool:
    """Whether the encoder's final state has the shape of the decoder's first one."""
    return encoder.layers == decoder.layers and encoder.output_size == decoder.hidden_size


def _build_bridge(
    decoder: DecoderSettings, kind: type[Decoder[Any]], encoder_stack: RecurrentStack, stack: RecurrentStack
) -> nn.Module:
    if decoder.bridge == "zero":
        return bridges.ZeroBridge(stack)
    if decoder.bridge == "copy":
        return bridges.CopyBridge(encoder_stack, stack)
    return bridges.DenseBridge(*kind.dense_source(encoder_stack), stack, decoder.bridge_activation)


def build_document_encoder(settings: SequenceSettings, embed_tokens: nn.Embedding) -> DocumentEncoder:
    """The encoder of a classifier or a sequence autoencoder; a decoder may share its layers."""
    dropout_in = Dropout(settings.stack.dropout_in, side="decoder")
    dropout_out = Dropout(settings.stack.dropout_out, side="decoder")
    return DocumentEncoder(
        embed_tokens=embed_tokens,
        stack=build_stack(settings.stack, settings.stack.embed_dim, dropout_out),
        word_dropout=WordDropout(settings.word_dropout),
        dropout_in=dropout_in,
        dropout_out=dropout_out,
        truncated_bptt=settings.truncated_bptt,
        join_embeddings=settings.pool_embeddings,
    )


def build_sequence_decoder(
    settings: SequenceSettings, encoder: DocumentEncoder, output_layer: nn.Module, from_encoder: bool
) -> FeedbackDecoder:
    """The decoder of a sequence autoencoder or a language model, with the encoder's own embedding and layers.

    Args:
        settings: of both.
        encoder: what :func:`build_document_encoder` made.
        output_layer: features (B, T, O) -> logits (B, T, V).
        from_encoder: it starts from the encoder's final state (a sequence autoencoder), not from zeros (a language
            model).
    """
    features, hidden = settings.output_size, settings.stack.hidden_size
    return FeedbackDecoder(
        embed_tokens=encoder.embed_tokens,
        stack=encoder.stack,
        bridge=bridges.CopyBridge(encoder.stack, encoder.stack) if from_encoder else nn.Identity(),
        readout=Readout(hidden, features, encoder.dropout_out, direct=features == hidden),
        output_layer=output_layer,
        dropout_in=encoder.dropout_in,
    )


def build_head(settings: HeadSettings, encoder: DocumentEncoder, num_classes: int) -> ClassificationHead:
    """A classification head over the outputs of ``encoder``, of C classes."""
    return ClassificationHead(
        Pooling(settings.pooling, encoder.output_size, encoder.backward_size),
        settings.hidden_size,
        num_classes,
        settings.dropout,
        normalise=settings.batch_norm,
    )
