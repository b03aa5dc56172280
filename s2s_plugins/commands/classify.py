"""``s2s-classify``: the class of each line of a text, by a checkpoint of ``--task text_classification``.

The checkpoint is all that it needs: it carries the dictionary, the labels, and how text becomes tokens.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from typing import IO, Iterator, List, Optional

import numpy as np
import torch

from s2s_plugins.errors import UsageError, one_line_errors


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
        from fairseq.data import Dictionary

        from s2s_plugins.models.loading import numbers_as_symbols
        from s2s_plugins.tasks.text_classification import TextClassificationTask
        from s2s_plugins.text.tokens import Tokenizer

        if not checkpoint_utils.PathManager.isfile(path):
            raise UsageError(f"checkpoint {path} does not exist: name one that fairseq-train wrote")
        state = checkpoint_utils.load_checkpoint_to_cpu(path, overrides)
        cfg = state.get("cfg")
        name = cfg.task._name if cfg is not None else None
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
        self.model.eval()
        if torch.cuda.is_available():
            self.model.cuda()
        self.head = cfg.criterion.classification_head_name
        self.limit, self.truncate = cfg.task.max_document_tokens, str(cfg.task.truncate)

    def __call__(self, texts: List[str]) -> torch.Tensor:
        """Probabilities of the classes, (len(texts), C), on the CPU."""
        from fairseq.data import ListDataset

        from s2s_plugins.tasks.documents import LabelledDocuments, limited

        encoded = [self.tokenizer.encode(self.tokenizer.tokenize(text), self.task.dictionary) for text in texts]
        documents = ListDataset(encoded, np.array([len(tokens) for tokens in encoded]))
        documents = limited(documents, self.limit, self.truncate)
        unknown = np.zeros(len(texts), dtype=np.int64)
        dataset = LabelledDocuments(documents, unknown, self.task.dictionary, shuffle=False)
        batch = dataset.collater([dataset[index] for index in range(len(texts))])
        device = next(self.model.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in batch["net_input"].items()}
        with torch.no_grad():
            logits, _ = self.model(**inputs, features_only=True, classification_head_name=self.head)
        return logits.softmax(-1).cpu()


def read_batches(stream: IO[bytes], size: int) -> Iterator[List[str]]:
    """The lines of ``stream`` without their ends, ``size`` at a time.

    Raises:
        UsageError: one is not UTF-8; what comes before it is given out first.
    """
    batch: List[str] = []
    for number, line in enumerate(stream, start=1):
        try:
            batch.append(line.decode("utf-8").rstrip("\r\n"))
        except UnicodeDecodeError:
            if batch:
                yield batch
            raise UsageError(f"line {number} is not UTF-8 text: convert it, as with iconv -t utf-8") from None
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


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
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="lines at a time (default: 64)")
    args = parser.parse_args(argv)
    if args.batch_size < 1:
        parser.error(f"--batch-size {args.batch_size} is not a number of lines: use 1 or more")
    logging.basicConfig(level=logging.WARNING)
    import s2s_plugins  # noqa: F401  (fairseq's checkpoints load safely)

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as other filters: `s2s-classify ... | head` ends without a word
    with one_line_errors("s2s-classify"):
        classifier = Classifier(args.checkpoint)
        for texts in read_batches(sys.stdin.buffer, args.batch_size):
            for probabilities in classifier(texts):
                print(answer(probabilities, classifier.labels, args.json))
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
