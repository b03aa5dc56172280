"""A :class:`~s2s_plugins.inference.forecaster.Forecaster`'s model, computed by PyTorch.

Shape letters: N windows, S source steps, D source size, T predicted steps, K targets, F size of the covariates,
Q quantile levels.
"""

from __future__ import annotations

from typing import Optional, Protocol, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s_plugins.nn.encoder import EncoderOutput
from s2s_plugins.nn.losses import Loss
from s2s_plugins.nn.recurrent import RecurrentState
from s2s_plugins.nn.vectors import VectorOutput
from s2s_plugins.series.windows import Window

Float = NDArray[np.float32]


class Member(Protocol):
    """A model of vectors: :class:`s2s_plugins.nn.vectors.VectorSeq2Seq`, or an adapter around one."""

    def __call__(
        self,
        source: Tensor,
        prev_outputs: Tensor,
        covariates: Optional[Tensor],
        padding_mask: Optional[Tensor],
        state: Optional[RecurrentState],
    ) -> VectorOutput: ...

    def encode(
        self, source: Tensor, padding_mask: Optional[Tensor], state: Optional[RecurrentState]
    ) -> EncoderOutput: ...


class TorchVectors:
    """One model of vectors.

    Args:
        member: in evaluation mode.
        loss: what it has learned.
        device: where it is.
    """

    def __init__(self, member: Member, loss: Loss, device: torch.device) -> None:
        self.member, self.loss, self.device = member, loss, device
        self.levels, self.gives_quantiles = loss.levels, loss.gives_quantiles

    @torch.no_grad()
    def predict(
        self, windows: Sequence[Window], levels: Sequence[float], histories: Sequence[Sequence[Float]] = ()
    ) -> Tuple[Float, Float]:
        """As :class:`~s2s_plugins.inference.forecaster.Model` has it."""
        source, mask = padded_vectors([window.source for window in windows])
        covariates, _ = padded_vectors([window.covariates for window in windows])
        first = torch.from_numpy(np.stack([window.first for window in windows]))
        prev_outputs = first.new_zeros(len(windows), covariates.size(1), first.size(1))
        prev_outputs[:, 0] = first
        outputs = self.member(
            source.to(self.device),
            prev_outputs.to(self.device),
            covariates.to(self.device) if covariates.size(-1) else None,
            mask.to(self.device) if bool(mask.any()) else None,
            self._read(histories, source.size(-1)),
        ).outputs.float()
        point: Float = self.loss.point(outputs).cpu().numpy()
        if not levels:
            return point, np.empty((*point.shape, 0), dtype=np.float32)
        quantiles: Float = self.loss.quantiles(outputs, levels).cpu().numpy()
        return point, quantiles

    def _read(self, histories: Sequence[Sequence[Float]], size: int) -> Optional[RecurrentState]:
        """The encoder's state after what stands before each window, the last ones of all together; None if there is
        nothing. A window whose history is shorter begins later: until then it reads padding, and stays at zeros."""
        state, longest = None, max(map(len, histories), default=0)
        nothing = np.zeros((0, size), dtype=np.float32)
        for place in range(-longest, 0):
            source, mask = padded_vectors([one[place] if -place <= len(one) else nothing for one in histories])
            state = self.member.encode(source.to(self.device), mask.to(self.device), state).state
        return state


def padded_vectors(rows: Sequence[NDArray[np.floating]]) -> Tuple[Tensor, Tensor]:
    """Arrays (L, X) of several lengths as one tensor (N, longest L, X), zeros on the right; and a mask (N, longest L),
    True at these."""
    lengths = np.array([len(row) for row in rows])
    joined = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        joined[place, : len(row)] = row
    return torch.from_numpy(joined), torch.from_numpy(np.arange(lengths.max()) >= lengths[:, None])
