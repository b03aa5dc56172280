"""Files through a model over a Ray cluster on this machine: what Ray costs a line, how it grows, when it starts.

    python -m benchmarks.cluster --out DIR [--only cost,growth,actors,first,memory] [--model g2p.safetensors]

cost     seconds a line of one worker of ``--engine ray``, beside one process without it, batches of 1,024, in turn
growth   lines a second of two such workers, to that of one
actors   32 actors on two nodes with a model that sleeps, to what 32 would do if nothing but sleeping took time
first    seconds from the start of the command to its first file of predictions
memory   peak memory of the driver with 100, 1,000 and 10,000 files

The start is not counted in the first three: of two jobs, one twice as large, the difference is taken. By default the
model has the sizes of the one that ``examples/g2p`` trains and random weights. Each worker has one thread. The
results are added to DIR/results.json; what is there is not measured again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from benchmarks.client import ROOT
from benchmarks.machine import machine
from benchmarks.pairs import compare, summary
from s2s_plugins.cluster import engines
from s2s_plugins.cluster.job import Job, run
from s2s_plugins.cluster.partitions import Rows, Worker
from s2s_plugins.cluster.shipping import Shipped
from s2s_plugins.errors import UsageError, WorkError, one_line_errors
from s2s_plugins.extras import library
from s2s_plugins.files import write_whole

BATCH = 1024
ACTORS, NODES = 32, 2
SECONDS = 0.002  # that the sleeping model takes for a line
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Sleeping:
    """Work that takes time and no processor: :class:`s2s_plugins.cluster.work.Work`."""

    part = 256
    names: List[str] = ["prediction"]
    fields: Dict[str, str] = {"prediction": "string"}
    unknown = 0

    def __call__(self, sources: Sequence[str]) -> List[Any]:
        time.sleep(SECONDS * len(sources))
        return list(sources)

    def rows(self, answer: str) -> List[List[str]]:
        return [[answer]]

    def values(self, answer: str) -> Dict[str, Any]:
        return {"prediction": answer}


@dataclass(frozen=True)
class SleepingJob(Job):
    """A job whose model sleeps."""

    def worker(self, shipped: Shipped) -> Worker:
        return Rows(Sleeping(), self.output, self.columns, self.max_errors)


def files_of(words: Sequence[str], folder: Path, files: int, lines: int) -> Path:
    """A folder of files, the words in turn."""
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for number in range(files):
            start = number * lines
            own = (words[place % len(words)] for place in range(start, start + lines))
            (new / f"{number:05}.txt").write_text("".join(f"{word}\n" for word in own), encoding="utf-8")
        new.rename(folder)
    return folder


def command(model: Path, source: Path, output: Path, *flags: object) -> List[str]:
    """``s2s predict`` on files."""
    words = [sys.executable, "-m", "s2s_plugins", "predict", str(model), "--beam", "1", "--batch-size", str(BATCH)]
    return [*words, "--input", str(source), "--output", str(output), *map(str, flags)]


def seconds(words: Sequence[str], output: Path) -> float:
    """How long a command takes; its output is removed."""
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT)
    took = time.perf_counter() - began
    if done.returncode:
        raise WorkError(f"the command failed: {done.stderr.strip().splitlines()[-1:]}")
    shutil.rmtree(output)
    return took


class Bench:
    """What is measured, in a folder of its own.

    Args:
        model: the file.
        words: to be predicted.
        folder: for inputs and outputs.
        rounds: of each comparison.
    """

    def __init__(self, model: Path, words: List[str], folder: Path, rounds: int) -> None:
        self.model, self.words, self.folder, self.rounds = model, words, folder, rounds

    def per_line(self, files: int, lines: int, *flags: object) -> float:
        """Seconds a line: of twice as many files, the time that they take more."""
        taken = []
        for count in (files, 2 * files):
            source = files_of(self.words, self.folder / f"in-{count}-{lines}", count, lines)
            taken.append(seconds(command(self.model, source, self.folder / "out", *flags), self.folder / "out"))
        return (taken[1] - taken[0]) / (files * lines)

    def cost(self) -> Dict[str, Any]:
        """What Ray costs a line."""
        plain, ray = [], []
        for _ in range(self.rounds):
            plain.append(self.per_line(6, 8 * BATCH))
            ray.append(self.per_line(6, 8 * BATCH, "--engine", "ray", "--concurrency", 1))
        return compare(plain, ray)

    def growth(self) -> Dict[str, Any]:
        """Lines a second of two workers, to that of one."""
        one: List[float] = []
        two: List[float] = []
        for _ in range(self.rounds):
            for found, workers in ((one, 1), (two, 2)):
                found.append(1 / self.per_line(6, 8 * BATCH, "--engine", "ray", "--concurrency", workers))
        return compare(one, two)

    def actors(self) -> Dict[str, Any]:
        """How near 32 actors on two nodes come to 32 times one."""
        lines, files = 500, 20 * ACTORS
        found = []
        with two_nodes():
            for _ in range(self.rounds):
                taken = []
                for count in (files, 2 * files):
                    source = files_of(self.words, self.folder / f"in-{count}-{lines}", count, lines)
                    output = self.folder / "out"
                    began = time.perf_counter()
                    run(SleepingJob(str(self.model), str(source), str(output)), engines.Ray(concurrency=ACTORS))
                    taken.append(time.perf_counter() - began)
                    shutil.rmtree(output)
                found.append(files * lines * SECONDS / ACTORS / (taken[1] - taken[0]))
        return {"efficiency": summary(found)}

    def first(self) -> Dict[str, Any]:
        """Seconds to the first output."""
        source = files_of(self.words, self.folder / "in-12-1024", 12, BATCH)
        plain: List[float] = []
        ray: List[float] = []
        for _ in range(self.rounds):
            plain.append(first_output(command(self.model, source, self.folder / "out"), self.folder / "out"))
            flags = ("--engine", "ray", "--concurrency", 2)
            ray.append(first_output(command(self.model, source, self.folder / "out", *flags), self.folder / "out"))
        return compare(plain, ray)

    def memory(self) -> Dict[str, Any]:
        """Peak MB of the driver by the number of files."""
        found = {}
        for files in (100, 1000, 10_000):
            source = files_of(self.words, self.folder / f"in-{files}-10", files, 10)
            words = command(self.model, source, self.folder / "out", "--engine", "ray", "--concurrency", 2)
            found[str(files)] = peak(words)
            shutil.rmtree(self.folder / "out")
        return found


def first_output(words: Sequence[str], output: Path) -> float:
    """Seconds from the start of a command to its first file of predictions."""
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
        while not next((output / "predictions").glob("*.tsv"), None):
            if process.poll() is not None:
                raise WorkError("the command failed before its first output")
            time.sleep(0.005)
        took = time.perf_counter() - began
        process.wait()
    shutil.rmtree(output)
    return took


def peak(words: Sequence[str]) -> float:
    """Peak MB of a command's first process, and of no other."""
    most = 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as one:
        while one.poll() is None:
            with contextlib.suppress(OSError, IndexError, ValueError):
                status = Path(f"/proc/{one.pid}/status").read_text()
                most = int(status.split("VmHWM:")[1].split()[0])
            time.sleep(0.2)
        if one.returncode:
            raise WorkError(f"the command failed: {one.stderr.read().strip().splitlines()[-1:] if one.stderr else ''}")
    return most / 1024


@contextlib.contextmanager
def two_nodes() -> Iterator[None]:
    """A cluster of two raylets with half of the actors' CPUs each, joined by this process."""
    cluster_utils, ray = library("ray.cluster_utils"), library("ray")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # of workers
    sizes = {"num_cpus": ACTORS // NODES, "object_store_memory": 200_000_000, "include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=sizes)
    try:
        for _ in range(NODES - 1):
            cluster.add_node(num_cpus=ACTORS // NODES, object_store_memory=200_000_000)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


def shown(name: str, result: Dict[str, Any]) -> str:
    """A result in a line."""
    if name == "actors":
        one = result["efficiency"]
        return f"actors: {one['median']:.3f} ({one['low']:.3f} to {one['high']:.3f}) of the ideal"
    if name == "memory":
        return "memory: " + ", ".join(f"{count} files {peak:.0f} MB" for count, peak in result.items())
    unit, scale = {"cost": ("us a line", 1e6), "growth": ("lines/s", 1), "first": ("s", 1)}[name]
    baseline, ours = (result[side]["median"] * scale for side in ("baseline", "ours"))
    ratio = result["ratio"]
    span = f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
    return f"{name}: {baseline:.2f} and {ours:.2f} {unit}, ratio {span}"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parts = ["cost", "growth", "actors", "first", "memory"]
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", default=",".join(parts), metavar="A,B,..", help="(default: all)")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a model of characters (default: random weights)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each comparison (default: 5)")
    args = parser.parse_args(argv)
    with one_line_errors("benchmarks.cluster", args.out, "stopped; re-run the command to measure the rest"):
        wanted = [name for name in args.only.split(",") if name]
        unknown = [name for name in wanted if name not in parts]
        if unknown:
            raise UsageError(f"--only {unknown[0]} is no part: use {', '.join(parts)}")
        args.out.mkdir(parents=True, exist_ok=True)
        measure(args, wanted)
    return 0


def measure(args: argparse.Namespace, wanted: Sequence[str]) -> None:
    """Measure what is not in the results yet, and print them."""
    from benchmarks.onnx import alignments, model_of, words_of

    results, model = args.out / "results.json", args.model or args.out / "model.safetensors"
    if not model.exists():
        model_of(alignments()["monotonic attention"]).write(model)
    bench = Bench(model, words_of(20_000), args.out, args.rounds)
    print(json.dumps(machine()), flush=True)
    for name in wanted:
        known = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
        if name not in known:
            shutil.rmtree(args.out / "out", ignore_errors=True)  # of a run that was stopped
            part: Callable[[], Dict[str, Any]] = getattr(bench, name)
            known[name] = part()
            write_whole(results, json.dumps(known, indent=1) + "\n")
        print(shown(name, known[name]), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
