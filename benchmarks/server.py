"""Words per second of ``s2s serve`` under many clients, beside those of ``s2s predict``, in turn in one run.

    python -m benchmarks.server g2p.safetensors --words words.txt

Each client sends a word at a time and waits for its answer; the clients run in a process of their own, on the same
machine. What ``s2s predict`` needs to start is not counted. Both have one thread for the model. Each answer of the
server has to be that of ``s2s predict``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from benchmarks.client import ROOT
from benchmarks.machine import machine
from benchmarks.pairs import compare, percentile
from s2s_plugins.errors import UsageError, WorkError, one_line_errors

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Served:
    """A server that runs.

    Args:
        model: the file.
        backend: what computes.
    """

    def __init__(self, model: Path, backend: Optional[str]) -> None:
        command = [sys.executable, "-m", "s2s_plugins", "serve", str(model), "--port", "0", *_backend(backend)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        if "http://127.0.0.1:" not in line:
            raise WorkError(f"the server did not start: {line.strip()}")
        self.port = line.split("127.0.0.1:")[1].split()[0]

    def ask(self, words: List[str], clients: int) -> Dict[str, Any]:
        """What the clients found: seconds in all, of each request, and the answers by word."""
        command = [sys.executable, "-m", "benchmarks.http_client", self.port, str(clients)]
        done = subprocess.run(command, input="\n".join(words), text=True, capture_output=True, cwd=ROOT)
        if done.returncode:
            raise WorkError(f"the clients failed: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads(done.stdout)

    def memory(self) -> float:
        """Of the process now, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> int:
        """End it, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def _backend(backend: Optional[str]) -> List[str]:
    return [] if backend is None else ["--backend", backend]


def predicted(model: Path, words: List[str], backend: Optional[str]) -> "tuple[float, Dict[str, str]]":
    """Seconds that ``s2s predict`` takes for the words, without its start, and what it says."""
    command = [sys.executable, "-m", "benchmarks.server", str(model), "--predict", *_backend(backend)]
    text = "".join(f"{word}\n" for word in words)
    done = subprocess.run(command, input=text, text=True, capture_output=True, cwd=ROOT, env=ENVIRONMENT, check=True)
    found = json.loads(done.stdout)
    return found["seconds"], found["answers"]


def predict(model: Path, backend: Optional[str]) -> None:
    """What :func:`predicted` runs in a process: the loop of ``s2s predict``."""
    from s2s_plugins.cli.opening import open_translator
    from s2s_plugins.inference.predictions import Options, predict_lines

    translator = open_translator([str(model)], backend)
    list(translator.predict(["warm", "up"]))
    began = time.perf_counter()
    answers = [line for lines in predict_lines(translator, sys.stdin.buffer, Options()) for line in lines]
    seconds = time.perf_counter() - began
    json.dump(
        {"seconds": seconds, "answers": dict(line.split("\t") for lines in answers for line in lines)}, sys.stdout
    )


def measure(args: argparse.Namespace, words: List[str]) -> None:
    """Both in turn, and a line for each round."""
    server = Served(args.model, args.backend)
    try:
        server.ask(words[: args.clients], args.clients)
        memory = server.memory()
        alone: List[float] = []
        served: List[float] = []
        seconds: List[float] = []
        for number in range(args.rounds):
            took, expected = predicted(args.model, words, args.backend)
            found = server.ask(words, args.clients)
            wrong = [word for word in expected if found["answers"][word] != expected[word]]
            if wrong:
                raise WorkError(f"{len(wrong)} answers are not those of s2s predict, the first for {wrong[0]}")
            alone.append(len(words) / took)
            served.append(len(words) / found["total"])
            seconds += found["seconds"]
            print(f"round {number + 1}: s2s predict {alone[-1]:.0f} words/s, the server {served[-1]:.0f}", flush=True)
        compared = compare(alone, served)
        print(f"words/s    s2s predict {compared['baseline']['median']:.0f}, server {compared['ours']['median']:.0f}")
        ratio = compared["ratio"]
        print(f"ratio      {ratio['median']:.2f} (from {ratio['low']:.2f} to {ratio['high']:.2f})")
        print(f"answer     p50 {1000 * percentile(seconds, 0.5):.0f} ms, p99 {1000 * percentile(seconds, 0.99):.0f} ms")
        print(f"memory     {memory:.0f} MB before, {server.memory():.0f} MB after {args.rounds * len(words)} requests")
        print("answers    all are those of s2s predict")
    finally:
        code = server.stop()
    print(f"exit code  {code}")


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.server", description=__doc__)
    add = parser.add_argument
    add("model", type=Path, help="a translator's model file")
    add("--words", type=Path, metavar="F", help="a word a line")
    add("--clients", type=int, default=200, metavar="N", help="at once (default: 200)")
    add("--rounds", type=int, default=5, metavar="N", help="(default: 5)")
    add("--backend", help="as of s2s serve")
    add("--predict", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    with one_line_errors("benchmarks.server", args.model):
        if args.predict:
            predict(args.model, args.backend)
            return 0
        if args.words is None:
            raise UsageError("--words is missing: name a file with a word a line")
        words = list(dict.fromkeys(args.words.read_text(encoding="utf-8").split()))
        print(f"{machine()['cpu']}, {len(words)} words, {args.clients} clients")
        measure(args, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
