"""The weights of the last validations, and the mean of several of them.

After Polyak and Juditsky 1992: the mean of weights along a training often errs less than any of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import torch
from torch import Tensor, nn

from s2s_plugins.compat.training import whole_checkpoint

KEPT = 5
MEANS = (3, 5)  # of so many of the last snapshots
Weights = Dict[str, Tensor]


class Snapshots:
    """Files ``snapshot-UPDATES.pt`` of weights, the last :data:`KEPT`.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self) -> List[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob("snapshot-*.pt"), key=lambda path: int(path.stem.partition("-")[2]))

    def take(self, model: nn.Module, updates: int) -> None:
        """Keep the weights of now, and forget the oldest."""
        with whole_checkpoint(self.folder / f"snapshot-{updates}.pt") as partial:
            torch.save(model.state_dict(), partial)
        for path in self.paths()[:-KEPT]:
            path.unlink()

    def candidates(self) -> Iterator[Tuple[str, Weights]]:
        """The means of the last few snapshots, then the last one alone, with a name each."""
        paths = self.paths()
        for count in MEANS:
            if len(paths) >= count:
                yield f"the mean of the last {count} validations' weights", mean(paths[-count:])
        yield "the last ones", mean(paths[-1:])

    def clear(self) -> None:
        """Remove the files."""
        for path in self.paths():
            path.unlink()


def mean(paths: Sequence[Path]) -> Weights:
    """The mean of the weights in ``paths``; what is no floating-point number is the last one's."""
    read = [torch.load(path, map_location="cpu", weights_only=True) for path in paths]
    return {
        name: torch.stack([one[name].double() for one in read]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in read[-1].items()
    }
