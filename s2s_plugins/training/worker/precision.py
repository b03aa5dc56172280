"""Whether products in bfloat16 are faster here."""

from __future__ import annotations

import torch

from s2s_plugins.models.adapters import Autocast

FASTER = 0.8  # a product in bfloat16 takes at most so much of the time of one in float32


def choose(precision: str, device: torch.device) -> str:
    """``"fp32"`` or ``"bf16"``, by what is asked for, or by measurement with ``"auto"``.

    A product of a small model's size is timed in both. Weights, states and loss stay in float32 either way.
    """
    if precision != "auto":
        return precision
    if not Autocast.supported(device):
        return "fp32"
    if device.type == "cuda":
        return "bf16"
    ratio = Autocast.seconds_of_a_product(torch.bfloat16) / Autocast.seconds_of_a_product(torch.float32)
    return "bf16" if ratio < FASTER else "fp32"
