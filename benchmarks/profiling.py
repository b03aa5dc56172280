"""Where the time of training steps and decoding batches goes, by groups of PyTorch's operations."""

from __future__ import annotations

import re
from typing import Callable, Dict, Tuple

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.lab import DEVICE, clock

PRODUCTS, ELEMENTWISE, RANDOM = "recurrent and matrix products", "elementwise and copies", "random numbers"
LOSS, SEARCH, OPTIMIZER = "softmax and loss", "search", "optimizer"
GROUPS = (PRODUCTS, ELEMENTWISE, RANDOM, LOSS, SEARCH, OPTIMIZER)
REST = "Python and other"

# the first pattern that an operation's name contains decides; the search's operations serve attention and loss too,
# and count as search while decoding alone
PATTERNS: Tuple[Tuple[str, str], ...] = (
    (RANDOM, r"bernoulli|random_|dropout|uniform|exponential_"),
    (LOSS, r"softmax|nll_loss|logsumexp"),
    (
        PRODUCTS,
        r"::(mm|addmm|addmm_|bmm|baddbmm|baddbmm_|linear|matmul|mv|addmv|einsum)$|mkldnn|lstm|gru|rnn|gemm",
    ),
    (SEARCH, r"topk|gather|index_select|index|scatter|sort|masked_select|cumsum|repeat|::(eq|ne|lt|any|all|nonzero)"),
)
ANY_OPERATION = r"^(aten|prims)::|^_?DropoutOnCPU"
# fairseq's Trainer names these ranges
OPTIMIZER_RANGES = ("reduce-grads", "multiply-grads", "clip-grads", "optimizer")


def group_of(event, decoding: bool) -> str:
    """The group of one profiled operation."""
    ancestor = event
    while ancestor is not None:
        if ancestor.name in OPTIMIZER_RANGES or ancestor.name.startswith("Optimizer."):
            return OPTIMIZER
        ancestor = ancestor.cpu_parent
    for group, pattern in PATTERNS:
        if re.search(pattern, event.name):
            return group if group != SEARCH or decoding else ELEMENTWISE
    return ELEMENTWISE if re.search(ANY_OPERATION, event.name) else REST


def shares(work: Callable[[], object], decoding: bool) -> Dict[str, object]:
    """Run ``work`` under the profiler: seconds in all, and the share of them that each group takes.

    On a CPU it is the time of the calling thread inside each operation, without the operations inside that; on a GPU
    the time of the kernels that the operation started. What no group took of the whole time is Python's and the rest.
    """
    cuda = DEVICE.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if cuda else [])) as profiled:
        started = clock()
        work()
        seconds = clock() - started
    microseconds = dict.fromkeys(GROUPS, 0.0)
    for event in profiled.events():
        if event.device_type != torch.autograd.DeviceType.CPU:
            continue
        group = group_of(event, decoding)
        if group != REST:
            microseconds[group] += event.self_device_time_total if cuda else event.self_cpu_time_total
    found = {group: time / 1e6 / seconds for group, time in microseconds.items()}
    found[REST] = max(0.0, 1 - sum(found.values()))
    return {"seconds": seconds, "shares": found}


def gemm(rows: int, inner: int, columns: int, kind: str) -> float:
    """GFLOP/s of one matrix product on this machine, the best of several: what a training step could reach.

    Args:
        rows, inner, columns: of the factors, rows x inner and inner x columns.
        kind: of their numbers, ``float32`` or ``bfloat16``.
    """
    dtype = getattr(torch, kind)
    left = torch.randn(rows, inner, device=DEVICE, dtype=dtype)
    right = torch.randn(inner, columns, device=DEVICE, dtype=dtype)
    best = float("inf")
    for _ in range(5):
        started = clock()
        for _ in range(10):
            torch.mm(left, right)
        best = min(best, (clock() - started) / 10)
    return 2 * rows * inner * columns / best / 1e9
