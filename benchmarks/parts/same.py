"""The same numbers: our fast paths against the slow ones, on the systems that are measured."""

from __future__ import annotations

from typing import List

from benchmarks.bench import Bench


def same(bench: Bench) -> dict:
    """A row for each system and check of :mod:`benchmarks.same`."""
    models = bench.models(bench.scale.systems, share=0.8)
    train, test = bench.g2p(), bench.test()
    batches = bench.batches(train, bench.scale.g2p.max_tokens, 1)
    words = [list(range(min(bench.scale.decode_batch, bench.scale.test_words)))]
    rows: List[dict] = []
    for position, name in enumerate(bench.scale.systems):
        bench.progress.at(0.8 + 0.2 * position / len(bench.scale.systems), name)
        found = bench.worker(name).ask(
            "checks",
            flags=bench.flags(name),
            data=train,
            batches=batches,
            test_data=test,
            test_batches=words,
            checkpoint=models[name],
        )
        rows += [{"system": name, **row} for row in found]
    return {"rows": rows}
