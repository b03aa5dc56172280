"""The error of a model on the validation part, while it trains."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Protocol, Tuple

import torch
from fairseq.logging import metrics
from fairseq.trainer import Trainer

from s2s_plugins.inference.sentences import Sentence
from s2s_plugins.inference.translator import Translator
from s2s_plugins.training.job import Mistake

GREEDY = 1  # beam
FEWEST = 300  # sources that a validation has, if there are as many
SHARE = 0.05  # of a training's time that validation may take
WORST = 5
SLACK = 1.5  # times the longest reference: what a model may write


@dataclass(frozen=True)
class Measured:
    """What a validation found.

    Args:
        error: in percent, or a figure of the criterion; lower is better.
        spread: standard error of it: a difference below it may be chance.
        worst: wrong predictions, the furthest from their references first.
        sources: number of sources.
        figure: what ``error`` is: ``"error"``, in percent, or ``"loss"``.
    """

    error: float
    spread: float
    worst: List[Mistake]
    sources: int
    figure: str = "error"


class Validator(Protocol):
    """What tells how good a model is."""

    def measure(self, trainer: Trainer) -> Measured:
        """The error of the trainer's model."""

    def limit(self, seconds: float, measured_in: float) -> bool:
        """Use fewer examples if a validation took ``measured_in`` seconds and may take ``seconds``; whether it does."""


class Written:
    """The error of what the model writes: the percentage of sources whose greedy output is none of the references.

    Args:
        translator: over the model in training.
        references: source -> accepted targets, as the user wrote them.
    """

    def __init__(self, translator: Translator, references: Dict[str, List[str]]) -> None:
        self.translator = translator
        self.sources = list(references)
        self.references = [references[source] for source in self.sources]
        self.sentences: List[Sentence] = [
            translator.spell(source, f"validation source {number}") for number, source in enumerate(self.sources, 1)
        ]
        known = translator.slots.known(translator.target)
        self.expected = [
            {translator.target_spelling.tokens(target, known) for target in targets} for targets in self.references
        ]
        self.count = len(self.sources)
        # a model that has learnt little writes on and on
        longest = max(len(one.split()) for expected in self.expected for one in expected)
        translator.model.longest_target = min(translator.model.longest_target, int(SLACK * longest) + 10)

    def measure(self, trainer: Trainer) -> Measured:
        """As :class:`Validator` has it."""
        model = trainer.model
        model.eval()
        sentences = self.sentences[: self.count]
        found = self.translator.best(sentences, GREEDY, 1, batch_size=128)
        model.train()
        wrong = [place for place, best in enumerate(found) if " ".join(best[0].tokens) not in self.expected[place]]
        rate = len(wrong) / self.count
        spread = 100 * math.sqrt(max(rate * (1 - rate), 1e-9) / self.count)
        far = {place: distance(found[place][0].tokens, self.expected[place]) for place in wrong}
        wrong.sort(key=lambda place: (-far[place], place))
        worst = [self._mistake(place, found[place][0].tokens) for place in wrong[:WORST]]
        return Measured(100 * rate, spread, worst, self.count)

    def limit(self, seconds: float, measured_in: float) -> bool:
        """As :class:`Validator` has it."""
        if measured_in <= 2 * seconds or self.count <= FEWEST:  # a little more time is better than other examples
            return False
        self.count = max(FEWEST, int(self.count * seconds / measured_in))
        return True

    def _mistake(self, place: int, tokens: List[str]) -> Mistake:
        text = self.translator.target_spelling.text(tokens)
        return Mistake(self.sources[place], text, self.references[place][0])


def distance(tokens: List[str], expected: Iterable[str]) -> float:
    """Edits to the closest of the expected outputs, for each of its tokens."""
    from rapidfuzz.distance import Levenshtein

    return min(Levenshtein.distance(tokens, one.split()) / max(1, len(one.split())) for one in expected)


class OfCriterion:
    """A figure of fairseq's criterion over the validation part, as ``loss`` or ``accuracy``.

    Args:
        name: of the figure.
        rises: higher is better; the error is then 100 less the figure.
    """

    def __init__(self, name: str, rises: bool) -> None:
        self.name, self.rises = name, rises

    def measure(self, trainer: Trainer) -> Measured:
        """As :class:`Validator` has it."""
        iterator = trainer.get_valid_iterator("valid").next_epoch_itr(shuffle=False, set_dataset_epoch=False)
        sources = 0
        with metrics.aggregate(new_root=True) as found:
            for sample in iterator:
                trainer.valid_step(sample)
                sources += int(sample.get("nsentences", 0)) if isinstance(sample, dict) else 0
        value = float(found.get_smoothed_values()[self.name])
        if not self.rises:
            return Measured(value, 0.0, [], sources, self.name)
        rate = min(max(1 - value / 100, 0.0), 1.0)
        spread = 100 * math.sqrt(max(rate * (1 - rate), 1e-9) / max(1, sources))
        return Measured(100 - value, spread, [], sources)

    def limit(self, seconds: float, measured_in: float) -> bool:
        """All examples are used, however long it takes."""
        return False


class Best:
    """The best validation so far, and how many were worse than it by more than chance since."""

    def __init__(self) -> None:
        self.error = math.inf
        self.updates = 0
        self.worse = 0
        self.perfect = 0

    def look(self, measured: Measured, updates: int) -> bool:
        """Note a validation; whether no earlier one was better."""
        self.perfect = self.perfect + 1 if measured.error == 0 else 0
        if measured.error <= self.error:
            self.error, self.updates, self.worse = measured.error, updates, 0
            return True
        self.worse = self.worse + 1 if measured.error > self.error + measured.spread else 0
        return False

    def ends(self, patience: int) -> Optional[str]:
        """Why the training should end early; None if it should not."""
        if patience and self.worse >= patience:
            return f"{self.worse} validations in a row were worse than the best one by more than chance"
        if patience and self.perfect >= patience // 2 + 1:
            return f"{self.perfect} validations in a row found no error"
        return None


def timed(validator: Validator, trainer: Trainer) -> Tuple[Measured, float]:
    """A validation, and the seconds that it took."""
    started = time.monotonic()
    with torch.no_grad():
        measured = validator.measure(trainer)
    return measured, time.monotonic() - started
