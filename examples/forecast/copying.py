"""Copying and reversing sequences of random vectors: what each decoder can keep of its source.

``.venv/bin/python examples/forecast/copying.py --minutes 15`` trains each architecture on new random data in every
update, and prints R2 on unseen data, the decoder reading its own outputs.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from s2s_plugins.nn.vectors import VectorSeq2Seq, vector_seq2seq

LENGTH, SIZE, BATCH = 20, 8, 64
JOBS: Dict[str, Callable[[Tensor], Tensor]] = {"copy": lambda source: source, "reverse": lambda source: source.flip(1)}
ARCHITECTURES = ("attention", "basic", "feedback", "peek")


def batch(job: str, rows: int) -> "tuple[Tensor, Tensor]":
    """New sources and targets, (B, 20, 8) each."""
    source = torch.randn(rows, LENGTH, SIZE)
    return source, JOBS[job](source)


def r2(model: VectorSeq2Seq, source: Tensor, target: Tensor) -> float:
    """The share of the targets' variance that is predicted."""
    error = (model.predict(source, target.size(1)) - target).square().mean()
    return float(1 - error / target.var())


def train(
    job: str, kind: str, seconds: float, hidden_size: int, lr: float, seed: int, log: Callable[[str], None]
) -> float:
    """Train for so long, the learning rate falling along a half cosine; R2 on unseen data."""
    torch.manual_seed(seed)
    unseen = batch(job, 1000)
    model = vector_seq2seq(
        kind, source_size=SIZE, target_size=SIZE, hidden_size=hidden_size, bidirectional=kind == "attention"
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    began, updates, reported = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = lr * min((1 + math.cos(math.pi * share)) / 2, (updates + 1) / 200)
        source, target = batch(job, BATCH)
        prev_outputs = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
        optimizer.zero_grad()
        model.loss.losses(model(source, prev_outputs).outputs, target).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        updates += 1
        if share - reported >= 0.1:
            reported = share
            log(f"{job} {kind}: {100 * share:.0f} % of the time, {updates} updates, R2 {r2(model, *unseen):.4f}")
    return r2(model, *unseen)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=15, help="of each training (default: 15)")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--kinds", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--hidden-size", type=int, default=128, metavar="N")
    parser.add_argument("--lr", type=float, default=0.002)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    args = parse()

    def log(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for job in args.jobs:
        for kind in args.kinds:
            found = train(job, kind, 60 * args.minutes, args.hidden_size, args.lr, args.seed, log)
            print(f"{job}\t{kind}_lstm\tR2 {found:.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
