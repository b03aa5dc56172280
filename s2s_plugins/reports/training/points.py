"""The moments of a training that a report draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Point:
    """A moment of a training, mostly a validation. What was not measured is None.

    Attributes:
        updates: number of updates so far.
        seconds: since the training began.
        train_loss: mean loss since the point before, base 2 as fairseq's.
        valid_loss: on the validation part, likewise.
        valid_error: percent of the validation part's sources whose prediction is wrong.
        lr: learning rate.
    """

    updates: int
    seconds: float
    train_loss: Optional[float] = None
    valid_loss: Optional[float] = None
    valid_error: Optional[float] = None
    lr: Optional[float] = None
