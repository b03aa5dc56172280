"""A decoder's first state and its step, as graphs; folded as :mod:`s2s_plugins.nn.fast.folded` folds them.

What depends on the token alone is a row of a table, what depends on the source alone is computed by the encoder's
graph, and what the beams of a sentence share is held once. ONNX Runtime computes the table and all joined weights when
it opens a graph.

Shape letters: N sentences, B beams, R rows (N times B), S source tokens, H hidden size, O readout size, M memory size,
G gates (4H, of a GRU 3H), V vocabulary.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type

from torch import Tensor, nn

from s2s_plugins.inference.export import attention
from s2s_plugins.inference.export.recurrent import States, input_bias, step_layer
from s2s_plugins.inference.onnx.builder import Builder, Value
from s2s_plugins.inference.onnx.graph import Size
from s2s_plugins.nn.adaptive import AdaptiveSoftmax
from s2s_plugins.nn.attention import Attention
from s2s_plugins.nn.decoder import Decoder

_TABLE_LIMIT = 2**20  # values: a table of 4 MB


class Source(NamedTuple):
    """What the encoder's graph knows when the decoder starts.

    Attributes:
        memory: (N, S, M), 0 at padding.
        mask: (N, 1, S), float32: 0, and at padding the lowest number.
        constant: what the decoder sees of the source at every step, C and its features, (N, M + F); None: nothing.
        states: the decoder's first ones.
        batch: (1,), N.
        steps: (1,), S.
        tokens: (N, S), int64; None of vectors.
    """

    memory: Value
    mask: Value
    constant: Optional[Value]
    states: States
    batch: Value
    steps: Value
    tokens: Optional[Value] = None


class Carried(NamedTuple):
    """What goes from one graph to the next.

    Attributes:
        value: of the graph that gives it.
        shape: of it.
    """

    value: Value
    shape: Tuple[Size, ...]


class Step(NamedTuple):
    """What a step gives.

    Attributes:
        output: logits (..., V), or what the output layer gives.
        attention: (N, B, S), or None.
        after: the next value of each "row." part.
    """

    output: Value
    attention: Optional[Value]
    after: Dict[str, Value]


class DecoderSteps:
    """The parts of a decoder in one graph.

    Args:
        builder: of the graph.
        decoder: the decoder.
    """

    def __init__(self, builder: Builder, decoder: Decoder[Any]) -> None:
        self.builder, self.decoder = builder, decoder
        self.layers = decoder.stack.recurrent_layers
        self.attention: Optional[Attention] = getattr(decoder, "attention", None)
        linear, first = decoder.readout.linear, self.layers[0].rnn
        self.gates = self._columns(first.get_parameter("weight_ih_l0"), decoder.sees.step)
        self.read = {} if linear is None else self._columns(linear.weight, decoder.sees.output)
        # each bias is added once: to the first part that the gates or the readout see
        order = ("token", "constant", "context")
        self.gates_bias = next((name for name in order if name in self.gates), "")
        self.read_bias = next((name for name in order if name in self.read), "")

    def _columns(self, matrix: Tensor, parts: Tuple[str, ...]) -> Dict[str, Value]:
        """For each of the parts that ``matrix`` is multiplied with, its rows transposed, (size, G or O)."""
        embedding = self.decoder.embed_tokens
        sizes = {"hidden": self.decoder.stack.output_size, "feed": self.decoder.readout.output_size}
        if not self.decoder.sees_source_summary():
            sizes["constant"] = self.decoder.features_size
        if embedding is not None:
            sizes["token"] = embedding.weight.size(1 if isinstance(embedding, nn.Embedding) else 0)
        known = sum(sizes.get(part, 0) for part in parts)
        widths = [sizes.get(part, matrix.size(1) - known) for part in parts]  # the memory's is what remains
        split = self.builder.weight(matrix).split(widths, 1)
        return {part: columns.transpose(1, 0) for part, columns in zip(parts, split)}

    # the encoder's side

    def start(self, source: Source) -> Dict[str, Carried]:
        """The state before the first step, by name: "row." with a row for each beam, "source." with one a sentence."""
        size, features = self.decoder.stack.output_size, self.decoder.readout.output_size
        found = {}
        for kind, states in zip(States._fields, source.states):
            for index, state in enumerate(states):
                found[f"row.{kind}.{index}"] = Carried(state, ("R", size))
        if "feed" in self.gates:
            found["row.feed"] = Carried(self.builder.zeros(source.batch, features), ("R", features))
        if source.constant is not None:
            found["source.constant"] = Carried(*self._projected("constant", source.constant, ("N",)))
        if self.attention is not None:
            found.update(self.start_attention(self.attention, source))
        return found

    def start_attention(self, looks: Attention, source: Source) -> Dict[str, Carried]:
        """The same of what attention sees."""
        keys = attention.project(looks, self.builder, source.memory)
        found = {
            "source.keys": Carried(keys.value, keys.shape),
            "source.memory": Carried(*self._projected("context", source.memory, ("N", "S"))),
            "source.mask": Carried(source.mask, ("N", 1, "S")),
        }
        if self.decoder.coverage:
            found["row.coverage"] = Carried(self.builder.zeros(source.batch, source.steps), ("R", "S"))
        return found

    def _projected(self, part: str, x: Value, shape: Tuple[Size, ...]) -> Tuple[Value, Tuple[Size, ...]]:
        """What ``x`` (..., M) adds to gates and readout, (..., G + O), and the shape of that."""
        return self._with_bias(part, x @ self._matrix(part)), (*shape, self._width(part))

    def _matrix(self, part: str) -> Value:
        """(size, G + O), of these what sees the part."""
        return self.builder.concat([columns[part] for columns in (self.gates, self.read) if part in columns], 1)

    def _width(self, part: str) -> int:
        linear, gates = self.decoder.readout.linear, self.layers[0].rnn.get_parameter("weight_ih_l0").size(0)
        readout = linear.out_features if linear is not None and part in self.read else 0
        return readout + (gates if part in self.gates else 0)

    def _with_bias(self, part: str, added: Value) -> Value:
        """``added`` (..., G + O) with those biases that go with ``part``."""
        linear, size = self.decoder.readout.linear, self._width(part)
        biases = []
        if part == self.gates_bias:
            biases.append(input_bias(self.builder, self.layers[0]))
        elif part in self.gates:
            biases.append(self.builder.zeros(self.layers[0].rnn.get_parameter("weight_ih_l0").size(0)))
        if linear is not None and part == self.read_bias:
            biases.append(self.builder.weight(linear.bias))
        elif part in self.read and biases:
            biases.append(self.builder.zeros(size - self.layers[0].rnn.get_parameter("weight_ih_l0").size(0)))
        if part not in (self.gates_bias, self.read_bias):
            return added
        return added + self.builder.concat(biases, 0)

    # the step's side

    def step(self, tokens: Value, state: Dict[str, Value]) -> Step:
        """One step of all beams.

        Args:
            tokens: (N, B), or of a decoder without a source (R,); of vectors (N, 1, K + F).
            state: what :meth:`start` named; "row." parts (N, B, ...), or (R, ...).
        """
        gates, seen = self._seen(tokens, state)
        weights = None
        after: Dict[str, Value] = {}
        if "context" in self.gates:
            weights, added = self.attend(state[f"row.hidden.{len(self.layers) - 1}"], state)
            to_gates, to_readout = self._split("context", added)
            gates, seen = _sum(gates, to_gates), _sum(seen, to_readout)
        if "feed" in self.gates:
            gates = _sum(gates, state["row.feed"] @ self.gates["feed"])
        assert gates is not None, "nothing feeds a step"
        x = self.run_layers(gates, state, after)
        if weights is not None and self.decoder.coverage:
            after["row.coverage"] = state["row.coverage"] + weights
        return self.read_out(x, seen, tokens, state, Step(x, weights, after))

    def read_out(self, x: Value, seen: Optional[Value], tokens: Value, state: Dict[str, Value], step: Step) -> Step:
        """From the top hidden state ``x`` (..., H), and what other parts have ``seen`` adds to the readout (..., O), to
        the output; ``step`` has what is known before."""
        weights = step.attention
        if weights is None and "context" in self.read:
            weights, added = self.attend(x, state)
            seen = _sum(seen, added)
            if self.decoder.coverage:
                step.after["row.coverage"] = state["row.coverage"] + weights
        features = self.features(x, seen)
        if "feed" in self.gates:
            step.after["row.feed"] = features
        return Step(self.written(features, weights, state), weights, step.after)

    def written(self, features: Value, weights: Optional[Value], state: Dict[str, Value]) -> Value:
        """From features (..., O), and where the decoder looked, to the output."""
        return self.output(self.decoder.output_layer, features)

    def pick(self, name: str, value: Value, rows: Value) -> Value:
        """The part ``name`` of the state behind the choice of ``rows`` (N, B) or (R,), the rows that go on."""
        return value.take(rows) if name.startswith("row.") else value

    def _seen(self, tokens: Value, state: Dict[str, Value]) -> Tuple[Optional[Value], Optional[Value]]:
        """What is added to the gates and to the readout by the token and the source summary."""
        gates: Optional[Value] = None
        seen: Optional[Value] = None
        if "token" in (*self.gates, *self.read):
            gates, seen = self._split("token", self._token(tokens))
        if "source.constant" in state:
            to_gates, to_readout = self._split("constant", state["source.constant"].unsqueeze(1))
            gates, seen = _sum(gates, to_gates), _sum(seen, to_readout)
        return gates, seen

    def _token(self, tokens: Value) -> Value:
        """What the previous tokens add to gates and readout, biases included."""
        embedding, matrix = self.decoder.embed_tokens, self._matrix("token")
        assert embedding is not None
        if isinstance(embedding, nn.Linear):
            folded = self.builder.transposed(embedding.weight) @ matrix
            return tokens @ folded + self._with_bias("token", self.builder.weight(embedding.bias) @ matrix)
        weight = self.builder.weight(embedding.weight)
        if embedding.num_embeddings * self._width("token") <= _TABLE_LIMIT:
            return self._with_bias("token", weight @ matrix).take(tokens)
        return self._with_bias("token", weight.take(tokens) @ matrix)

    def _split(self, part: str, added: Value) -> Tuple[Optional[Value], Optional[Value]]:
        """What is added to the gates and to the readout."""
        if part in self.gates and part in self.read:
            gates = self.layers[0].rnn.get_parameter("weight_ih_l0").size(0)
            to_gates, to_readout = added.split([gates, self._width(part) - gates], -1)
            return to_gates, to_readout
        return (added, None) if part in self.gates else (None, added)

    def run_layers(self, gates: Value, state: Dict[str, Value], after: Dict[str, Value]) -> Value:
        """From the first layer's gates to the top hidden state (..., H); the next states go to ``after``."""
        x: Optional[Value] = None
        for index, layer in enumerate(self.layers):
            if x is not None:
                product = x @ self.builder.transposed(layer.rnn.get_parameter("weight_ih_l0"))
                gates = product + input_bias(self.builder, layer)
            names = [name for name in (f"row.{kind}.{index}" for kind in States._fields) if name in state]
            states = step_layer(self.builder, layer, gates, tuple(state[name] for name in names))
            after.update(zip(names, states))
            x = states[0] + x if x is not None and self.decoder.stack.residual else states[0]
        assert x is not None
        return x

    def attend(self, query: Value, state: Dict[str, Value]) -> Tuple[Value, Value]:
        """Weights (N, B, S), and what the context adds to gates and readout, (N, B, G + O)."""
        assert self.attention is not None
        coverage = state.get("row.coverage")
        scores = attention.score(self.attention, self.builder, query, state["source.keys"], coverage)
        weights = (scores + state["source.mask"]).softmax()
        return weights, weights @ state["source.memory"]

    def features(self, x: Value, seen: Optional[Value]) -> Value:
        """From the top hidden state and what else the readout sees to the features (..., O)."""
        linear = self.decoder.readout.linear
        if linear is None:
            return x
        total = _sum(seen, x @ self.read["hidden"])
        assert total is not None
        return (total if self.read_bias else total + self.builder.weight(linear.bias)).tanh()

    def output(self, layer: nn.Module, features: Value) -> Value:
        """What the output layer makes of features (..., O)."""
        if isinstance(layer, AdaptiveSoftmax):
            return self._adaptive(layer, features)
        assert isinstance(layer, nn.Linear)
        return self.builder.linear(features, layer)

    def _adaptive(self, layer: AdaptiveSoftmax, features: Value) -> Value:
        head = self.builder.linear(features, layer.head).log_softmax()
        frequent = layer.head.out_features - len(layer.sizes)
        parts = head.split([frequent, *[1] * len(layer.sizes)], -1)
        found: List[Value] = [parts[0]]
        for tail, prior in zip(layer.tail, parts[1:]):
            inner = features
            for linear in tail.children():
                inner = self.builder.linear(inner, linear) if isinstance(linear, nn.Linear) else inner
            found.append(inner.log_softmax() + prior)
        return self.builder.concat(found, -1)


def _sum(one: Optional[Value], other: Optional[Value]) -> Optional[Value]:
    return other if one is None else one if other is None else one + other


@singledispatch
def steps_of(decoder: Decoder[Any]) -> Type[DecoderSteps]:
    """What makes the graphs of a decoder: of one that does no more than to see what it says, :class:`DecoderSteps`."""
    return DecoderSteps
