"""Weight matrices of decoding steps, in full precision or smaller.

Shape letters: R rows, I input size, O output size.
"""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor


class Weight:
    """A matrix (O, I) that multiplies rows from the right, as it is.

    Args:
        matrix: (O, I).
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix.detach().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """(..., I) -> (..., O), in x's type."""
        return F.linear(x, self.matrix)

    def add_to(self, total: Tensor, x: Tensor) -> None:
        """Add the product with x (R, I) to ``total`` (R, O)."""
        total.addmm_(x, self.matrix.t())


class BFloat16Weight(Weight):
    """The matrix and what it multiplies rounded to bfloat16, for CPUs and GPUs with instructions for it."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__(matrix.to(torch.bfloat16))

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x.to(torch.bfloat16)).to(x.dtype)

    def add_to(self, total: Tensor, x: Tensor) -> None:
        total.add_(self(x))


class Int8Weight(Weight):
    """The matrix rounded to 8 bits, each row with its own scale; what it multiplies to 7 bits, as it comes.

    Jacob et al. 2017, arXiv:1712.05877, section 2, with a symmetric range for the weights. Seven bits, since sums of
    8-bit products overflow on CPUs without VNNI.
    """

    def __init__(self, matrix: Tensor) -> None:
        matrix = matrix.detach().float()
        scales = matrix.abs().amax(dim=1).clamp(min=1e-12) / 127
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*quantize_per_tensor.*", category=UserWarning)
            rounded = torch.quantize_per_channel(
                matrix, scales, torch.zeros_like(scales, dtype=torch.long), 0, torch.qint8
            )
            self.packed = torch.ops.quantized.linear_prepack(rounded, None)

    @staticmethod
    def supported(device: torch.device) -> bool:
        """Whether this PyTorch multiplies 8-bit weights on ``device``."""
        engines = torch.backends.quantized.supported_engines
        return device.type == "cpu" and ("x86" in engines or "fbgemm" in engines)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.quantized.linear_dynamic(x.float(), self.packed, True).to(x.dtype)

    def add_to(self, total: Tensor, x: Tensor) -> None:
        total.add_(self(x))


KINDS = {"full": Weight, "bf16": BFloat16Weight, "int8": Int8Weight}
