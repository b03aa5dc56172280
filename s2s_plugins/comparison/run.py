"""A comparison: several models trained alike, decoded and scored, and one report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from s2s_plugins.comparison import collect, metrics, plots, report
from s2s_plugins.comparison.lead import Lead, leads_of
from s2s_plugins.comparison.plan import Plan, Run, Settings, attention_step, seeds_of
from s2s_plugins.errors import UsageError
from s2s_plugins.files import write_whole
from s2s_plugins.reports import library
from s2s_plugins.reports.diagram import Diagram, diagram_of
from s2s_plugins.steps import DONE, Runner


def words(text: str, flag: str) -> List[str]:
    """``text`` as a shell would split it.

    Raises:
        UsageError: it cannot.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r}: {error}") from None


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of a comparison.

    Raises:
        UsageError: a flag makes no sense.
    """
    for name, least in (("updates", 1), ("beam", 1), ("samples", 0), ("attention_maps", 0)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(args, name)} is too few: use {least} or more")
    seeds = seeds_of(args.seeds)
    if seeds is None:
        raise UsageError(
            f"--seeds {args.seeds} is neither a number of seeds nor a list of different ones: use 3, or 4,7"
        )
    own: Dict[str, List[str]] = {}
    for name, text in args.flags:
        own[name] = [*own.get(name, []), *words(text, f"--flags {name}")]
    return Settings(
        data=Path(args.data),
        out=Path(args.out),
        updates=args.updates,
        seeds=seeds,
        flags=args.flags_behind,
        own_flags=own,
        subsets=[name for name in args.subset.split(",") if name] or ["test"],
        beam=args.beam,
        decode_flags=words(args.decode_flags, "--decode-flags"),
        checkpoint=args.checkpoint,
        references=Path(args.references) if args.references else None,
    )


def machine() -> str:
    """What the speeds were measured on."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    threads = int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
    return f"{device} ({platform.machine()}), {threads} thread{'s'[: threads > 1]}, PyTorch {torch.__version__}"


class Report:
    """Writes what is known, again whenever there is more.

    Args:
        plan: of the comparison.
        runner: that knows which steps are done.
        chosen: the metrics, the main one first.
        args: the command's flags.
        leads: rows that are the beginning of the source.
    """

    def __init__(
        self,
        plan: Plan,
        runner: Runner,
        chosen: List[metrics.Metric],
        args: argparse.Namespace,
        leads: Sequence[Lead] = (),
    ) -> None:
        self.plan, self.runner, self.chosen, self.args, self.leads = plan, runner, chosen, args, leads

    def results(self) -> dict:
        settings = self.plan.settings
        results = collect.collect(self.plan, self.runner, self.chosen, self.args.samples, self.leads)
        results["title"] = self.args.title or f"{settings.data.resolve().name}: models compared"
        results["machine"] = machine()
        results["signatures"] = metrics.signatures(self.chosen, self.args.bleu_tokenize)
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

    def write(self) -> Optional[dict]:
        """results.json, the pictures and report.html; None while nothing is decoded yet."""
        results = self.results()
        if not results["systems"]:
            return None
        out = self.plan.settings.out
        write_whole(out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        page = report.page(results, plots.draw(results, out), self._maps(results), self._diagrams(results))
        write_whole(out / "report.html", page)
        return results

    def look_inside(self) -> None:
        """Keep what there is to draw of each system's decoder, and its attention over some of the samples."""
        results = self.results()
        numbers = [sample["number"] for sample in _spread(results["subsets"][0]["samples"], self.args.attention_maps)]
        steps = []
        for run in self.plan.runs:
            if run.seed == self.plan.settings.seeds[0]:
                path = self._path(run.system.name)
                steps.append(
                    attention_step(
                        self.plan, run, numbers, path, lambda r=run, p=path: self._look_inside(r, numbers, p)
                    )
                )
        stale = [step for step in steps if self.runner.status(step) != DONE]
        if stale:
            Runner(self.runner.out, redo=True).run(stale)

    def _look_inside(self, run: Run, numbers: List[int], path: Path) -> None:
        from s2s_plugins.models.translator import Translator

        translator = Translator(str(run.checkpoint), str(self.plan.settings.data))
        diagram = diagram_of(run.system.name, translator.model)
        if diagram is not None:
            write_whole(self._diagram_path(run.system.name), json.dumps(vars(diagram)))
        kept: List[dict] = []
        if translator.has_attention and numbers:
            sentences = translator.read(self.plan.settings.subsets[0])
            alignments = translator.attend([sentences[number] for number in numbers], self.plan.settings.beam)
            kept = [{**vars(alignment), "weights": alignment.weights.tolist()} for alignment in alignments]
        write_whole(path, json.dumps(kept, ensure_ascii=False))

    def _path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}.json"

    def _diagram_path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}-decoder.json"

    def _diagrams(self, results: dict) -> List[Diagram]:
        """What there is to draw of the systems' decoders."""
        paths = [self._diagram_path(system["name"]) for system in results["systems"]]
        return [Diagram(**json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]

    def _maps(self, results: dict) -> Dict[str, List[str]]:
        """The heat maps of each system that has an attention, as HTML; the first one brings what all of them need."""
        from s2s_plugins.reports.heatmap import Alignment, fragment

        maps: Dict[str, List[str]] = {}
        for system in results["systems"]:
            path = self._path(system["name"])
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            for one in kept:
                html = fragment(Alignment(**one), assets=not maps)
                maps.setdefault(system["name"], []).append(html)
        return maps


def _spread(items: Sequence, count: int) -> List:
    """``count`` of ``items``, evenly."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def compare(args: argparse.Namespace) -> dict:
    """Train, decode, score and report, except for what is done already.

    Args:
        args: of ``s2s compare``.

    Returns:
        What results.json holds.

    Raises:
        UsageError: a flag makes no sense.
        WorkError: a step failed.
    """
    chosen = metrics.choose([name for name in args.metrics.split(",") if name], args.bleu_tokenize)
    settings = settings_of(args)
    library("jinja2"), library("matplotlib")  # better missed now than after the training
    plan = Plan(args.archs.split(","), settings)
    leads = leads_of(args.lead, [system.name for system in plan.systems])
    for system in plan.systems:
        if system.left_out:
            print(f"{system.name} has no {', '.join(system.left_out)}: trained without")
    runner = Runner(settings.out, args.redo, collect.figures)
    written = Report(plan, runner, chosen, args, leads)
    runner.run(plan.steps, after=lambda step: step.kind == "decode" and written.write())
    written.look_inside()
    return written.write()
