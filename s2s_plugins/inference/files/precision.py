"""Weights in fewer bits: rounded when a model file is written, made float32 again when it is read."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError

PRECISIONS = ("float32", "float16", "int8")
SCALE = "{}.scale"  # name of what the rows of an 8-bit matrix are multiplied with

Weights = Mapping[str, NDArray[np.float32]]
Stored = Mapping[str, NDArray[np.generic]]


def stored(weights: Weights, precision: str) -> Dict[str, NDArray[np.generic]]:
    """Weights as a file holds them.

    Args:
        weights: by name.
        precision: one of :data:`PRECISIONS`. Of ``"int8"``, matrices alone are rounded, each row with a scale of its
            own, so that its largest number is 127 (Jacob et al. 2017, arXiv:1712.05877, section 2).

    Raises:
        UsageError: a number is too large for float16.
    """
    found: Dict[str, NDArray[np.generic]] = {}
    for name, weight in weights.items():
        if precision == "int8" and weight.ndim == 2:
            scale = np.maximum(np.abs(weight).max(1), 1e-12).astype(np.float32) / np.float32(127)
            found[name] = np.rint(weight / scale[:, None]).astype(np.int8)
            found[SCALE.format(name)] = scale
        elif precision == "float16":
            if np.abs(weight).max(initial=0) > np.finfo(np.float16).max:
                raise UsageError(f"weight {name} has a number that is too large for --half: leave it out")
            found[name] = weight.astype(np.float16)
        else:
            found[name] = np.ascontiguousarray(weight, dtype=np.float32)
    return found


def restored(found: Stored) -> Dict[str, NDArray[np.float32]]:
    """The weights of :func:`stored`, in float32: every backend computes with these same numbers."""
    weights: Dict[str, NDArray[np.float32]] = {}
    for name in weight_names(found):
        values = found[name].astype(np.float32, copy=False)
        scale = found.get(SCALE.format(name))
        weights[name] = values if scale is None else values * scale.astype(np.float32)[:, None]
    return weights


def weight_names(found: Iterable[str]) -> List[str]:
    """The names of what is stored, without those of scales."""
    there = set(found)
    return [name for name in there if name.rpartition(".")[0] not in there]
