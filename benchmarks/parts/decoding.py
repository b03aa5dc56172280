"""Decoding: fairseq-generate with a beam and greedily, and one sentence at a time; both sides in turn."""

from __future__ import annotations

from typing import Dict, List

from benchmarks.bench import Bench, in_turn
from benchmarks.pairs import compare, percentile
from benchmarks.systems import BASELINE

LATENCY_CHUNK = 20  # sentences that one side decodes before the other does
BEAM = 5


def decoding(bench: Bench) -> dict:
    """A row for each system and way to decode; rates are sentences a second."""
    models = bench.models([BASELINE, *bench.scale.systems], share=0.4)
    rows: List[dict] = []
    ways = [("beam search", BEAM, bench.scale.decode_batch), ("greedy", 1, bench.scale.greedy_batch)]
    for position, (way, beam, batch_size) in enumerate(ways):
        rows += _generate(bench, models, way, beam, batch_size, begins=0.4 + 0.3 * position)
    rows += _latency(bench, models, begins=0.9)
    return {"rows": rows}


def _generate(bench: Bench, models: Dict[str, str], way: str, beam: int, batch_size: int, begins: float) -> List[dict]:
    """Rows of one way to call fairseq-generate."""
    folder = bench.test()["path"]
    results: Dict[str, Dict[str, List[dict]]] = {
        name: {side: [] for side in ("baseline", "ours")} for name in bench.scale.systems
    }
    words = [folder, "--beam", str(beam), "--batch-size", str(batch_size), "--gen-subset", "test"]
    for running in in_turn(bench.scale.systems[0]):  # a process's first call imports, and warms up
        bench.worker(running).ask("generate", arguments=[*words, "--path", models[running]])
    for turn in range(bench.rounds):
        for position, name in enumerate(bench.scale.systems):
            share = (turn * len(bench.scale.systems) + position) / (bench.rounds * len(bench.scale.systems))
            bench.progress.at(begins + 0.25 * share, f"{way}: {name}, round {turn + 1} of {bench.rounds}")
            for side, running in zip(("baseline", "ours"), in_turn(name)):
                found = bench.worker(running).ask("generate", arguments=[*words, "--path", models[running]])
                results[name][side].append(found)
    rows = []
    for name, sides in results.items():
        rates = {side: [run["rate"] for run in runs] for side, runs in sides.items()}
        wall = {side: [run["sentences"] / run["wall"] for run in runs] for side, runs in sides.items()}
        rows.append(
            {
                "way": way,
                "system": name,
                "beam": beam,
                "batch": batch_size,
                **compare(**rates),
                "whole_call": compare(**wall),
                "lengths": {side: runs[0]["length"] for side, runs in sides.items()},
            }
        )
    return rows


def _latency(bench: Bench, models: Dict[str, str], begins: float) -> List[dict]:
    """Rows of batches of one sentence: a pair is a chunk of sentences, its rate that of the whole chunk."""
    what = bench.test()
    sentences = min(bench.scale.latency_sentences, bench.scale.test_words)
    batches = [[number] for number in range(sentences)]
    rows = []
    for position, name in enumerate(bench.scale.systems):
        bench.progress.at(begins + 0.1 * position / len(bench.scale.systems), f"one sentence at a time: {name}")
        for running in in_turn(name):
            bench.worker(running).ask("load", name=running, data=what, batches=batches, checkpoint=models[running])
            bench.worker(running).ask("decode", name=running, batches=[0, 1], beam=BEAM)
        seconds: Dict[str, List[float]] = {"baseline": [], "ours": []}
        rates: Dict[str, List[float]] = {"baseline": [], "ours": []}
        lengths: Dict[str, List[int]] = {"baseline": [], "ours": []}
        for first in range(0, sentences, LATENCY_CHUNK):
            chunk = list(range(first, min(first + LATENCY_CHUNK, sentences)))
            for side, running in zip(("baseline", "ours"), in_turn(name)):
                answer = bench.worker(running).ask("decode", name=running, batches=chunk, beam=BEAM)
                seconds[side] += answer["seconds"]
                lengths[side] += [len(best["tokens"]) for best in answer["best"]]
                rates[side].append(len(chunk) / sum(answer["seconds"]))
        rows.append(
            {
                "way": "one at a time",
                "system": name,
                "beam": BEAM,
                "batch": 1,
                **compare(**rates),
                "lengths": {side: sum(found) / len(found) for side, found in lengths.items()},
                "milliseconds": {
                    side: {f"p{share}": 1000 * percentile(found, share / 100) for share in (50, 95)}
                    for side, found in seconds.items()
                },
            }
        )
        bench.drop()
    return rows
