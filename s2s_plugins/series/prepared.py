"""What preparing found: counts for the user, means and deviations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.errors import UsageError
from s2s_plugins.series.description import Description


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare_series` wrote; as text, a table.

    Args:
        description: of the data.
        windows: number of windows, by split.
        rows: number of rows, by split: those of the targets.
        series: number of series.
        notes: what was left out or is missing, a line each.
    """

    description: Description
    windows: Dict[str, int]
    rows: Dict[str, int]
    series: int
    notes: List[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = self.description
        lines = [f"{'split':<8}{'rows':>10}{'windows':>10}"]
        lines += [f"{split:<8}{self.rows[split]:>10}{count:>10}" for split, count in self.windows.items()]
        what = f"{self.series} series" if found.kind == "series" else f"{self.series} pairs of arrays"
        lengths = f"{found.input_length} steps in, {found.output_length} out"
        sizes = f"{found.source_size} values read, {found.target_size} predicted at each"
        lines += ["", f"{what}, {lengths}, {sizes}"]
        roles = ("targets", "past", "known", "calendar", "static")
        if found.kind == "series":
            lines += [f"{role}: {', '.join(getattr(found, role))}" for role in roles if getattr(found, role)]
            lines += [f"step: {found.step}"] if found.step else []
        return "\n".join(lines)


def mean_and_std(values: NDArray[np.float64], name: str) -> Tuple[float, float]:
    """Mean and standard deviation of the values that are not NaN; the deviation of a constant is 1.

    Raises:
        UsageError: there is none, or they are too large for the squares of 64-bit numbers.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        raise UsageError(f"column {name!r} has no value in the training part: leave it out, or train on more rows")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(values.mean()), float(values.std())
    if not np.isfinite(std) or not np.isfinite(mean):
        raise UsageError(f"column {name!r} has values up to {np.abs(values).max():g}, too large to average: rescale it")
    return mean, std if std > 1e-12 * abs(mean) and std > 1e-150 else 1.0


def missing_notes(missing: int) -> List[str]:
    """A line about values that are missing, if any is."""
    return [f"{missing} values are missing, and masked"] if missing else []
