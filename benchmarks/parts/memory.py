"""Memory: the largest resident size of real fairseq-train and fairseq-generate processes, one at a time."""

from __future__ import annotations

import sys
from typing import Dict, List

from benchmarks.bench import Bench
from benchmarks.client import USER_DIR, run_command
from benchmarks.systems import BASELINE, SYSTEMS

MEGABYTE = 2**20


def memory(bench: Bench) -> dict:
    """A row for each system: megabytes of both commands."""
    names = [BASELINE, *bench.scale.memory_systems]
    models = bench.models(names, share=0.1)
    train, test = bench.g2p()["path"], bench.test()["path"]
    rows: List[dict] = []
    for position, name in enumerate(names):
        ours = SYSTEMS[name].ours
        plugin = ["--user-dir", USER_DIR] if ours else []
        training = [train, *bench.flags(name), *plugin, "--max-tokens", str(bench.scale.g2p.max_tokens)]
        training += ["--max-update", str(bench.scale.memory_updates), "--disable-validation", "--no-save"]
        training += ["--save-dir", str(bench.out / "models" / "unused")]
        generating = [test, *plugin, "--path", models[name], "--beam", "5", "--gen-subset", "test"]
        generating += ["--batch-size", str(bench.scale.decode_batch), "--num-workers", "0"]
        row: Dict[str, object] = {"system": name}
        for offset, (command, arguments) in enumerate((("train", training), ("generate", generating))):
            bench.progress.at(0.1 + 0.9 * (position + offset / 2) / len(names), f"fairseq-{command} of {name}")
            log = bench.out / "logs" / f"memory-{command}-{SYSTEMS[name].file_name}.log"
            words = [sys.executable, "-m", f"fairseq_cli.{command}", *arguments]
            row[command] = run_command(words, ours, bench.threads, log, cwd=bench.out).peak / MEGABYTE
        rows.append(row)
    return {"rows": rows}
