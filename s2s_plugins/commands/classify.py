"""``s2s-classify``: the class of each line of a text, by a checkpoint of ``--task text_classification``.

The checkpoint is all that it needs: it carries the dictionary, the labels, and how text becomes tokens.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from typing import List, Optional, Sequence

import numpy as np
import torch

from s2s_plugins.commands.lines import progress, read_batches
from s2s_plugins.errors import UsageError, one_line_errors, standard_input

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
        from fairseq import checkpoint_utils

        from s2s_plugins.compat.checkpoints import check_file, unusable

        check_file(path)
        state = checkpoint_utils.load_checkpoint_to_cpu(path, overrides)
        with unusable(path):
            self._build(path, state)
            self.model.eval()
            if torch.cuda.is_available():
                self.model.cuda()
            self(["a"])  # settings that do not fit each other stop here

    def _build(self, path: str, state: dict) -> None:
        from fairseq.data import Dictionary

        from s2s_plugins.models.loading import numbers_as_symbols
        from s2s_plugins.tasks.text_classification import TextClassificationTask
        from s2s_plugins.text.tokens import Tokenizer

        cfg = state["cfg"]
        name = cfg.task._name if cfg.get("task") is not None else None
        if name != "text_classification":
            raise UsageError(f"{path} is a checkpoint of --task {name}: name one of --task text_classification")
        saved = state["task_state"]
        if saved["tokens"] is None:
            raise UsageError(
                f"{path} does not say how text becomes tokens, since its data folder had no tokens.json: prepare the "
                "data with s2s-prepare, or binarise the lines and use fairseq-validate"
            )
        dictionary = Dictionary()
        for symbol in numbers_as_symbols(state["model"]["decoder.symbols"])[dictionary.nspecial :]:
            dictionary.add_symbol(symbol)
        self.labels: List[str] = list(saved["labels"])
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
        encoded = [self.tokenizer.encode(self.tokenizer.tokenize(text), self.task.dictionary) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: -len(encoded[place]))
        found = torch.empty(len(texts), len(self.labels))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            found[places] = self._classify([encoded[place] for place in places])
        return found

    @torch.no_grad()
    def _classify(self, encoded: List[torch.Tensor]) -> torch.Tensor:
        from fairseq.data import ListDataset

        from s2s_plugins.tasks.documents import LabelledDocuments, limited

        documents = ListDataset(encoded, np.array([len(tokens) for tokens in encoded]))
        documents = limited(documents, self.limit, self.truncate)
        unknown = np.zeros(len(encoded), dtype=np.int64)
        dataset = LabelledDocuments(documents, unknown, self.task.dictionary, shuffle=False)
        batch = dataset.collater([dataset[index] for index in range(len(encoded))])
        device = next(self.model.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in batch["net_input"].items()}
        logits, _ = self.model(**inputs, features_only=True, classification_head_name=self.head)
        return logits.softmax(-1).cpu()


def answer(probabilities: torch.Tensor, labels: List[str], as_json: bool) -> str:
    """A line of output: label, tab, probability; or a JSON object with the probabilities of all classes."""
    best = int(probabilities.argmax())
    if not as_json:
        return f"{labels[best]}\t{probabilities[best]:.4f}"
    every = {label: round(float(p), 6) for label, p in zip(labels, probabilities)}
    return json.dumps(
        {"label": labels[best], "probability": every[labels[best]], "probabilities": every}, ensure_ascii=False
    )


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="s2s-classify",
        description="Reads a document a line from stdin, writes its label and the label's probability.",
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="of fairseq-train --task text_classification")
    parser.add_argument("--json", action="store_true", help="write JSON lines, with the probabilities of all classes")
    parser.add_argument(
        "--batch-size", type=int, default=BATCH_SIZE, metavar="N", help="lines at a time (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    if args.batch_size < 1:
        parser.error(f"--batch-size {args.batch_size} is not a number of lines: use 1 or more")
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as other filters: `s2s-classify ... | head` ends without a word
    with one_line_errors("s2s-classify"):
        lines = standard_input()
        classifier = Classifier(args.checkpoint)
        with progress(lines) as bar:
            for texts in read_batches(lines, args.batch_size):
                for probabilities in classifier(texts, args.batch_size):
                    print(answer(probabilities, classifier.labels, args.json))
                sys.stdout.flush()
                bar.update(len(texts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
