"""Multiplications and additions of a forward pass, from the shapes alone; a training step does three times as many.

Matrix products and attention's sums only: what is elementwise costs time, and hardly any arithmetic.
"""

from __future__ import annotations

from benchmarks.systems import Shape, System


def forward(system: System, shape: Shape, sentences: int, source: int, target: int, vocabulary: int) -> float:
    """Floating-point operations of one forward pass, a multiply-add counting as two.

    Args:
        sentences: B, of one batch.
        source: S, its source length, padding included.
        target: T, likewise.
        vocabulary: V, of the target.
    """
    hidden, directions = shape.decoder_hidden, 2 if shape.bidirectional else 1
    memory = directions * shape.encoder_hidden
    encoder = sum(
        directions * 4 * shape.encoder_hidden * ((memory if layer else shape.encoder_embed) + shape.encoder_hidden)
        for layer in range(shape.layers)
    )
    luong = "after" in system.flags or system.arch == "lstm"
    feeds = system.arch == "lstm" or "--input-feeding" in system.flags
    additive = system.arch == "attention_lstm" and not luong
    first = {
        "basic_lstm": memory,
        "feedback_lstm": shape.decoder_embed,
        "peek_lstm": shape.decoder_embed + memory,
        "attention_lstm": shape.decoder_embed + memory if additive else shape.decoder_embed,
        "lstm": shape.decoder_embed,
    }[system.arch] + (hidden if feeds else 0)
    decoder = sum(4 * hidden * ((hidden if layer else first) + hidden) for layer in range(shape.layers))
    readout = {
        "basic_lstm": 0,
        "feedback_lstm": 0,
        "peek_lstm": hidden + shape.decoder_embed + memory,
        "attention_lstm": hidden + memory + (shape.decoder_embed if additive else 0),
        "lstm": hidden + memory,
    }[system.arch] * shape.out_embed
    score = 0
    if luong:
        score = hidden * memory + 2 * source * memory
    elif additive:
        score = hidden * hidden + source * (hidden + memory)
    keys = memory * hidden if additive else 0
    once_a_source_token = encoder + keys
    once_a_target_token = decoder + score + readout + shape.out_embed * vocabulary
    return 2.0 * sentences * (source * once_a_source_token + target * once_a_target_token)


def training(system: System, shape: Shape, *batch: int) -> float:
    """Floating-point operations of a training step: the backward pass multiplies twice where the forward one does."""
    return 3 * forward(system, shape, *batch)
