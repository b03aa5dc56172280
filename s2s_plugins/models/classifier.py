"""A trained classifier as an object: texts in, probabilities of the classes out.

The checkpoint is all that it needs: it carries the dictionary, the labels, and how text becomes tokens.
"""

from __future__ import annotations

import json
from typing import List, Optional, Sequence

import numpy as np
import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary, ListDataset

from s2s_plugins.compat.checkpoints import check_file, unusable
from s2s_plugins.errors import UsageError
from s2s_plugins.models.loading import numbers_as_symbols
from s2s_plugins.tasks.documents import LabelledDocuments, limited
from s2s_plugins.tasks.text_classification import TextClassificationTask
from s2s_plugins.text.tokens import Tokenizer

BATCH_SIZE = 64


class Classifier:
    """A trained classifier.

    Args:
        path: of a checkpoint.
        overrides: of its configuration, as fairseq's ``--model-overrides``.

    Raises:
        UsageError: it cannot be read, or is not of this task.
    """

    def __init__(self, path: str, overrides: Optional[dict] = None) -> None:
        check_file(path)
        self.path = path
        state = checkpoint_utils.load_checkpoint_to_cpu(path, overrides)
        with unusable(path):
            self._build(path, state)
            self.model.eval()
            if torch.cuda.is_available():
                self.model.cuda()
            self(["a"])  # settings that do not fit each other stop here

    def _build(self, path: str, state: dict) -> None:
        cfg = state["cfg"]
        name = cfg.task._name if cfg.get("task") is not None else None
        if name != "text_classification":
            raise UsageError(f"{path} is a checkpoint of --task {name}: name one of --task text_classification")
        saved = state["task_state"]
        if saved["tokens"] is None:
            raise UsageError(
                f"{path} does not say how text becomes tokens, since its data folder had no tokens.json: prepare the "
                "data with s2s prepare, or binarise the lines and use fairseq-validate"
            )
        dictionary = Dictionary()
        for symbol in numbers_as_symbols(state["model"]["decoder.symbols"])[dictionary.nspecial :]:
            dictionary.add_symbol(symbol)
        self.labels: List[str] = list(saved["labels"])
        for label in self.labels:
            if not isinstance(label, str) or len(label.splitlines()) != 1 or label != _as_utf8(label):
                raise UsageError(f"its label {label!r} is not a line of text: use one that fairseq-train wrote")
        self.tokenizer = Tokenizer.from_settings(saved["tokens"])
        self.task = TextClassificationTask(cfg.task, dictionary, self.labels, saved["tokens"])
        self.model = self.task.build_model(cfg.model, from_checkpoint=True)
        self.model.load_state_dict(state["model"], strict=True, model_cfg=cfg.model)
        self.head = cfg.criterion.classification_head_name
        self.limit, self.truncate = cfg.task.max_document_tokens, str(cfg.task.truncate)

    def __call__(self, texts: Sequence[str], batch_size: int = BATCH_SIZE) -> torch.Tensor:
        """Probabilities of the classes, (len(texts), C), on the CPU.

        Args:
            texts: documents.
            batch_size: documents at a time, of like length.
        """
        indices = self.task.dictionary.indices
        encoded = [torch.tensor(self.tokenizer.encode(self.tokenizer.tokenize(text), indices)) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: -len(encoded[place]))
        found = torch.empty(len(texts), len(self.labels))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            found[places] = self._classify([encoded[place] for place in places])
        if not bool(torch.isfinite(found).all()):
            raise UsageError(f"checkpoint {self.path} answers with numbers that are not finite: use an earlier one")
        return found

    @torch.no_grad()
    def _classify(self, encoded: List[torch.Tensor]) -> torch.Tensor:
        documents = ListDataset(encoded, np.array([len(tokens) for tokens in encoded]))
        documents = limited(documents, self.limit, self.truncate)
        unknown = np.zeros(len(encoded), dtype=np.int64)
        dataset = LabelledDocuments(documents, unknown, self.task.dictionary, shuffle=False)
        batch = dataset.collater([dataset[index] for index in range(len(encoded))])
        device = next(self.model.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in batch["net_input"].items()}
        logits, _ = self.model(**inputs, features_only=True, classification_head_name=self.head)
        return logits.softmax(-1).cpu()


def _as_utf8(text: str) -> str:
    """``text`` with ``?`` for what UTF-8 cannot hold, half a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def answer(probabilities: torch.Tensor, labels: List[str], as_json: bool) -> str:
    """A line of output: label, tab, probability; or a JSON object with the probabilities of all classes."""
    best = int(probabilities.argmax())
    if not as_json:
        return f"{labels[best]}\t{probabilities[best]:.4f}"
    every = {label: round(float(p), 6) for label, p in zip(labels, probabilities)}
    return json.dumps(
        {"label": labels[best], "probability": every[labels[best]], "probabilities": every}, ensure_ascii=False
    )
