"""What a model of vectors learns of a target value, and what it then predicts.

Shape letters: B sequences, T target steps, K target size, P numbers that describe one value, Q quantile levels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Dict, Sequence, Tuple, Type

import torch
import torch.nn.functional as F
from torch import Tensor

from s2s_plugins.nn.settings import LossSettings

LOSSES: Dict[str, Type[Loss]] = {}  # by kind


class Loss(ABC):
    """How a target value follows from the P numbers that the output layer gives for it. A subclass says how.

    Args:
        settings: of its kind.

    Attributes:
        kind: its name in settings.
        size: P.
        levels: the quantile levels that are learned, rising; of a distribution, or of a number alone, none.
        gives_quantiles: whether there is more to predict than a number.
    """

    kind: ClassVar[str]
    size: int = 1
    levels: Tuple[float, ...] = ()
    gives_quantiles = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        LOSSES[cls.kind] = cls

    def __init__(self, settings: LossSettings) -> None:
        self.settings = settings

    def point(self, outputs: Tensor) -> Tensor:
        """The value that is predicted, and read at the next step: ``outputs`` (B, T, K, P) -> (B, T, K)."""
        return outputs[..., 0]

    def quantiles(self, outputs: Tensor, levels: Sequence[float]) -> Tensor:
        """The quantiles of a value: ``outputs`` (B, T, K, P) -> (B, T, K, Q), rising in Q.

        Raises:
            ValueError: there are none, or not at these levels.
        """
        raise ValueError(f"a model trained with the loss {self.kind} predicts a number alone, no quantiles of it")

    @abstractmethod
    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The loss of each value: ``outputs`` (B, T, K, P) and ``target`` (B, T, K) -> (B, T, K)."""


class SquaredError(Loss):
    """``(y - x)^2``: predicts the mean."""

    kind = "mse"

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        return (self.point(outputs) - target) ** 2


class AbsoluteError(Loss):
    """``|y - x|``: predicts the median."""

    kind = "mae"

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        return (self.point(outputs) - target).abs()


class HuberLoss(Loss):
    """``(y - x)^2 / 2`` up to an error of delta, ``delta |y - x| - delta^2 / 2`` from there on (Huber 1964,
    "Robust estimation of a location parameter", section 4).

    Raises:
        ValueError: delta is not positive.
    """

    kind = "huber"

    def __init__(self, settings: LossSettings) -> None:
        super().__init__(settings)
        if not 0 < settings.huber_delta < math.inf:
            raise ValueError(f"huber_delta {settings.huber_delta} is no error: use a number above 0")

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(self.point(outputs), target, reduction="none", delta=self.settings.huber_delta)


class QuantileLoss(Loss):
    """``2 max(q (x - y), (q - 1) (x - y))``, summed over the levels q: of the median alone, the absolute error.

    Koenker and Bassett 1978, "Regression quantiles"; several at once: Wen et al. 2017, arXiv:1711.11053, section 3.
    The number that is predicted is the quantile nearest to the median.

    Raises:
        ValueError: the levels are not between 0 and 1, or do not rise.
    """

    kind = "quantile"
    gives_quantiles = True

    def __init__(self, settings: LossSettings) -> None:
        super().__init__(settings)
        self.levels = settings.quantiles
        self.size = len(self.levels)
        if not self.levels or not all(a < b for a, b in zip((0.0, *self.levels), (*self.levels, 1.0))):
            raise ValueError(f"quantiles {list(self.levels)} are no levels: use rising numbers between 0 and 1")
        self._middle = min(range(self.size), key=lambda index: abs(self.levels[index] - 0.5))

    def point(self, outputs: Tensor) -> Tensor:
        return outputs[..., self._middle]

    def quantiles(self, outputs: Tensor, levels: Sequence[float]) -> Tensor:
        unknown = [level for level in levels if level not in self.levels]
        if unknown:
            trained = ", ".join(map(str, self.levels))
            raise ValueError(f"quantile {unknown[0]} is none of those that the model was trained for: {trained}")
        # nothing keeps what was learned apart in order: sorted, no quantile is further off (Chernozhukov et al. 2010)
        ordered = outputs.sort(-1).values
        return ordered[..., [self.levels.index(level) for level in levels]]

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        levels = outputs.new_tensor(self.levels)
        error = target.unsqueeze(-1) - outputs
        return 2 * torch.maximum(levels * error, (levels - 1) * error).sum(-1)


class GaussianLikelihood(Loss):
    """``-log N(x; mean, scale^2)``, both numbers being outputs (Salinas, Flunkert, Gasthaus 2017, arXiv:1704.04110,
    section 3.1: the scale is a softplus)."""

    kind = "gaussian"
    size = 2
    gives_quantiles = True
    least_scale = 1e-3  # a value that is learned exactly would have an infinite likelihood

    def scale(self, outputs: Tensor) -> Tensor:
        """The standard deviation: (B, T, K, P) -> (B, T, K)."""
        return F.softplus(outputs[..., 1]) + self.least_scale

    def quantiles(self, outputs: Tensor, levels: Sequence[float]) -> Tensor:
        if not all(0 < level < 1 for level in levels):
            raise ValueError(f"quantiles {list(levels)} are no levels: use numbers between 0 and 1")
        scores = torch.special.ndtri(torch.tensor(levels, dtype=torch.float64)).to(outputs)
        return self.point(outputs).unsqueeze(-1) + self.scale(outputs).unsqueeze(-1) * scores

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        scale = self.scale(outputs)
        return ((target - self.point(outputs)) / scale) ** 2 / 2 + scale.log() + math.log(2 * math.pi) / 2


def build_loss(settings: LossSettings) -> Loss:
    """The loss of these settings.

    Raises:
        ValueError: they are of no kind, or make no sense for theirs.
    """
    if settings.kind not in LOSSES:
        raise ValueError(f"loss {settings.kind!r} is unknown: use one of {', '.join(LOSSES)}")
    return LOSSES[settings.kind](settings)
