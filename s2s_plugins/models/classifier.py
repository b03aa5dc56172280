"""Checkpoints of ``--task text_classification`` as a :class:`~s2s_plugins.inference.classifier.Classifier`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from fairseq.tasks import TASK_REGISTRY
from torch import nn

from s2s_plugins.compat.checkpoints import unusable
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.torch.translator import padded
from s2s_plugins.models.checkpoint import Checkpoint, as_dictionary, read_checkpoint
from s2s_plugins.text.symbols import SymbolTable
from s2s_plugins.text.tokens import Tokenizer

TASK = "text_classification"


class HeadModel:
    """One classification head of a model, as :class:`~s2s_plugins.inference.classifier.Model` has it.

    Args:
        model: ``sa_lstm`` or ``lm_lstm``, in inference mode.
        head: its name.
    """

    def __init__(self, model: nn.Module, head: str) -> None:
        self.model, self.head = model, head
        self.device = next(model.parameters()).device

    @torch.no_grad()
    def classify(self, documents: Sequence[Sequence[int]]) -> np.ndarray:
        """The probabilities of the classes, (N, C)."""
        logits, _ = self.model(padded(documents, self.device), features_only=True, classification_head_name=self.head)
        probabilities: np.ndarray = logits.softmax(-1).cpu().numpy()
        return probabilities


def load_classifier(path: str, overrides: Optional[Dict[str, Any]] = None) -> Classifier:
    """A checkpoint of ``--task text_classification``, ready to classify.

    The checkpoint is all that it needs: it carries the dictionary, the labels, and how text becomes tokens.

    Args:
        path: of a checkpoint.
        overrides: of its configuration, as fairseq's ``--model-overrides``.

    Raises:
        UsageError: it cannot be read, or is not of this task.
    """
    checkpoint = read_checkpoint(path, overrides)
    with unusable(path):
        checkpoint.check_task(TASK)
        classifier = _build(checkpoint)
        classifier(["a"])  # settings that do not fit each other stop here
    return classifier


def _build(checkpoint: Checkpoint) -> Classifier:
    cfg, saved = checkpoint.cfg, checkpoint.state["task_state"]
    if saved["tokens"] is None:
        raise UsageError(
            f"{checkpoint.path} does not say how text becomes tokens, since its data folder had no tokens.json: "
            "prepare the data with s2s prepare, or binarise the lines and use fairseq-validate"
        )
    symbols = checkpoint.symbols("decoder") or SymbolTable()
    labels = _checked(saved["labels"])
    tokenizer = Tokenizer.from_settings(saved["tokens"])
    task = TASK_REGISTRY[TASK](cfg.task, as_dictionary(symbols), labels, saved["tokens"])
    model = HeadModel(checkpoint.build(task), cfg.criterion.classification_head_name)
    limit, truncate = cfg.task.max_document_tokens, str(cfg.task.truncate)
    return Classifier(checkpoint.path, model, tokenizer, symbols, labels, limit, truncate)


def _checked(labels: Sequence[Any]) -> List[str]:
    """``labels``, each a line of text.

    Raises:
        UsageError: one is not.
    """
    for label in labels:
        line = isinstance(label, str) and len(label.splitlines()) == 1
        if not line or label != label.encode("utf-8", "replace").decode():  # half a surrogate pair is no UTF-8
            raise UsageError(f"its label {label!r} is not a line of text: use one that fairseq-train wrote")
    return list(labels)
