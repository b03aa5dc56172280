"""The error of a classifier on the validation part, while it trains."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, List, Tuple

from fairseq.trainer import Trainer

from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.models.classifier import HeadModel
from s2s_plugins.text.symbols import SymbolTable
from s2s_plugins.text.tokens import Tokenizer, load_settings
from s2s_plugins.training.job import Mistake
from s2s_plugins.training.worker.validation import FEWEST, WORST, Measured

LONGEST = 300  # characters of a text that is shown
Text = Tuple[str, str]  # and its label


def held_out_texts(folder: Path) -> List[Text]:
    """The texts of the validation part, with their labels.

    Args:
        folder: ``classify`` of prepared texts; the texts stand beside it.
    """
    with (folder.parent / "valid.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"], " ".join(row["label"].split())) for row in rows]


def classifier_of(task: Any, trainer: Trainer, folder: Path) -> Classifier:
    """The model in training as a classifier."""
    settings = load_settings(folder)
    assert settings is not None
    symbols = SymbolTable.load(folder / "input0" / "dict.txt")
    model = HeadModel(trainer.model, trainer.cfg.criterion.classification_head_name)
    tokenizer, cfg = Tokenizer.from_settings(settings), task.cfg
    limit, truncate = cfg.max_document_tokens, str(cfg.truncate)
    return Classifier("the model in training", model, tokenizer, symbols, task.labels, limit, truncate)


class Classified:
    """The percentage of texts whose most probable class is not theirs.

    Args:
        classifier: over the model in training.
        texts: of the validation part, with their labels.
    """

    def __init__(self, classifier: Classifier, texts: List[Text]) -> None:
        self.classifier, self.texts = classifier, texts
        self.documents = [classifier.encode(text) for text, _ in texts]
        numbers = {label: number for number, label in enumerate(classifier.labels)}
        self.expected = [numbers[label] for _, label in texts]
        self.count = len(texts)

    def measure(self, trainer: Trainer) -> Measured:
        """As :class:`~s2s_plugins.training.worker.validation.Validator` has it."""
        trainer.model.eval()
        found = self.classifier.probabilities(self.documents[: self.count])
        trainer.model.train()
        best = found.argmax(1).tolist()
        wrong = [place for place in range(self.count) if best[place] != self.expected[place]]
        rate = len(wrong) / self.count
        spread = 100 * math.sqrt(max(rate * (1 - rate), 1e-9) / self.count)
        wrong.sort(key=lambda place: (-found[place, best[place]], place))
        worst = [self._mistake(place, best[place]) for place in wrong[:WORST]]
        return Measured(100 * rate, spread, worst, self.count)

    def limit(self, seconds: float, measured_in: float) -> bool:
        """As :class:`~s2s_plugins.training.worker.validation.Validator` has it."""
        if measured_in <= 2 * seconds or self.count <= FEWEST:
            return False
        self.count = max(FEWEST, int(self.count * seconds / measured_in))
        return True

    def _mistake(self, place: int, predicted: int) -> Mistake:
        text, label = self.texts[place]
        return Mistake(text[:LONGEST], self.classifier.labels[predicted], label)
