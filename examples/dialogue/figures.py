"""What the logs of finished steps say."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean
from typing import Any, Dict, Mapping

from s2s_plugins.comparison.decoded import decoding_speed
from s2s_plugins.steps import Step, StepError, json_objects, statistics


def figures(step: Step, log: Path) -> Mapping[str, object]:
    """What is kept of a step: losses of an epoch and of the test in bits a token, a decoding's speed.

    Raises:
        StepError: the log does not say it.
    """
    if step.kind == "decode":
        return {"sentences_per_second": decoding_speed(step, log)}
    if step.kind not in ("train", "perplexity"):
        return {}
    text = log.read_text(encoding="utf-8", errors="replace")
    said: Dict[str, Any] = {}
    for entry in json_objects(text.splitlines()):
        said.update(entry)
    if step.kind == "train" and "train_loss" not in said:
        # stopped after its checkpoint was there and before the epoch's mean was: there is no more to train
        losses = [float(entry["loss"]) for entry in statistics(text.splitlines())]
        said.update({"train_loss": mean(losses)} if losses else {}, train_num_updates=said.get("valid_num_updates", 0))
    wanted = ("train", "valid") if step.kind == "train" else ("test",)
    found: Dict[str, object] = {}
    for split in wanted:
        # a loss that is no more than that has no nll_loss of its own
        loss = said.get(f"{split}_nll_loss", said.get(f"{split}_loss"))
        if loss is None:
            raise StepError(f"{step.name} reported no {split} loss: see {log}")
        found[f"{split}_loss"] = float(loss)
    if step.kind == "train":
        found["updates"] = int(said["train_num_updates"])
        found["parameters"] = int(re.findall(r"num\. shared model params: ([\d,]+)", text)[-1].replace(",", ""))
    return found
