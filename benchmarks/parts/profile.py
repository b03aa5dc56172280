"""Where the time goes: shares of a training step and of a decoded batch, and the arithmetic reached."""

from __future__ import annotations

import statistics
from typing import List

from benchmarks import flops
from benchmarks.bench import Bench
from benchmarks.systems import BASELINE

BEAM = 5


def profile(bench: Bench) -> dict:
    """A row for each system; GFLOP/s from unprofiled steps, beside a matrix product of the step's shape."""
    scale, names = bench.scale, [BASELINE, *bench.scale.systems]
    models = bench.models(names, share=0.1)
    train, test, steps = bench.g2p(), bench.test(), bench.scale.profile_steps
    batches = bench.batches(train, scale.g2p.max_tokens, steps)
    # the longest batches hold few sentences; the first words of the test set are as good as any
    words = [list(range(min(scale.decode_batch, scale.test_words)))]
    rows: List[dict] = []
    for position, name in enumerate(names):
        bench.progress.at(0.1 + 0.9 * position / len(names), name)
        worker = bench.worker(name)
        built = worker.ask("build", name=name, flags=bench.flags(name), data=train, batches=batches)
        sees = flops.Sees(tuple(built["sees"]["step"]), tuple(built["sees"]["output"]), built["sees"]["hidden_layer"])
        worker.ask("step", name=name, batch=0, count=2)
        reached, needed = [], 0.0
        for batch, (sentences, source, target) in enumerate(built["shapes"]):
            work = flops.training(sees, scale.g2p, sentences, source, target, built["vocabulary"])
            needed += work
            reached += [work / seconds / 1e9 for seconds in worker.ask("step", name=name, batch=batch, count=2)]
        row = {"system": name, "gflops": statistics.median(reached), "arithmetic": needed}
        row["training"] = worker.ask("profile_training", name=name, count=steps)
        worker.ask("load", name=name, data=test, batches=words, checkpoint=models[name])
        worker.ask("decode", name=name, batches=[0], beam=BEAM)
        row["decoding"] = worker.ask("profile_decoding", name=name, count=1, beam=BEAM)
        rows.append(row)
        shape = built["shapes"][0]
        bench.drop()
    rows_of_step = shape[0]
    hidden = scale.g2p.decoder_hidden
    gflops, gflops_bf16 = (
        bench.baseline.ask("gemm", rows=rows_of_step, inner=hidden, columns=4 * hidden, kind=kind)
        for kind in ("float32", "bfloat16")
    )
    product = {"rows": rows_of_step, "inner": hidden, "gflops": gflops, "gflops_bf16": gflops_bf16}
    return {"rows": rows, "product": product}
