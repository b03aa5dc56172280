"""A transducer, in probabilities: which edits write a token is a product with a matrix of what is passed over.

A probability under 1e-38 counts as that, and one of deleting a token under 1e-26.

Shape letters: N sentences, B beams, R rows, S source tokens, O readout size, V vocabulary.
"""

from __future__ import annotations

from typing import Dict, Optional, Type

from s2s_plugins.inference.export.copying import LEAST, copied
from s2s_plugins.inference.export.steps import Carried, DecoderSteps, Source, Step, steps_of
from s2s_plugins.inference.onnx.builder import Value
from s2s_plugins.nn.decoders.transducer import TransducerDecoder

_NEVER, _BACKWARDS, _LEAST_DELETED = -1e4, -1e30, -60.0  # log-probabilities


class TransducerSteps(DecoderSteps):
    """The parts of a transducer. Its state has "row.reached" (R, S, 3), the probability of writing the last token at
    each source token by each edit, before it was known, and "row.emitted" (R, S, V), those of the last token where it
    is inserted or takes a source token's place."""

    decoder: TransducerDecoder

    def start(self, source: Source) -> Dict[str, Carried]:
        builder, vocabulary = self.builder, self.decoder.emission.out_features
        zeros = builder.zeros(source.batch, source.steps)
        leftmost = builder.add("Equal", self._places(source.steps), builder.scalar(0, "int64")).cast("float32")
        first = (zeros + leftmost.unsqueeze(0)).unsqueeze(2)
        elsewhere = builder.zeros(source.batch, source.steps, 2)
        emitted = builder.zeros(source.batch, source.steps, vocabulary) + builder.scalar(1.0)
        return {
            **super().start(source),
            "source.memory": Carried(*self._projected("context", source.memory, ("N", "S"))),
            "source.mask": Carried(source.mask, ("N", 1, "S")),
            "source.impossible": Carried(self._impossible(source), ("N", "S", 4)),
            "source.copied": copied(builder, self.decoder.copies, source),
            "row.reached": Carried(builder.concat([first, elsewhere], 2), ("R", "S", 3)),
            "row.emitted": Carried(emitted, ("R", "S", vocabulary)),
        }

    def _places(self, steps: Value) -> Value:
        """0, 1, ... of S = ``steps`` (1,): (S,), int64."""
        ones = self.builder.add("Expand", self.builder.scalar(1, "int64"), steps)
        return ones.cumsum(0) - self.builder.scalar(1, "int64")

    def _impossible(self, source: Source) -> Value:
        """What is added to the logits of edits: at padding all but deletion is impossible, at the last source token all
        but insertion; (N, S, 4)."""
        builder = self.builder
        padding = builder.add("Max", source.mask, builder.scalar(-1.0)).squeeze(1) * -1.0  # N S: 1 at padding
        places = self._places(source.steps).cast("float32")
        furthest = (places * (builder.scalar(1.0) - padding)).max(1, keepdims=True)
        last = builder.add("Equal", places, furthest).cast("float32")
        ends = padding + last
        parts = [one.unsqueeze(2) for one in (padding, ends, ends, last)]
        return builder.concat(parts, 2) * _NEVER

    def pick(self, name: str, value: Value, rows: Value) -> Value:
        return value if name == "row.emitted" else super().pick(name, value, rows)

    def read_out(self, x: Value, seen: Optional[Value], tokens: Value, state: Dict[str, Value], step: Step) -> Step:
        builder, decoder = self.builder, self.decoder
        to_readout = x @ self.read["hidden"]
        to_readout = (to_readout if seen is None else to_readout + seen).unsqueeze(2)
        hidden = (to_readout + state["source.memory"].unsqueeze(1)).tanh()  # N B S O
        emitted = builder.linear(hidden, decoder.emission).softmax()
        edits = (builder.linear(hidden, decoder.edits) + state["source.impossible"].unsqueeze(1)).softmax()
        writes, deletes = edits.split([3, 1], -1)
        reached = self._arrives(tokens, deletes.squeeze(3), state).unsqueeze(3) * writes
        insert, substitute, copy = reached.split([1, 1, 1], -1)
        written = ((insert + substitute).transpose(0, 1, 3, 2) @ emitted).squeeze(2)
        copy = copy.squeeze(3)
        places = builder.add("Expand", state["source.copied"].cast("int64").unsqueeze(1), builder.add("Shape", copy))
        logits = builder.add("Log", written.add_at(places, copy, 2) + builder.scalar(LEAST))
        step.after.update({"row.reached": reached, "row.emitted": emitted})
        return Step(logits, reached.sum(3), step.after)

    def _arrives(self, tokens: Value, deletes: Value, state: Dict[str, Value]) -> Value:
        """The probability of standing at each source token, before the edit that writes, (N, B, S)."""
        builder = self.builder
        steps = state["source.mask"].size(2)
        numbers = self._places(steps)
        # the last token's emissions, wherever it was written: one value of "row.emitted" for each row and place
        vocabulary = builder.scalar(self.decoder.emission.out_features, "int64")
        indices = (state["rows"].unsqueeze(2) * steps + numbers) * vocabulary + tokens.unsqueeze(2)
        said = state["row.emitted"].reshape(-1).take(indices)  # N B S
        insert, substitute, copy = (part.squeeze(3) for part in state["row.reached"].split([1, 1, 1], -1))
        same = builder.add("Equal", tokens.unsqueeze(2), state["source.copied"].cast("int64").unsqueeze(1))
        goes = substitute * said + copy * same.cast("float32")
        before = builder.zeros(goes.size(0), goes.size(1), 1)
        moved = builder.concat([before, goes], 2).take(numbers, axis=2)
        place = builder.add("Log", insert * said + moved + builder.scalar(LEAST)).softmax()
        logs = builder.add("Max", builder.add("Log", deletes + builder.scalar(LEAST)), builder.scalar(_LEAST_DELETED))
        passed = logs.cumsum(2) - logs
        distance = numbers.cast("float32")
        back = builder.add("Relu", distance.unsqueeze(1) - distance.unsqueeze(0)) * _BACKWARDS  # S S
        passing = builder.add("Exp", passed.unsqueeze(2) - passed.unsqueeze(3) + back)  # N B S S, from and to
        return (place.unsqueeze(2) @ passing).squeeze(2)


@steps_of.register
def _(decoder: TransducerDecoder) -> Type[DecoderSteps]:
    return TransducerSteps
