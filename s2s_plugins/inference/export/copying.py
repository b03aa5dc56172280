"""Copying source tokens, in probabilities: what a step writes is added to what it copies.

Shape letters: N sentences, B beams, S source tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Dict, Optional, Type

from s2s_plugins.inference.export.steps import Carried, DecoderSteps, Source, steps_of
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.nn.attention import Attention
from s2s_plugins.nn.copying import Copies
from s2s_plugins.nn.decoders.pointer_generator import PointerGenerator

LEAST = 1e-38  # of a probability whose logarithm is taken


def copied(builder: Builder, copies: Copies, source: Source) -> Carried:
    """The target symbols that the source tokens are copied to, as float32: what goes from graph to graph is that."""
    assert source.tokens is not None, "vectors are not copied"
    numbers = builder.table(copies.table.tolist()).take(source.tokens)
    return Carried(numbers.cast("float32"), ("N", "S"))


class PointerGeneratorSteps(DecoderSteps):
    """The parts of a decoder that copies what it looks at."""

    decoder: PointerGenerator

    def start_attention(self, looks: Attention, source: Source) -> Dict[str, Carried]:
        return {
            **super().start_attention(looks, source),
            "source.copied": copied(self.builder, self.decoder.copying, source),
        }

    def written(self, features: Value, weights: Optional[Value], state: Dict[str, Value]) -> Value:
        assert weights is not None
        copies = self.builder.linear(features, self.decoder.copying.gate).sigmoid()
        writes = self.output(self.decoder.vocabulary_layer, features).softmax() * (self.builder.scalar(1.0) - copies)
        places = state["source.copied"].cast("int64").unsqueeze(1)
        places = self.builder.add("Expand", places, self.builder.add("Shape", weights))
        total = writes.add_at(places, weights * copies, 2)
        return self.builder.add("Log", total + self.builder.scalar(LEAST))


@steps_of.register
def _(decoder: PointerGenerator) -> Type[DecoderSteps]:
    return PointerGeneratorSteps
