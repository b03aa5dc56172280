"""``s2s-average``: average the weights of checkpoints of one training run.

After Polyak and Juditsky 1992; fairseq has it as a script of its repository, which its package leaves out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import torch

from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import check_replaceable


def load(path: str) -> dict:
    """Read a checkpoint, on the CPU.

    Raises:
        UsageError: it is missing, not a checkpoint, or refused.
    """
    from fairseq import checkpoint_utils
    from omegaconf import OmegaConf

    from s2s_plugins.compat.checkpoints import check_file

    check_file(path)
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    if OmegaConf.is_config(state.get("cfg")):
        state["cfg"] = OmegaConf.to_container(state["cfg"], resolve=True, enum_to_str=True)  # as fairseq saves it
    return state


def average(paths: Sequence[str]) -> dict:
    """The last checkpoint of ``paths`` with the mean of all their weights; sums are kept in float64.

    Raises:
        UsageError: the checkpoints have different weights.
    """
    from s2s_plugins.compat.reading import check_numbers

    sums: Dict[str, torch.Tensor] = {}
    first_shapes: Optional[Dict[str, torch.Size]] = None
    result: dict = {}
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
    result.pop("last_optimizer_state", None)  # it belongs to one checkpoint's weights
    return result


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="s2s-average", description="Average the weights of checkpoints of one run.")
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="two or more, as checkpoint*.pt")
    parser.add_argument("--output", required=True, metavar="FILE", help="where the averaged checkpoint goes")
    args = parser.parse_args(argv)
    if len(args.checkpoints) < 2:
        parser.error("one checkpoint is its own average: name two or more")
    from s2s_plugins.compat.training import whole_checkpoint

    output = Path(args.output)
    with one_line_errors("s2s-average", output):
        check_replaceable(output, "--output")
        state = average(args.checkpoints)
        with whole_checkpoint(output) as partial:
            torch.save(state, partial)
    print(f"averaged {len(args.checkpoints)} checkpoints into {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
