"""fairseq's Adam in fewer passes over the weights."""

from __future__ import annotations

import math
from collections import defaultdict

import torch
from fairseq.optim import adam
from torch import Tensor
from torch.optim.adamw import adamw

from s2s_plugins.compat.patching import wrap


def step_in_one_pass() -> None:
    """Let Adam update each float32 weight on a CPU in one pass.

    fairseq's step is seven operations, eight with weight decay, each of which passes through memory: with a large
    vocabulary that is a considerable part of a training. PyTorch's fused step reads and writes each number once.
    Arithmetic and optimizer state are those of fairseq, so checkpoints can be resumed with or without this repair; only
    the last bits of a weight differ.
    """

    @wrap(adam.Adam, "step")
    def step(original, self, closure=None):
        if closure is not None or not all(_fusible(group) for group in self.param_groups):
            return original(self, closure)
        for group in self.param_groups:
            _step_group(self.state, group)
        return None


def _fusible(group: dict) -> bool:
    """Whether the fused step can update all weights of ``group``."""
    weights = [p for p in group["params"] if p.grad is not None]
    return not group.get("amsgrad") and all(_is_plain(p) and _is_plain(p.grad) and p.is_contiguous() for p in weights)


def _is_plain(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and not x.is_sparse


@torch.no_grad()
def _step_group(state: dict, group: dict) -> None:
    """Step all weights of ``group`` that have a gradient."""
    beta1, beta2 = group["betas"]
    by_steps = defaultdict(list)  # a weight that was frozen for a while has made fewer steps
    for p in group["params"]:
        if p.grad is not None:
            own = state[p]
            if not own:
                own.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
            by_steps[own["step"]].append(p)
            own["step"] += 1
    for steps, weights in by_steps.items():
        adamw(
            weights,
            [p.grad.contiguous() for p in weights],  # PyTorch 2.13 reads a transposed one in the order of memory
            [state[p]["exp_avg"] for p in weights],
            [state[p]["exp_avg_sq"] for p in weights],
            [],
            [torch.tensor(float(steps)) for _ in weights],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            # PyTorch adds it to the average that is corrected for its start at zero, fairseq to the one that is not
            eps=group["eps"] / math.sqrt(1 - beta2 ** (steps + 1)),
            maximize=False,
        )
