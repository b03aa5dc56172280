"""The models of the Keras library seq2seq (github.com/farizrahman4u/seq2seq), each by one call here.

``.venv/bin/python examples/forecast/toy.py`` builds each, trains it on random arrays of the shapes of that library's
own tests, predicts with it, and prints its call, ours, and the loss before and after.

Theirs hands state on inside the decoder's stack too; here the decoder's layers start from the encoder, since a layer's
final state is known only after the last output. Their ``stateful`` is ``fairseq-train --stateful``, and here the state
that a model returns and takes: ``model(source, prev_outputs, state=output.state)``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from s2s_plugins.nn.vectors import VectorSeq2Seq, vector_seq2seq

SAMPLES, INPUT_LENGTH, INPUT_DIM, OUTPUT_LENGTH, OUTPUT_DIM, HIDDEN_DIM = 100, 7, 5, 8, 20, 10
SHAPES = "input_dim=5, input_length=7, hidden_dim=10, output_length=8, output_dim=20"
SIZES: Dict[str, Any] = {"source_size": INPUT_DIM, "target_size": OUTPUT_DIM, "hidden_size": HIDDEN_DIM}
HANDED: Dict[str, Any] = {"inner_handover": True}  # inner_broadcast_state, which is their default
OWN: Dict[str, Any] = {"scheduled_sampling": 1.0}  # the decoder reads its own outputs in training too


class Call(NamedTuple):
    """A call of the library, and what the same model takes here.

    Attributes:
        theirs: the call, without the shapes, which are the same in all.
        kind: of decoder.
        given: further arguments of :func:`~s2s_plugins.nn.vectors.vector_seq2seq`.
    """

    theirs: str
    kind: str
    given: Dict[str, Any]

    def build(self) -> VectorSeq2Seq:
        return vector_seq2seq(self.kind, **SIZES, **self.given)

    @property
    def ours(self) -> str:
        """The call as text, without the sizes, which are the same in all."""
        given = [repr(self.kind), *(f"{name}={value!r}" for name, value in self.given.items())]
        return f"vector_seq2seq({', '.join(given)})"


def keras(name: str, *given: str) -> str:
    return f"{name}({', '.join(['...', *given])})"


CALLS = [
    *(Call(keras("SimpleSeq2Seq", f"depth={depth}"), "basic", {"layers": depth}) for depth in (1, 2, 3, (4, 5))),
    Call(keras("Seq2Seq", "depth=1"), "feedback", {"layers": 1, **OWN}),
    *(Call(keras("Seq2Seq", f"depth={depth}"), "feedback", {"layers": depth, **HANDED, **OWN}) for depth in (2, 4)),
    Call(keras("Seq2Seq", "depth=(4, 5)"), "feedback", {"layers": (4, 5), **HANDED, **OWN}),
    Call(keras("Seq2Seq", "depth=4", "peek=True"), "peek", {"layers": 4, **HANDED, **OWN}),
    Call(keras("Seq2Seq", "depth=2", "teacher_force=True"), "feedback", {"layers": 2, **HANDED}),
    Call(keras("Seq2Seq", "depth=2", "peek=True", "teacher_force=True"), "peek", {"layers": 2, **HANDED}),
    Call(keras("Seq2Seq", "depth=2", "dropout=0.3"), "feedback", {"layers": 2, "dropout": 0.3, **HANDED, **OWN}),
    Call(keras("Seq2Seq", "depth=2", "inner_broadcast_state=False"), "feedback", {"layers": 2, **OWN}),
    Call(
        keras("Seq2Seq", "depth=2", "broadcast_state=False"), "peek", {"layers": 2, "bridge": "zero", **HANDED, **OWN}
    ),
    *(
        Call(keras("AttentionSeq2Seq", f"depth={depth}"), "attention", {"layers": depth, "bidirectional": True, **OWN})
        for depth in (1, 2, 3, 4)
    ),
]


def arrays(seed: int = 1) -> Tuple[Tensor, Tensor]:
    """Random sources (N, 7, 5) and targets (N, 8, 20)."""
    torch.manual_seed(seed)
    return torch.rand(SAMPLES, INPUT_LENGTH, INPUT_DIM), torch.rand(SAMPLES, OUTPUT_LENGTH, OUTPUT_DIM)


def train(model: VectorSeq2Seq, source: Tensor, target: Tensor, updates: int = 40) -> Tuple[float, float]:
    """Train on all samples at once.

    Returns:
        The mean squared error of the predictions before, and after.
    """
    prev_outputs = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
    before = error(model, source, target)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for _ in range(updates):
        optimizer.zero_grad()
        model.loss.losses(model(source, prev_outputs).outputs, target).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return before, error(model, source, target)


def error(model: VectorSeq2Seq, source: Tensor, target: Tensor) -> float:
    """The mean squared error of what the model predicts from its own outputs."""
    return float(((model.predict(source, target.size(1)) - target) ** 2).mean())


def main() -> int:
    width = max(len(call.theirs) for call in CALLS)
    print(f"their shapes: {SHAPES}\nour sizes: {', '.join(f'{name}={size}' for name, size in SIZES.items())}\n")
    for call in CALLS:
        torch.manual_seed(1)
        before, after = train(call.build(), *arrays())
        print(f"{call.theirs:<{width}}  {call.ours}  # mse {before:.3f} -> {after:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
