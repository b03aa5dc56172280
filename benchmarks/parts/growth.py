"""How cost grows with lengths, sizes, vocabularies and beams; one process with all threads against two with half."""

from __future__ import annotations

import json
import statistics
import sys
from typing import Callable, Dict, List

from benchmarks.bench import Bench
from benchmarks.client import USER_DIR, run_command
from benchmarks.pairs import summary
from benchmarks.systems import BASELINE, Shape, grown

NAMES = [BASELINE, "attention_lstm", "attention_lstm luong"]
DECODED_LENGTH = 20
BASELINE_FAILS = "not run: fairseq's own torchrun on a CPU ends in ZeroDivisionError without the plugin"


def growth(bench: Bench) -> dict:
    """For each axis its points: the value, and each system's seconds a batch."""
    scale = bench.scale
    axes = {"length": scale.lengths, "hidden": scale.hidden, "vocabulary": scale.vocabularies, "beam": scale.beams}
    points = sum(map(len, axes.values()))
    done = 0
    found: Dict[str, List[dict]] = {axis: [] for axis in axes}
    for axis, values in axes.items():
        for value in values:
            bench.progress.at(0.8 * done / points, f"{axis} {value}")
            measure = _beam if axis == "beam" else _training
            shape = scale.growth if axis == "beam" else grown(scale.growth, axis, value)
            found[axis].append({"value": value, "seconds": measure(bench, shape, value)})
            bench.drop()
            done += 1
    return {"systems": NAMES, "axes": found, "processes": _processes(bench)}


def _repeat(bench: Bench, once: Callable[[str], float]) -> dict:
    """Each system's seconds, with the systems in turn."""
    seconds: Dict[str, List[float]] = {name: [] for name in NAMES}
    for _ in range(bench.scale.repetitions):
        for name in NAMES:
            seconds[name].append(once(name))
    return {name: summary(values) for name, values in seconds.items()}


def _training(bench: Bench, shape: Shape, value: int) -> dict:
    """Seconds of an update, with the tokens of a batch held constant."""
    what = shape.synthetic()
    batches = bench.batches(what, shape.max_tokens, 1)
    for name in NAMES:
        bench.worker(name).ask("build", name=name, flags=bench.flags(name, shape), data=what, batches=batches)
        bench.worker(name).ask("step", name=name, batch=0)
    return _repeat(bench, lambda name: bench.worker(name).ask("step", name=name, batch=0)[0])


def _beam(bench: Bench, shape: Shape, beam: int) -> dict:
    """Seconds to decode a batch to hypotheses of one length."""
    what = shape.synthetic()
    batches = bench.batches(what, shape.max_tokens, 1)
    for name in NAMES:
        bench.worker(name).ask("load", name=name, flags=bench.flags(name, shape), data=what, batches=batches)
        bench.worker(name).ask("decode", name=name, batches=[0], beam=1, length=3)
    return _repeat(
        bench,
        lambda name: bench.worker(name).ask("decode", name=name, batches=[0], beam=beam, length=DECODED_LENGTH)[
            "seconds"
        ][0],
    )


def _processes(bench: Bench) -> dict:
    """Target tokens a second of one process with two threads, and of two processes with one thread each."""
    if not bench.scale.process_updates:
        return {"note": "not run: --quick leaves this out"}
    name = "attention_lstm"
    common = [bench.g2p()["path"], *bench.flags(name), "--user-dir", USER_DIR, "--disable-validation", "--no-save"]
    common += ["--max-tokens", str(bench.scale.g2p.max_tokens), "--max-update", str(bench.scale.process_updates)]
    common += ["--log-format", "json", "--log-interval", "5", "--save-dir", str(bench.out / "models" / "unused")]
    found = {}
    launch = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "fairseq_cli.train"]
    ways = [("1 process, 2 threads", ["fairseq_cli.train"], 2), ("2 processes, 1 thread each", launch, 1)]
    for position, (way, module, threads) in enumerate(ways):
        bench.progress.at(0.8 + 0.1 * position, f"{name}: {way}")
        log = bench.out / "logs" / f"processes-{position + 1}.log"
        run_command([sys.executable, "-m", *module, *common], True, threads, log, cwd=bench.out)
        found[way] = statistics.median(_rates(log.read_text(encoding="utf-8", errors="replace"))[1:])
    return {"system": name, "rates": found, "baseline": BASELINE_FAILS}


def _rates(log: str) -> List[float]:
    """Words a second in fairseq-train's JSON log."""
    lines = [line[line.find("{") :] for line in log.splitlines() if "| train_inner |" in line]
    return [float(json.loads(line)["wps"]) for line in lines]
