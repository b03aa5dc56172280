"""Decoded text: read from what fairseq-generate wrote, sampled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence

from s2s_plugins.steps import Step, StepError


@dataclass(frozen=True)
class Decoded:
    """A decoded test set, in its original order; tokens are separated by spaces.

    Attributes:
        sources: the input, with ``<unk>`` for words that the dictionary lacks.
        references: the expected output.
        hypotheses: the output of the model.
    """

    sources: List[str]
    references: List[str]
    hypotheses: List[str]

    def select(self, numbers: Sequence[int]) -> "Decoded":
        """The sentences with these numbers."""
        return Decoded(
            *([part[number] for number in numbers] for part in (self.sources, self.references, self.hypotheses))
        )


def read_decoded(path: Path) -> Decoded:
    """Source, reference and best hypothesis of each sentence in the output of fairseq-generate.

    Raises:
        StepError: a sentence has not all of them.
    """
    # --bpe and --tokenizer turn S, T and D back into text, but leave H in pieces
    parts: Dict[str, Dict[int, str]] = {"S": {}, "T": {}, "D": {}}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([STD])-(\d+)\t?(.*)$", line)
        if found:
            kind, number, text = found.group(1), int(found.group(2)), found.group(3)
            if kind == "D":
                text = text.partition("\t")[2]  # after the score
            parts[kind].setdefault(number, text)
    numbers = sorted(parts["S"])
    if not numbers or any(sorted(part) != numbers for part in parts.values()):
        raise StepError(f"{path} lacks sources, references or hypotheses: remove it, and run the command again")
    # a token that the dictionary lacks is <<unk>> in a reference, so that no <unk> in a hypothesis matches it; for
    # metrics that split words, as BLEU does, --references gives the text itself
    return Decoded(*([part[number] for number in numbers] for part in parts.values()))


def decoding_speed(step: Step, log: Path) -> float:
    """Sentences per second, from the log of fairseq-generate.

    Raises:
        StepError: it does not say so.
    """
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    found = re.findall(r"Translated [\d,]+ sentences .*?\(([\d.,]+) sentences/s", text)
    if not found:
        raise StepError(f"{step.name} has not logged its speed: see {log}")
    return float(found[-1].replace(",", ""))


def sample_numbers(sources: Sequence[str], count: int) -> List[int]:
    """``count`` sentences, evenly spread over the test set in the order of length."""
    order = sorted(range(len(sources)), key=lambda number: (len(sources[number].split()), number))
    count = min(count, len(order))
    return [order[(2 * place + 1) * len(order) // (2 * count)] for place in range(count)]
