"""Training of models of vectors beside a plain PyTorch module of the same shape, in turn in one run.

    python -m benchmarks.vectors

The plain module has ``nn.LSTM`` on both sides and a loop over the output steps, as one writes it without thinking of
speed; its previous outputs are given, as ours are. Times are of the processor, so that other work on the machine
matters less.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from benchmarks.machine import machine
from benchmarks.pairs import compare
from s2s_plugins.nn.vectors import vector_seq2seq

KINDS = ("basic", "feedback", "peek", "attention")


class Shape(NamedTuple):
    """Sizes of a training: batch, source and target steps, source and target size, hidden size."""

    batch: int
    source_steps: int
    target_steps: int
    source_size: int
    target_size: int
    hidden_size: int


SHAPES = (
    Shape(64, 24, 24, 8, 8, 128),
    Shape(64, 48, 24, 8, 8, 128),
    Shape(32, 36, 12, 4, 1, 64),
    Shape(32, 7, 8, 5, 20, 10),
)


class Plain(nn.Module):
    """The model as a loop.

    Args:
        kind: of decoder.
        shape: its sizes.
    """

    def __init__(self, kind: str, shape: Shape) -> None:
        super().__init__()
        size, both = shape.hidden_size, kind == "attention"
        self.kind = kind
        self.embed_source = nn.Linear(shape.source_size, size)
        self.encoder = nn.LSTM(size, size // 2 if both else size, batch_first=True, bidirectional=both)
        self.embed_target = nn.Linear(shape.target_size, size)
        self.bridge = nn.Linear(size, 2 * size)
        self.decoder = nn.LSTM(size if kind in ("basic", "feedback") else 2 * size, size, batch_first=True)
        self.readout = nn.Linear(3 * size, size) if kind in ("peek", "attention") else None
        self.output = nn.Linear(size, shape.target_size)
        if both:
            self.query, self.keys = nn.Linear(size, size, bias=False), nn.Linear(size, size)
            self.score = nn.Linear(size, 1, bias=False)

    def forward(self, source: Tensor, prev_outputs: Tensor) -> Tensor:
        """(B, S, D) and (B, T, K) -> (B, T, K)."""
        memory, _ = self.encoder(self.embed_source(source))
        summary = memory[:, -1:]
        state = tuple(torch.tanh(self.bridge(summary)).transpose(0, 1).contiguous().chunk(2, dim=-1))
        state = tuple(part.contiguous() for part in state)
        keys = self.keys(memory) if self.kind == "attention" else None
        outputs = []
        for step in range(prev_outputs.size(1)):
            previous = self.embed_target(prev_outputs[:, step : step + 1])
            seen = summary
            if keys is not None:
                weights = self.score(torch.tanh(keys + self.query(state[0][0]).unsqueeze(1))).softmax(1)
                seen = (weights * memory).sum(1, keepdim=True)
            parts = {"basic": [summary], "feedback": [previous]}.get(self.kind, [previous, seen])
            hidden, state = self.decoder(torch.cat(parts, dim=-1), state)
            if self.readout is not None:
                hidden = torch.tanh(self.readout(torch.cat([hidden, previous, seen], dim=-1)))
            outputs.append(self.output(hidden))
        return torch.cat(outputs, dim=1)


def updates(kind: str, shape: Shape) -> Dict[str, Callable[[], None]]:
    """A training update of each side."""
    torch.manual_seed(1)
    source = torch.randn(shape.batch, shape.source_steps, shape.source_size)
    target = torch.randn(shape.batch, shape.target_steps, shape.target_size)
    prev_outputs = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
    ours = vector_seq2seq(
        kind,
        source_size=shape.source_size,
        target_size=shape.target_size,
        hidden_size=shape.hidden_size,
        bidirectional=kind == "attention",
    )
    plain = Plain(kind, shape)

    def update(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
        optimizer = torch.optim.Adam(model.parameters())

        def run() -> None:
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

        return run

    return {
        "baseline": update(plain, lambda: ((plain(source, prev_outputs) - target) ** 2).mean()),
        "ours": update(ours, lambda: ours.loss.losses(ours(source, prev_outputs).outputs, target).mean()),
    }


def measure(kind: str, shape: Shape, rounds: int, each: int) -> Dict[str, List[float]]:
    """Updates a second of both sides, a pair a round; the first two rounds warm up."""
    found: Dict[str, List[float]] = {"baseline": [], "ours": []}
    runs = updates(kind, shape)
    for turn in range(rounds + 2):
        for side, run in runs.items():
            began = time.process_time()
            for _ in range(each):
                run()
            if turn >= 2:
                found[side].append(each / (time.process_time() - began))
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.vectors", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="pairs of measurements (default: 9)")
    parser.add_argument("--each", type=int, default=8, metavar="N", help="updates in a measurement (default: 8)")
    return parser.parse_args()


def row(kind: str, shape: Shape, rounds: int, each: int) -> Tuple[str, ...]:
    found = compare(**measure(kind, shape, rounds, each))
    ratio = found["ratio"]
    sizes = (
        f"{shape.batch} x ({shape.source_steps} x {shape.source_size} -> {shape.target_steps} x {shape.target_size})"
    )
    speeds = (f"{found[side]['median']:.1f}" for side in ("baseline", "ours"))
    span = f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
    return (sizes, str(shape.hidden_size), f"{kind}_lstm", *speeds, span)


def main() -> int:
    args = parse()
    torch.set_num_threads(1)
    print(f"{machine()['cpu']}, one thread, torch {torch.__version__}\n")
    print("| batch x (source -> target) | hidden | model | plain, updates/s | ours, updates/s | ratio |")
    print("|---|---|---|---|---|---|")
    for shape in SHAPES:
        for kind in KINDS:
            print(f"| {' | '.join(row(kind, shape, args.rounds, args.each))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
