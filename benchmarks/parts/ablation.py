"""The gain of each optimization: training with a switch off and on in turn; decoding by fairseq's loop and ours, and
with smaller weights.

The other side of a pair is our own model here, not fairseq's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence

from benchmarks.bench import Bench
from benchmarks.pairs import compare
from benchmarks.systems import Shape, grown

BEAM = 5
PLAIN_SEARCH = "our search, not fairseq's"


def ablation(bench: Bench) -> dict:
    """Rows of pairs, the ratio being the speed with the change over that without it."""
    rows: List[dict] = []
    plan = bench.scale.ablation
    for position, (name, switches) in enumerate(plan):
        bench.progress.at(0.5 * position / len(plan), f"training {name}")
        rows += _training(bench, name, switches, bench.g2p(), bench.scale.g2p, bench.scale.batches)
    bench.progress.at(0.5, "training with small batches and with many words")
    rows += _optimizer(bench)
    models = bench.models([name for name, _ in plan], share=0)
    for position, (name, _) in enumerate(plan):
        bench.progress.at(0.6 + 0.4 * position / len(plan), f"decoding with {name}")
        rows += _decoding(bench, name, models[name])
    return {"rows": rows}


def _in_turn(bench: Bench, batches: List[int], one: Callable[[int], float], other: Callable[[int], float]) -> dict:
    """Rates of both on each batch of each round; each runs once before, unmeasured."""
    one(batches[0]), other(batches[0])
    rates: Dict[str, List[float]] = {"baseline": [], "ours": []}
    for _ in range(bench.rounds):
        for batch in batches:
            rates["baseline"].append(1 / one(batch))
            rates["ours"].append(1 / other(batch))
    return compare(**rates)


def _training(
    bench: Bench, name: str, switches: Sequence[str], what: dict, shape: Shape, count: int, more: Sequence[str] = ()
) -> List[dict]:
    """A row for each switch: updates of a system on ``count`` batches of ``what``, with ``more`` flags."""
    worker = bench.worker(name)
    batches = bench.batches(what, shape.max_tokens, count)
    worker.ask("build", name=name, flags=[*bench.flags(name, shape), *more], data=what, batches=batches)
    rows = []

    def step(batch: int, without: Optional[str] = None) -> float:
        return worker.ask("step", name=name, batch=batch, without=without)[0]

    for switch in switches:
        compared = _in_turn(bench, list(range(len(batches))), partial(step, without=switch), step)
        rows.append({"system": name, "command": "training", "change": switch, **compared})
    bench.drop()
    return rows


def _optimizer(bench: Bench) -> List[dict]:
    """Adam where it is a considerable part of an update: small batches, and models with most weights in words."""
    name, switches, scale = "attention_lstm luong", ("Adam in one pass",), bench.scale
    small = replace(scale.g2p, max_tokens=scale.model_max_tokens)
    rows = _training(bench, name, switches, bench.g2p(), small, scale.batches)
    rows = [{**row, "system": f"luong, {small.max_tokens} tokens a batch"} for row in rows]
    vocabulary = max(scale.vocabularies)
    wide = grown(scale.growth, "vocabulary", vocabulary)
    classes = min(1024, vocabulary // 2)
    flags = ("--criterion", "sampled_softmax", "--sampled-classes", str(classes))
    more = _training(bench, name, switches, wide.synthetic(), wide, min(scale.batches, 2), flags)
    return rows + [{**row, "system": f"luong, {vocabulary:,} words, {classes:,} sampled"} for row in more]


def _decoding(bench: Bench, name: str, checkpoint: str) -> List[dict]:
    what, worker = bench.test(), bench.worker(name)
    size = bench.scale.decode_batch
    batches = [
        list(range(first, min(first + size, bench.scale.test_words)))
        for first in range(0, min(2 * size, bench.scale.test_words), size)
    ]
    for kind in ("full", "bf16", "int8"):
        worker.ask("load", name=kind, data=what, batches=batches, checkpoint=checkpoint, weights=kind)

    def decode(kind: str, batch: int, plain: bool = False) -> float:
        return worker.ask("decode", name=kind, batches=[batch], beam=BEAM, plain=plain)["seconds"][0]

    places = list(range(len(batches)))
    start = {"system": name, "command": "decoding"}
    search = _in_turn(bench, places, lambda batch: decode("full", batch, True), lambda batch: decode("full", batch))
    rows = [{**start, "change": PLAIN_SEARCH, **search}]
    exact = worker.ask("decode", name="full", batches=places, beam=BEAM)["best"]
    for kind in ("bf16", "int8"):
        change = {**start, "change": f"{kind} weights"}
        if not bench.hello[True][kind]:
            rows.append({**change, "note": f"not run: this machine has no instructions for {kind}"})
            continue
        compared = _in_turn(bench, places, partial(decode, "full"), partial(decode, kind))
        best = worker.ask("decode", name=kind, batches=places, beam=BEAM)["best"]
        rows.append({**change, **compared, "scores": _score_difference(exact, best)})
    bench.drop()
    return rows


def _score_difference(exact: List[dict], rounded: List[dict]) -> dict:
    """Of the best hypotheses: the share that is the same, and how far their scores, log-probabilities a token, are
    from those of full weights, on average and at most."""
    same = [(one, other) for one, other in zip(exact, rounded) if one["tokens"] == other["tokens"]]
    differences = [abs(one["score"] - other["score"]) for one, other in zip(exact, rounded)]
    return {
        "same_hypotheses": len(same) / len(exact),
        "mean": sum(differences) / len(differences),
        "largest": max(differences),
    }
