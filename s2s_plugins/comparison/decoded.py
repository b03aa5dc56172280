"""Decoded text: read from what fairseq-generate wrote, grouped by length, sampled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from s2s_plugins.steps import Step, StepError

MOST_LENGTHS = 12  # groups of source lengths


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


def length_groups(lengths: Sequence[int]) -> List[Tuple[int, int]]:
    """Ranges of source lengths, both ends included, for about ``MOST_LENGTHS`` groups of equal numbers of sentences.

    If there are few lengths, each is a group of its own, provided that 2 % of the sentences have it: the score of a
    single sentence says nothing.
    """
    ordered, distinct = sorted(lengths), sorted(set(lengths))
    if len(distinct) > MOST_LENGTHS:
        starts = sorted({ordered[len(ordered) * part // MOST_LENGTHS] for part in range(MOST_LENGTHS)})
        return [(start, after - 1) for start, after in zip(starts, [*starts[1:], ordered[-1] + 1])]
    groups: List[Tuple[int, int]] = []
    together: List[int] = []  # lengths that are not enough for a group yet
    for length in distinct:
        together.append(length)
        if 50 * sum(map(lengths.count, together)) >= len(lengths):
            groups.append((together[0], length))
            together = []
    if together:  # the longest are too few to stand alone
        groups[-1] = (groups[-1][0], together[-1])
    return groups


def sample_numbers(sources: Sequence[str], count: int) -> List[int]:
    """``count`` sentences, evenly spread over the test set in the order of length."""
    order = sorted(range(len(sources)), key=lambda number: (len(sources[number].split()), number))
    count = min(count, len(order))
    return [order[(2 * place + 1) * len(order) // (2 * count)] for place in range(count)]
