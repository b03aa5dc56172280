"""Multiplications and additions of a forward pass, from the shapes and from what the decoder sees; a training step has
three times as many.

Matrix products and attention's sums only: what is elementwise costs time, and hardly any arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from benchmarks.systems import Shape


@dataclass(frozen=True)
class Sees:
    """What a decoder looks at: of "token", "constant", "context", "feed" and "hidden".

    Args:
        step: what feeds a step.
        output: what the output sees.
        hidden_layer: whether the score of its attention has a hidden layer.
    """

    step: Tuple[str, ...]
    output: Tuple[str, ...]
    hidden_layer: bool = False


FAIRSEQ = Sees(("token", "feed"), ("context", "hidden"))  # its lstm


def forward(sees: Sees, shape: Shape, sentences: int, source: int, target: int, vocabulary: int) -> float:
    """Floating-point operations of one forward pass, a multiply-add counting as two.

    Args:
        sees: of the decoder.
        shape: its sizes.
        sentences: B, of one batch.
        source: S, its source length, padding included.
        target: T, likewise.
        vocabulary: V, of the target.
    """
    hidden, directions = shape.decoder_hidden, 2 if shape.bidirectional else 1
    memory = directions * shape.encoder_hidden
    sizes = {"token": shape.decoder_embed, "context": memory, "feed": shape.out_embed, "hidden": hidden}
    encoder = sum(
        directions * 4 * shape.encoder_hidden * ((memory if layer else shape.encoder_embed) + shape.encoder_hidden)
        for layer in range(shape.layers)
    )
    # the constant, C, is multiplied once a sentence
    first = sum(sizes.get(part, 0) for part in sees.step)
    decoder = sum(4 * hidden * ((hidden if layer else first) + hidden) for layer in range(shape.layers))
    seen = sum(sizes.get(part, 0) for part in sees.output)
    readout = 0 if sees.output == ("hidden",) and hidden == shape.out_embed else seen * shape.out_embed
    once_a_sentence = memory * (("constant" in sees.step) * 4 * hidden + ("constant" in sees.output) * shape.out_embed)
    score = keys = 0
    if "context" in sees.step + sees.output:
        keys = memory * hidden if sees.hidden_layer else 0
        own = hidden * (hidden if sees.hidden_layer else memory)
        score = own + source * ((hidden if sees.hidden_layer else memory) + memory)
    once_a_source_token = encoder + keys
    once_a_target_token = decoder + score + readout + shape.out_embed * vocabulary
    return 2.0 * sentences * (once_a_sentence + source * once_a_source_token + target * once_a_target_token)


def training(sees: Sees, shape: Shape, *batch: int) -> float:
    """Floating-point operations of a training step: the backward pass multiplies twice where the forward one does."""
    return 3 * forward(sees, shape, *batch)
