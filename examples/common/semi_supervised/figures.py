"""What the logs of finished steps say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict

from s2s_plugins.steps import Step, StepError, json_objects


def figures(step: Step, log: Path) -> Dict[str, float]:
    """What a training's or a test's log says.

    Raises:
        StepError: it does not say it.
    """
    if step.kind not in ("pretrain", "finetune", "test"):
        return {}
    found: Dict[str, float] = {}
    wanted = {"accuracy": "accuracy", "error": "error", "macro_f1": "macro_f1"} if step.kind == "test" else {}
    if step.kind == "finetune":
        wanted = {"valid_best_accuracy": "valid_accuracy", "train_num_updates": "updates", "epoch": "epochs"}
    if step.kind == "pretrain":
        wanted = {"valid_best_loss": "valid_loss", "train_num_updates": "updates", "epoch": "epochs"}
    with log.open(encoding="utf-8", errors="replace") as lines:
        for entry in json_objects(lines):
            for key, value in entry.items():
                name = wanted.get(re.sub("^test_", "", key) if step.kind == "test" else key)
                if name:
                    found[name] = float(value)
    needed = {"test": "error", "finetune": "valid_accuracy"}.get(step.kind)
    if needed and needed not in found:
        raise StepError(f"{step.name} reported no {needed}: see {log}")
    return found
