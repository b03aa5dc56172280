"""A comparison: several models are trained alike, decoded and scored; one report shows them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional, Sequence, TypeVar

from s2s_plugins.comparison import collect, metrics, plots, report
from s2s_plugins.comparison.collect import Json
from s2s_plugins.comparison.lead import Lead, named_apart
from s2s_plugins.comparison.plan import Plan, Run, Settings, attention_step
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.files import write_whole
from s2s_plugins.reports import library
from s2s_plugins.reports.diagram import Diagram, diagram_of
from s2s_plugins.steps import DONE, Runner

T = TypeVar("T")


@dataclass(frozen=True)
class Contents:
    """What a report shows.

    Args:
        metrics: names of the scores, the main one first.
        bleu_tokenize: sacrebleu's tokenizer for BLEU.
        leads: a row with the first tokens of the source for each of these numbers.
        samples: number of sentences of each split that are shown side by side.
        attention_maps: number of these whose attention is drawn.
        title: of the report; None: made of the name of the data.

    Raises:
        UsageError: a number is below 0.
    """

    metrics: Sequence[str] = ("exact", "token-error")
    bleu_tokenize: str = "13a"
    leads: Sequence[int] = ()
    samples: int = 12
    attention_maps: int = 3
    title: Optional[str] = None

    def __post_init__(self) -> None:
        for name in ("samples", "attention_maps"):
            value = getattr(self, name)
            if value < 0:
                raise UsageError(f"--{name.replace('_', '-')} {value} is too small: use 0 or more")


def machine() -> str:
    """The machine on which the speeds were measured."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    threads = int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
    return f"{device} ({platform.machine()}), {threads} thread{'s'[: threads > 1]}, PyTorch {torch.__version__}"


class Report:
    """Writes the results so far, again after each decoding.

    Args:
        plan: of the comparison.
        runner: knows which steps are done.
        contents: of the report.

    Raises:
        UsageError: an unknown metric, or a row that has the name of a system.
    """

    def __init__(self, plan: Plan, runner: Runner, contents: Contents) -> None:
        self.plan, self.runner, self.contents = plan, runner, contents
        self.chosen = metrics.choose(contents.metrics, contents.bleu_tokenize)
        self.leads = [Lead(tokens) for tokens in contents.leads]
        named_apart(self.leads, [system.name for system in plan.systems])

    def results(self) -> Json:
        """The content of results.json."""
        settings, contents = self.plan.settings, self.contents
        results = collect.collect(self.plan, self.runner, self.chosen, contents.samples, self.leads)
        results["title"] = contents.title or f"{settings.data.resolve().name}: models compared"
        results["machine"] = machine()
        results["signatures"] = metrics.signatures(self.chosen, contents.bleu_tokenize)
        results["settings"] = {
            "data": str(settings.data),
            "source_lang": self.plan.source_lang,
            "target_lang": self.plan.target_lang,
            "updates": settings.updates,
            "seeds": list(settings.seeds),
            "beam": settings.beam,
            "decode_flags": list(settings.decode_flags),
            "checkpoint": settings.checkpoint,
            "references": str(settings.references) if settings.references else None,
        }
        return results

    def write(self) -> Optional[Json]:
        """Write results.json, the pictures and report.html.

        Returns:
            The content of results.json; None while nothing is decoded yet.
        """
        results = self.results()
        if not results["systems"]:
            return None
        out = self.plan.settings.out
        write_whole(out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        page = report.page(results, plots.draw(results, out), self._maps(results), self._diagrams(results))
        write_whole(out / "report.html", page)
        return results

    def look_inside(self) -> None:
        """Write what the report draws of each system: its decoder, and its attention over some of the samples."""
        results = self.results()
        numbers = [
            sample["number"] for sample in _spread(results["subsets"][0]["samples"], self.contents.attention_maps)
        ]
        steps = []
        for run in self.plan.runs:
            if run.seed == self.plan.settings.seeds[0]:
                path = self._path(run.system.name)
                steps.append(
                    attention_step(self.plan, run, numbers, path, partial(self._look_inside, run, numbers, path))
                )
        stale = [step for step in steps if self.runner.status(step) != DONE]
        if stale:
            Runner(self.runner.out, redo=True).run(stale)

    def _look_inside(self, run: Run, numbers: List[int], path: Path) -> None:
        from s2s_plugins.models.translator import load_translator

        translator = load_translator(str(run.checkpoint), str(self.plan.settings.data))
        diagram = diagram_of(run.system.name, translator.models[0])
        if diagram is not None:
            write_whole(self._diagram_path(run.system.name), json.dumps(vars(diagram)))
        kept: List[Json] = []
        if translator.has_attention and numbers:
            sentences = translator.read(self.plan.settings.subsets[0])
            alignments = translator.attend([sentences[number] for number in numbers], self.plan.settings.beam)
            kept = [{**vars(alignment), "weights": alignment.weights.tolist()} for alignment in alignments]
        write_whole(path, json.dumps(kept, ensure_ascii=False))

    def _path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}.json"

    def _diagram_path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}-decoder.json"

    def _diagrams(self, results: Json) -> List[Diagram]:
        """The drawings of the systems' decoders."""
        paths = [self._diagram_path(system["name"]) for system in results["systems"]]
        return [Diagram(**json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]

    def _maps(self, results: Json) -> Dict[str, List[str]]:
        """The heat maps of each system with attention, as HTML; the first one has the styles that all of them need."""
        from s2s_plugins.reports.heatmap import Alignment, fragment

        maps: Dict[str, List[str]] = {}
        for system in results["systems"]:
            path = self._path(system["name"])
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            for one in kept:
                html = fragment(Alignment(**one), assets=not maps)
                maps.setdefault(system["name"], []).append(html)
        return maps


def _spread(items: Sequence[T], count: int) -> List[T]:
    """``count`` of ``items``, evenly spread."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def compare(archs: Sequence[str], settings: Settings, contents: Contents, redo: bool = False) -> Json:
    """Train, decode, score and report, except for what is done already.

    Args:
        archs: architectures; ``NAME=ARCH`` gives one a name of its own.
        settings: what all systems share.
        contents: of the report.
        redo: redo what was made with other settings, instead of raising an error.

    Returns:
        The content of results.json.

    Raises:
        UsageError: a value that makes no sense.
        WorkError: a step failed.
    """
    metrics.choose(contents.metrics, contents.bleu_tokenize)
    library("jinja2")  # found missing now rather than after the training
    library("matplotlib")
    plan = Plan(archs, settings)
    runner = Runner(settings.out, redo, collect.figures)
    report_ = Report(plan, runner, contents)
    for system in plan.systems:
        if system.left_out:
            print(f"{system.name} has no {', '.join(system.left_out)}: trained without")
    runner.run(plan.steps, after=lambda step: step.kind == "decode" and report_.write())
    report_.look_inside()
    results = report_.write()
    if results is None:  # the runner has raised for each step that failed
        raise WorkError(f"{settings.out} has no decoded text: run the command again")
    return results
