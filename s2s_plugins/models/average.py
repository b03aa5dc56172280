"""The average of the weights of checkpoints of one training run.

After Polyak and Juditsky 1992; fairseq has it as a script of its repository, which its package leaves out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import torch
from omegaconf import OmegaConf

from s2s_plugins.compat.reading import check_numbers
from s2s_plugins.compat.training import whole_checkpoint
from s2s_plugins.errors import UsageError
from s2s_plugins.files import check_replaceable
from s2s_plugins.models.checkpoint import read_checkpoint


def load(path: str) -> Dict[str, Any]:
    """Read a checkpoint, on the CPU.

    Raises:
        UsageError: it is missing, not a checkpoint, or refused.
    """
    state = read_checkpoint(path).state
    if OmegaConf.is_config(state.get("cfg")):
        state["cfg"] = OmegaConf.to_container(state["cfg"], resolve=True, enum_to_str=True)  # as fairseq saves it
    return state


def average(paths: Sequence[str]) -> Dict[str, Any]:
    """The last checkpoint of ``paths`` with the mean of all their weights, summed in float64.

    Raises:
        UsageError: the checkpoints have different weights.
    """
    sums: Dict[str, torch.Tensor] = {}
    first_shapes: Optional[Dict[str, torch.Size]] = None
    result: Dict[str, Any] = {}
    for path in paths:
        result = load(path)
        weights = result["model"]
        shapes = {name: weight.shape for name, weight in weights.items()}
        if first_shapes is None:
            first_shapes = shapes
        if shapes != first_shapes:
            raise UsageError(f"checkpoint {path} is of another architecture than {paths[0]}: average one run's")
        check_numbers(weights.items(), f"checkpoint {path}")
        for name, weight in weights.items():
            sums[name] = sums.get(name, 0) + weight.double()
    for name, total in sums.items():
        result["model"][name] = (total / len(paths)).to(result["model"][name].dtype)
    result.pop("last_optimizer_state", None)  # it belongs to the weights of one checkpoint
    return result


def write_average(paths: Sequence[str], output: Path) -> None:
    """Average the checkpoints ``paths`` into the file ``output``.

    Raises:
        UsageError: there are fewer than two, one cannot be read, they differ, or ``output`` is not a file.
        WorkError: ``output`` cannot be written.
    """
    if len(paths) < 2:
        raise UsageError("one checkpoint is its own average: name two or more")
    check_replaceable(output, "--output")
    state = average(paths)
    with whole_checkpoint(output) as partial:
        torch.save(state, partial)
