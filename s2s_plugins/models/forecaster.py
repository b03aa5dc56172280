"""Checkpoints of ``--task sequence_regression`` as a :class:`~s2s_plugins.inference.forecaster.Forecaster`."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np
from fairseq.tasks import TASK_REGISTRY

from s2s_plugins.compat.checkpoints import unusable
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.torch.vectors import TorchVectors
from s2s_plugins.models.checkpoint import read_checkpoint
from s2s_plugins.models.vectors import VectorModel, description_in
from s2s_plugins.series.description import Description
from s2s_plugins.series.windows import Window

TASK = "sequence_regression"


def load_forecaster(path: str, overrides: Optional[Dict[str, Any]] = None) -> Forecaster:
    """A checkpoint of ``--task sequence_regression``, ready to predict.

    The checkpoint is all that it needs: it carries the columns, the scaling and the lengths of its training.

    Args:
        path: of a checkpoint.
        overrides: of its configuration, as fairseq's ``--model-overrides``.

    Raises:
        UsageError: it cannot be read, or is not of this task.
    """
    checkpoint = read_checkpoint(path, overrides)
    with unusable(path):
        checkpoint.check_task(TASK)
        description = description_in(checkpoint.weights.get("series"), path)
        task = TASK_REGISTRY[TASK](checkpoint.cfg.task, description)
        model = checkpoint.build(task)
        assert isinstance(model, VectorModel)
        device = next(model.parameters()).device
        vectors = TorchVectors(model, model.core.loss, device)
        forecaster = Forecaster(path, vectors, description, stateful=bool(checkpoint.cfg.task.stateful))
        # settings that do not fit each other stop here
        forecaster.predict_windows([_blank(description)], forecaster.levels)
    return forecaster


def _blank(description: Description) -> Window:
    """A window of zeros, one step long."""
    targets = np.zeros(description.target_size, dtype=np.float32)
    source, covariates = np.zeros((1, description.source_size)), np.zeros((1, description.covariate_size))
    return Window(source, covariates, targets[None], targets, targets, targets + 1)  # type: ignore[arg-type]
