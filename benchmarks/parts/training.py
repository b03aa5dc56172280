"""Training: target tokens a second of fairseq's Trainer, baseline and ours batch by batch in turn."""

from __future__ import annotations

from typing import Dict, List

from benchmarks.bench import Bench
from benchmarks.pairs import compare
from benchmarks.systems import BASELINE, Shape

NO_BF16 = "not run: this CPU has no bf16 instructions"


def training(bench: Bench) -> dict:
    """A row for each shape, system and precision."""
    scale = bench.scale
    rows: List[dict] = []
    plan = [(scale.g2p, scale.batches, 0.0, 0.3), (scale.translation, scale.translation_batches, 0.3, 1.0)]
    for shape, batches, begins, ends in plan:
        rows += _shape(bench, shape, batches, begins, ends)
    return {"rows": rows}


def _shape(bench: Bench, shape: Shape, batches_a_round: int, begins: float, ends: float) -> List[dict]:
    what = bench.g2p() if shape.vocabulary is None else shape.synthetic()
    warmup, count = bench.scale.warmup, bench.rounds * batches_a_round
    batches = bench.batches(what, shape.max_tokens, warmup + count)
    # the systems that run, with their flags on top of the shape's
    names: Dict[str, List[str]] = {
        name: [] for name in bench.scale.systems
    }  # of the running systems, with flags on top of the shape's
    if bench.bf16:
        names.update({f"{name} bf16": ["--autocast", "bf16"] for name in bench.scale.systems})
    built: Dict[str, dict] = {}
    for name, extra in [(BASELINE, []), *names.items()]:
        plain = name.removesuffix(" bf16")
        flags, worker = [*bench.flags(plain, shape), *extra], bench.worker(plain)
        built[name] = worker.ask("build", name=name, flags=flags, data=what, batches=batches)
        bench.progress.at(begins, f"{shape.name}: warming up {name}")
        for batch in range(warmup):
            worker.ask("step", name=name, batch=batch)
    rates: Dict[str, Dict[str, List[float]]] = {name: {"baseline": [], "ours": []} for name in names}
    for turn in range(bench.rounds):
        for position, name in enumerate(names):
            share = (turn * len(names) + position) / (bench.rounds * len(names))
            bench.progress.at(
                begins + share * (ends - begins), f"{shape.name}: {name}, round {turn + 1} of {bench.rounds}"
            )
            for batch in range(warmup + turn * batches_a_round, warmup + (turn + 1) * batches_a_round):
                tokens = built[BASELINE]["tokens"][batch]
                for side, ours, running in (("baseline", False, BASELINE), ("ours", True, name)):
                    (seconds,) = bench.workers[ours].ask("step", name=running, batch=batch)
                    rates[name][side].append(tokens / seconds)
    rows = []
    for name in bench.scale.systems:
        row = {"shape": shape.name, "system": name, "precision": "fp32", "parameters": built[name]["parameters"]}
        row["baseline_parameters"] = built[BASELINE]["parameters"]
        rows.append({**row, **compare(**rates[name])})
        half = {**row, "precision": "bf16"}
        if not bench.bf16:
            rows.append({**half, "note": NO_BF16})
            continue
        half.update(compare(**rates[f"{name} bf16"]))
        if shape.vocabulary is None:
            bench.progress.at(ends, f"{shape.name}: the loss of {name} in bf16 and fp32")
            half["loss"] = _losses(bench, name, warmup + count)
        rows.append(half)
    bench.drop()
    return rows


def _losses(bench: Bench, name: str, updates: int) -> dict:
    """The loss of a system in both precisions, after the same updates on the same batches."""
    wanted = max(updates, bench.scale.loss_updates)
    found = {}
    worker = bench.worker(name)
    for precision, running in (("fp32", name), ("bf16", f"{name} bf16")):
        for update in range(updates, wanted):
            worker.ask("step", name=running, batch=update % updates)
        found[precision] = worker.ask("loss", name=running, batch=0)
    return {"updates": wanted, **found, "percent": 100 * (found["bf16"] / found["fp32"] - 1)}
