"""The graphs of each kind of model, and what they read and give: what ``docs/onnx.md`` says, checked.

Whoever runs a graph counts on this. That a graph computes what the settings of its model say is not checked.
"""

from __future__ import annotations

import math
from typing import Iterable, List, Mapping, NoReturn, Tuple

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.onnx.graph import Graph, Port

GRAPHS = {"translator": ("encoder", "step"), "forecaster": ("encoder", "step"), "classifier": ("classifier",)}
NEXT, ROW, SOURCE = "next.", "row.", "source."  # begin the names of what goes from step to step


def check(kind: str, graphs: Mapping[str, Graph], where: str) -> None:
    """See that a model has the graphs of its kind, with the inputs and outputs that these have.

    Args:
        kind: of the model.
        graphs: by name.
        where: names the file.

    Raises:
        UsageError: a graph is missing or of no use, or an input or output is missing, unknown, or of another type or
            shape.
    """
    if set(graphs) != set(GRAPHS[kind]):
        _refuse(where, f"its graphs are not {' and '.join(GRAPHS[kind])}, those of a {kind}")
    _Check(graphs, where).check(kind)


def _refuse(where: str, what: str) -> NoReturn:
    raise UsageError(f"{where} is damaged, {what}: use one that s2s save wrote")


class _Check:
    """The check of the graphs of one model.

    Args:
        graphs: those of its kind.
        where: names the file.
    """

    def __init__(self, graphs: Mapping[str, Graph], where: str) -> None:
        self.graphs, self.where = graphs, where

    def check(self, kind: str) -> None:
        {"translator": self._translator, "forecaster": self._forecaster, "classifier": self._classifier}[kind]()

    def _classifier(self) -> None:
        graph = self.graphs["classifier"]
        classes = self._fixed("classifier", graph.outputs, "probabilities", 2)[1]
        self._same("classifier", graph.inputs, [Port("tokens", "int64", ("N", "S"))])
        self._same("classifier", graph.outputs, [Port("probabilities", "float32", ("N", classes))])

    def _translator(self) -> None:
        encoder, step = self.graphs["encoder"], self.graphs["step"]
        self._same("encoder", encoder.inputs, [Port("src_tokens", "int64", ("N", "S"))])
        state = self._state(encoder.outputs)
        self._same("encoder", encoder.outputs, state)
        vocabulary = self._fixed("step", step.outputs, "logits", 2)[1]
        given = [Port("tokens", "int64", ("R",)), Port("rows", "int64", ("R",))]
        self._step([*given, *_of_rows(state, "P")], [Port("logits", "float32", ("R", vocabulary))], state, "R")

    def _forecaster(self) -> None:
        encoder, step = self.graphs["encoder"], self.graphs["step"]
        _, _, size = self._fixed("encoder", encoder.inputs, "source", 3)
        _, layers, memory = self._fixed("encoder", encoder.inputs, "hidden", 3)
        _, cells, _ = self._fixed("encoder", encoder.inputs, "cell", 3)
        most = max(sum(map(math.prod, encoder.weights.values())), 1)  # each layer has more weights than states
        if layers * memory > most or cells not in (0, layers):
            _refuse(self.where, "its graph encoder has other states than layers")
        states = [Port("hidden", "float32", ("N", layers, memory)), Port("cell", "float32", ("N", cells, memory))]
        given = [Port("source", "float32", ("N", "S", size)), Port("padding_mask", "bool", ("N", "S"))]
        self._same("encoder", encoder.inputs, [*given, *states])
        state = self._state(encoder.outputs)
        self._same("encoder", encoder.outputs, [*state, *(_renamed(one, NEXT + one.name) for one in states)])
        fed = self._fixed("step", step.inputs, "fed", 2)[1]
        targets, numbers = self._fixed("step", step.outputs, "outputs", 3)[1:]
        if not numbers:
            _refuse(self.where, "its graph step predicts nothing")
        outputs = Port("outputs", "float32", ("N", targets, numbers))
        self._step([Port("fed", "float32", ("N", fed)), *state], [outputs], state, "N")

    def _step(self, inputs: List[Port], outputs: List[Port], state: Iterable[Port], rows: str) -> None:
        """Of a step with ``inputs`` and its first ``outputs``, which gives the next ``state`` of so many ``rows``."""
        step = self.graphs["step"]
        self._same("step", step.inputs, inputs)
        if any(port.name == "attention" for port in step.outputs):
            if not any("S" in port.shape for port in inputs):
                _refuse(self.where, "its graph step has attention and no source")
            outputs = [*outputs, Port("attention", "float32", (rows, "S"))]
        after = [one for one in _of_rows(state, rows) if one.name.startswith(ROW)]
        self._same("step", step.outputs, [*outputs, *(_renamed(one, NEXT + one.name) for one in after)])

    def _state(self, outputs: Iterable[Port]) -> List[Port]:
        """What an encoder gives to the step, "row." and "source." parts."""
        state = [port for port in outputs if port.name.startswith((ROW, SOURCE))]
        for port in state:
            sizes_fit = port.shape[:1] == ("N",) and all(
                size == "S" or isinstance(size, int) for size in port.shape[1:]
            )
            if port.type != "float32" or not sizes_fit:
                _refuse(self.where, f"its graph encoder has {_text(port)}, not float32 (N, ...)")
        return state

    def _fixed(self, graph: str, ports: Iterable[Port], name: str, count: int) -> Tuple[int, ...]:
        """The sizes of the port ``name``, which has ``count`` of them; 0 for one that is free."""
        shape = next((port.shape for port in ports if port.name == name), None)
        if shape is None:
            _refuse(self.where, f"its graph {graph} has no {name}")
        if len(shape) != count:
            _refuse(self.where, f"its graph {graph} has {name} with {len(shape)} sizes, not {count}")
        return tuple(size if isinstance(size, int) else 0 for size in shape)

    def _same(self, graph: str, found: Tuple[Port, ...], expected: Iterable[Port]) -> None:
        """See that the inputs or outputs of a graph are those that are expected, in any order."""
        there = {port.name: port for port in found}
        for port in expected:
            if port.name not in there:
                _refuse(self.where, f"its graph {graph} has no {_text(port)}")
            if there[port.name] != port:
                _refuse(self.where, f"its graph {graph} has {_text(there[port.name])}, not {_text(port)}")
            del there[port.name]
        if there:
            _refuse(self.where, f"its graph {graph} has {_text(next(iter(there.values())))}, which no model has")
        if len(found) != len({port.name for port in found}):
            _refuse(self.where, f"its graph {graph} has an output twice")


def _of_rows(state: Iterable[Port], rows: str) -> List[Port]:
    """The parts of a state, those that differ between beams with so many ``rows``."""
    return [Port(one.name, one.type, (rows, *one.shape[1:])) if one.name.startswith(ROW) else one for one in state]


def _renamed(port: Port, name: str) -> Port:
    return Port(name, port.type, port.shape)


def _text(port: Port) -> str:
    """A port in words."""
    return f"{port.name:.80} {port.type} ({', '.join(str(size)[:20] for size in port.shape)})"
