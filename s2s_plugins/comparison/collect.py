"""The results of a comparison, from its logs and decoded texts; results.json and the report show them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from s2s_plugins.comparison.lead import Lead
from s2s_plugins.comparison.metrics import Metric
from s2s_plugins.comparison.plan import Plan, Run, System
from s2s_plugins.steps import DONE, Runner, Step, StepError, json_objects

Curve = List[Tuple[int, float]]  # updates, loss

Json = Dict[str, Any]  # an object of results.json
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


def figures(step: Step, log: Path) -> Mapping[str, object]:
    """The figures in the log of a finished step.

    Raises:
        StepError: one of them is missing.
    """
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if step.kind == "train":
        return _training(text, log)
    if step.kind == "decode":
        found = re.findall(r"Translated [\d,]+ sentences .*?\(([\d.,]+) sentences/s", text)
        if not found:
            raise StepError(f"{step.name} has not logged its speed: see {log}")
        return {"sentences_per_second": float(found[-1].replace(",", ""))}
    return {}


def _training(text: str, log: Path) -> Dict[str, object]:
    parameters = re.findall(r"num\. shared model params: ([\d,]+)", text)
    training: Dict[int, float] = {}
    validation: Dict[int, float] = {}
    speeds: List[float] = []
    for line in text.splitlines():
        for entry in json_objects([line]):
            if "| train_inner |" in line:
                training[int(float(entry["num_updates"]))] = float(entry.get("nll_loss", entry["loss"]))
                speeds.append(float(entry["wps"]))
            elif "valid_loss" in entry:
                loss = float(entry.get("valid_nll_loss", entry["valid_loss"]))
                validation[int(float(entry["valid_num_updates"]))] = loss
    if not parameters or not validation:
        raise StepError(f"the training has logged no number of parameters or no validation loss: see {log}")
    return {
        "parameters": int(parameters[-1].replace(",", "")),
        "tokens_per_second": median(speeds) if speeds else None,
        "training_curve": sorted(training.items()),
        "validation_curve": sorted(validation.items()),
    }


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


def collect(plan: Plan, runner: Runner, metrics: Sequence[Metric], samples: int, leads: Sequence[Lead] = ()) -> Json:
    """All results so far.

    Args:
        plan: of the comparison.
        runner: knows which steps are done.
        metrics: the scores to compute, the main one first.
        samples: number of sentences of each split to show.
        leads: rows with the beginning of the source.

    Returns:
        The content of results.json: ``systems``, with the figures of their trainings; ``baselines``, which have no
        training; and ``subsets``, with the scores of both on each decoded split. Systems without a decoded split are
        left out.
    """
    systems = []
    for system in plan.systems:
        runs = [_training_of(run, runner) for run in _decoded(plan, runner, system, plan.settings.subsets[0])]
        if runs:
            systems.append(
                {
                    "name": system.name,
                    "arch": system.arch,
                    "flags": runs[0].pop("flags"),
                    "left_out": list(system.left_out),
                    "runs": runs,
                }
            )
    return {
        "metrics": [{"name": one.name, "title": one.title, "rises": one.rises} for one in metrics],
        "systems": systems,
        "baselines": [{"name": lead.name, "tokens": lead.tokens} for lead in leads],
        "subsets": [_subset(plan, runner, metrics, samples, leads, subset) for subset in plan.settings.subsets],
    }


def _decoded(plan: Plan, runner: Runner, system: System, subset: str) -> List[Run]:
    return [run for run in plan.runs if run.system == system and runner.status(run.decodes[subset]) == DONE]


def _training_of(run: Run, runner: Runner) -> Json:
    trained = runner.read(run.train)
    main = runner.read(next(iter(run.decodes.values())))
    return {
        "seed": run.seed,
        "flags": run.train.settings["flags"],
        "parameters": trained["parameters"],
        "tokens_per_second": trained["tokens_per_second"],
        "sentences_per_second": main["sentences_per_second"],
        "train_seconds": trained["seconds"],
        "training_curve": trained["training_curve"],
        "validation_curve": trained["validation_curve"],
        "checkpoint": str(run.checkpoint),
    }


def _subset(
    plan: Plan, runner: Runner, metrics: Sequence[Metric], samples: int, leads: Sequence[Lead], subset: str
) -> Json:
    """The scores of all systems and baselines on one split, over all sentences and by length of the source; samples."""
    found: Json = {"name": subset, "sentences": 0, "lengths": [], "samples": [], "scores": {}, "by_length": {}}
    groups: List[List[int]] = []

    def add(name: str, decoded: Decoded, about: Json) -> None:
        scores = {one.name: one.score(decoded.hypotheses, decoded.references) for one in metrics}
        found["scores"].setdefault(name, []).append({**about, **scores})
        parts = [decoded.select(numbers) for numbers in groups]
        by_length = [metrics[0].score(part.hypotheses, part.references) for part in parts]
        found["by_length"].setdefault(name, []).append(by_length)
        for sample in found["samples"]:
            sample["outputs"].setdefault(name, decoded.hypotheses[sample["number"]])

    for system in plan.systems:
        for run in _decoded(plan, runner, system, subset):
            decoded = read_decoded(run.texts[subset])
            decoded = replace(decoded, references=plan.references.get(subset, decoded.references))
            if not found["sentences"]:
                found["sentences"] = len(decoded.sources)
                groups = _groups(decoded.sources, found)
                found["samples"] = [
                    {"number": number, "source": decoded.sources[number], "reference": decoded.references[number]}
                    | {"outputs": {}}
                    for number in sample_numbers(decoded.sources, samples)
                ]
            add(system.name, decoded, {"seed": run.seed})
    if found["sentences"]:
        # sources and references are the same in every decoded text
        for lead in leads:
            add(lead.name, replace(decoded, hypotheses=lead.outputs(decoded.sources)), {})
    return found


def _groups(sources: Sequence[str], found: Json) -> List[List[int]]:
    """The sentences of each range of lengths; adds the ranges to ``found``."""
    lengths = [len(source.split()) for source in sources]
    groups = []
    for low, high in length_groups(lengths):
        groups.append([number for number, length in enumerate(lengths) if low <= length <= high])
        found["lengths"].append({"from": low, "to": high, "sentences": len(groups[-1])})
    return groups
