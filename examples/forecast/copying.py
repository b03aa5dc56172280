"""Copying and reversing sequences of random vectors: what each decoder can keep of its source.

``.venv/bin/python examples/forecast/copying.py`` trains each architecture, on new random data in every update, and
prints R2 on unseen data, the decoder reading its own outputs.
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
ARCHITECTURES = ("basic", "feedback", "peek", "attention")


def batch(job: str, rows: int) -> "tuple[Tensor, Tensor]":
    """New sources and targets, (B, 20, 8) each."""
    source = torch.randn(rows, LENGTH, SIZE)
    return source, JOBS[job](source)


def r2(model: VectorSeq2Seq, source: Tensor, target: Tensor) -> float:
    """The share of the targets' variance that is predicted."""
    error = (model.predict(source, target.size(1)) - target).square().mean()
    return float(1 - error / target.var())


def train(job: str, kind: str, args: argparse.Namespace) -> float:
    """Train, the learning rate falling along a half cosine; R2 on unseen data."""
    torch.manual_seed(args.seed)
    unseen = batch(job, 1000)
    sizes = {"source_size": SIZE, "target_size": SIZE, "hidden_size": args.hidden_size}
    model = vector_seq2seq(kind, bidirectional=kind == "attention", **sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    began = time.monotonic()
    for update in range(args.updates):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min((1 + math.cos(math.pi * update / args.updates)) / 2, (update + 1) / 200)
        source, target = batch(job, BATCH)
        prev_outputs = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
        optimizer.zero_grad()
        model.loss.losses(model(source, prev_outputs).outputs, target).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (update + 1) % max(1, args.updates // 10) == 0:
            minutes = (time.monotonic() - began) / 60
            said = f"update {update + 1} of {args.updates}, {minutes:.1f} minutes, R2 {r2(model, *unseen):.4f}"
            print(f"{job} {kind}: {said}", file=sys.stderr, flush=True)
    return r2(model, *unseen)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--updates", type=int, default=4000, metavar="N", help="of each training (default: 4000)")
    add("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS), help="(default: both)")
    add("--kinds", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES), help="of decoder (default: all)")
    add("--hidden-size", type=int, default=128, metavar="N", help="(default: 128)")
    add("--lr", type=float, default=0.002, help="learning rate (default: 0.002)")
    add("--seed", type=int, default=1, help="(default: 1)")
    return parser.parse_args()


def main() -> int:
    args = parse()
    for kind in args.kinds:
        for job in args.jobs:
            print(f"{job}\t{kind}_lstm\tR2 {train(job, kind, args):.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
