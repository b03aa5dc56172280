"""Hard attention: each output token is read off one source token, and which one is summed over.

In probabilities, where the decoder of :mod:`s2s_plugins.nn.decoders.hard` has their logarithms: ONNX has no cumulative
sum of these. What is monotonic is a product with a matrix of transitions, each row of it a softmax, so nothing
overflows; a probability under 1e-38 counts as that.

Shape letters: N sentences, B beams, P rows of the step before, S source tokens, H hidden size, O readout size,
V vocabulary.
"""

from __future__ import annotations

from typing import Dict, Optional, Type

from s2s_plugins.inference.export import attention
from s2s_plugins.inference.export.copying import LEAST, copied
from s2s_plugins.inference.export.steps import Carried, DecoderSteps, Source, Step, steps_of
from s2s_plugins.inference.onnx.builder import Value
from s2s_plugins.nn.attention import Attention
from s2s_plugins.nn.decoders.hard import HardAttentionDecoder

_PADDING, _BACKWARDS = -1e4, -1e30  # added to scores: padding keeps a row of the matrix that is finite


class HardSteps(DecoderSteps):
    """The parts of a decoder with hard attention. Its state has "row.aligned" (R, S), the probability that the last
    token was read off each source token, and "row.emitted" (R, S, V), those of the last token read off each, of a
    monotonic one."""

    decoder: HardAttentionDecoder

    def start_attention(self, looks: Attention, source: Source) -> Dict[str, Carried]:
        found = super().start_attention(looks, source)
        padding = self.builder.add("Max", source.mask, self.builder.scalar(_PADDING))
        found["source.mask"] = Carried(padding, ("N", 1, "S"))
        if self.decoder.copying is not None:
            found["source.copied"] = copied(self.builder, self.decoder.copying, source)
        if self.decoder.monotonic:
            vocabulary = self.decoder.emission.out_features
            steps, one = source.steps, self.builder.scalar(1.0)
            # before the first token: at the leftmost place, from where all can be reached; it emits whatever is read
            leftmost = one - self._places(steps).cast("float32")
            leftmost = self.builder.add("Relu", leftmost).unsqueeze(0)
            zeros = self.builder.zeros(source.batch, steps)
            emitted = self.builder.zeros(source.batch, steps, vocabulary) + one
            found["row.aligned"] = Carried(zeros + leftmost, ("R", "S"))
            found["row.emitted"] = Carried(emitted, ("R", "S", vocabulary))
        return found

    def _places(self, steps: Value) -> Value:
        """0, 1, ... of S = ``steps`` (1,): (S,), int64."""
        ones = self.builder.add("Expand", self.builder.scalar(1, "int64"), steps)
        return ones.cumsum(0) - self.builder.scalar(1, "int64")

    def pick(self, name: str, value: Value, rows: Value) -> Value:
        return value if name == "row.emitted" else super().pick(name, value, rows)

    def read_out(self, x: Value, seen: Optional[Value], tokens: Value, state: Dict[str, Value], step: Step) -> Step:
        to_readout = x @ self.read["hidden"]
        to_readout = (to_readout if seen is None else to_readout + seen).unsqueeze(2)
        hidden = (to_readout + state["source.memory"].unsqueeze(1)).tanh()  # N B S O
        emitted = self._emitted(hidden, state)
        scores = attention.score(self.decoder.attention, self.builder, x, state["source.keys"], None)
        scores = scores + state["source.mask"]
        aligned = self._aligned(scores, tokens, state) if self.decoder.monotonic else scores.softmax()
        if self.decoder.monotonic:
            step.after.update({"row.aligned": aligned, "row.emitted": emitted})
        probabilities = (aligned.unsqueeze(2) @ emitted).squeeze(2)
        logits = self.builder.add("Log", probabilities + self.builder.scalar(LEAST))
        return Step(logits, aligned, step.after)

    def _emitted(self, hidden: Value, state: Dict[str, Value]) -> Value:
        """What is read off each source token, (N, B, S, V)."""
        logits, copying = self.builder.linear(hidden, self.decoder.emission), self.decoder.copying
        if copying is None:
            return logits.softmax()
        both = self.builder.concat([logits, self.builder.linear(hidden, copying.gate)], -1).softmax()
        emitted, copy = both.split([self.decoder.emission.out_features, 1], -1)
        places = state["source.copied"].cast("int64").unsqueeze(1, 3)
        return emitted.add_at(self.builder.add("Expand", places, self.builder.add("Shape", copy)), copy, 3)

    def _aligned(self, scores: Value, tokens: Value, state: Dict[str, Value]) -> Value:
        """``p(a_t = j | y_1 .. y_{t-1})`` (N, B, S)."""
        steps = state["source.mask"].size(2)
        places = self._places(steps)
        # the last token's emissions, wherever it was read: one value of "row.emitted" for each row and place
        vocabulary = self.builder.scalar(self.decoder.emission.out_features, "int64")
        indices = (state["rows"].unsqueeze(2) * steps + places) * vocabulary + tokens.unsqueeze(2)
        said = state["row.emitted"].reshape(-1).take(indices) + self.builder.scalar(LEAST)
        last = (self.builder.add("Log", state["row.aligned"]) + self.builder.add("Log", said)).softmax()
        numbers = places.cast("float32")
        back = self.builder.add("Relu", numbers.unsqueeze(1) - numbers.unsqueeze(0)) * _BACKWARDS  # S S
        transitions = (scores.unsqueeze(2) + back).softmax()  # N B S S
        return (last.unsqueeze(2) @ transitions).squeeze(2)


@steps_of.register
def _(decoder: HardAttentionDecoder) -> Type[DecoderSteps]:
    return HardSteps
