"""What the report of a comparison of text draws of the models: their decoders, and their attention over samples."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Sequence, TypeVar

from s2s_plugins.comparison.data import Inside, Json, Run
from s2s_plugins.files import write_whole
from s2s_plugins.reports.diagram import Diagram, diagram_of
from s2s_plugins.steps import DONE, Runner, Step

if TYPE_CHECKING:
    from s2s_plugins.comparison.text import TextData

T = TypeVar("T")


class Looking:
    """Writes and reads what is drawn.

    Args:
        data: of the comparison.
        out: its folder.
    """

    def __init__(self, data: "TextData", out: Path) -> None:
        self.data, self.out = data, out

    def write(self, runs: Sequence[Run], seed: int, runner: Runner, results: Json) -> None:
        """Write it for each system that was trained with ``seed``, unless it is there."""
        samples = results["subsets"][0]["samples"]
        numbers = [sample["number"] for sample in spread(samples, self.data.choice.attention_maps)]
        steps = [self._step(run, numbers) for run in runs if run.seed == seed]
        stale = [step for step in steps if runner.status(step) != DONE]
        if stale:
            Runner(runner.out, redo=True).run(stale)

    def _step(self, run: Run, numbers: List[int]) -> Step:
        settings = {
            "train": run.train.settings,
            "beam": self.data.choice.beam,
            "sentences": numbers,
            "decoder": True,
        }
        name, path = run.system.name, self._path(run.system.name)
        action = partial(self._look, run, numbers, path)
        return Step(f"attention-{name}", "attention", None, settings, action=action, output=path)

    def _look(self, run: Run, numbers: List[int], path: Path) -> None:
        from s2s_plugins.models.translator import load_translator

        translator = load_translator(str(run.checkpoint), str(self.data.path))
        diagram = diagram_of(run.system.name, translator.models[0])
        if diagram is not None:
            write_whole(self._diagram_path(run.system.name), json.dumps(vars(diagram)))
        kept: List[Json] = []
        if translator.has_attention and numbers:
            sentences = translator.read(self.data.subsets[0])
            alignments = translator.attend([sentences[number] for number in numbers], self.data.choice.beam)
            kept = [{**vars(alignment), "weights": alignment.weights.tolist()} for alignment in alignments]
        write_whole(path, json.dumps(kept, ensure_ascii=False))

    def _path(self, name: str) -> Path:
        return self.out / "attention" / f"{name}.json"

    def _diagram_path(self, name: str) -> Path:
        return self.out / "attention" / f"{name}-decoder.json"

    def read(self, results: Json) -> Inside:
        """What was written about the systems of ``results``."""
        names = [system["name"] for system in results["systems"]]
        paths = [self._diagram_path(name) for name in names]
        diagrams = [Diagram(**json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]
        return Inside(self._maps(names), diagrams)

    def _maps(self, names: Sequence[str]) -> Dict[str, List[str]]:
        """The heat maps of each system with attention, as HTML; the first one has the styles that all of them need."""
        from s2s_plugins.reports.heatmap import Alignment, fragment

        maps: Dict[str, List[str]] = {}
        for name in names:
            path = self._path(name)
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            for one in kept:
                html = fragment(Alignment(**one), assets=not maps)
                maps.setdefault(name, []).append(html)
        return maps


def spread(items: Sequence[T], count: int) -> List[T]:
    """``count`` of ``items``, evenly spread."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]
