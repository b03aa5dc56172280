"""The model file of what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from s2s_plugins.models.saving import model_of
from s2s_plugins.text.pairs.prepared import read_prepared
from s2s_plugins.training.job import Save


def save(job: Save) -> None:
    """Write it.

    Raises:
        UsageError: the models do not fit each other.
    """
    sides: Dict[str, Any] = {}
    if job.pairs:
        prepared = read_prepared(Path(job.data))
        sides = {"source": prepared.source.spelled, "target": prepared.target.spelled}
    model_of(job.checkpoints, **sides, licence=job.licence, data=job.trained_on).write(Path(job.path))
