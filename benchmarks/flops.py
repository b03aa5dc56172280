"""Multiplications and additions of a forward pass, from the shapes alone; a training step has three times as many.

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
    token = 0 if system.arch == "basic_lstm" else shape.decoder_embed
    constant = memory if system.arch in ("basic_lstm", "peek_lstm") else 0  # the summary C, multiplied once a sentence
    first = token + (memory if additive else 0) + (hidden if feeds else 0)
    decoder = sum(4 * hidden * ((hidden if layer else first) + hidden) for layer in range(shape.layers))
    seen = {
        "basic_lstm": 0,
        "feedback_lstm": 0,
        "peek_lstm": hidden + token,
        "attention_lstm": hidden + memory + (token if additive else 0),
        "lstm": hidden + memory,
    }[system.arch]
    readout = seen * shape.out_embed
    once_a_sentence = constant * (4 * hidden + (shape.out_embed if system.arch == "peek_lstm" else 0))
    score = 0
    if luong:
        score = hidden * memory + 2 * source * memory
    elif additive:
        score = hidden * hidden + source * (hidden + memory)
    keys = memory * hidden if additive else 0
    once_a_source_token = encoder + keys
    once_a_target_token = decoder + score + readout + shape.out_embed * vocabulary
    return 2.0 * sentences * (once_a_sentence + source * once_a_source_token + target * once_a_target_token)


def training(system: System, shape: Shape, *batch: int) -> float:
    """Floating-point operations of a training step: the backward pass multiplies twice where the forward one does."""
    return 3 * forward(system, shape, *batch)
