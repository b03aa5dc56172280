"""Prediction by ONNX Runtime beside PyTorch, of one model file, in turn in one run.

    python -m benchmarks.onnx [MODEL.safetensors WORDS.txt]

By default the model has the sizes of the one that ``examples/g2p`` trains, random weights, and outputs of ten tokens;
its words are random too. One thread. Times are of the processor; those of a whole process, from its start to its first
prediction, are on the clock, with its peak memory (Linux).
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch

import s2s_plugins
from benchmarks.machine import machine
from benchmarks.pairs import compare
from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.files.facts import About, Side, TranslatorFacts
from s2s_plugins.inference.files.model_file import Member, ModelFile, read_model_file
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.inference.torch.backend import weights_of
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.nn.settings import (
    AttentionSettings,
    DecoderSettings,
    OutputSettings,
    Seq2SeqSettings,
    StackSettings,
    TokenSettings,
)

BACKENDS = ("torch", "onnx")  # the first one is the baseline
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
LONGEST = 10  # tokens of an output
FIRST = """
import sys, s2s_plugins
s2s_plugins.load(sys.argv[1], sys.argv[2]).predict(sys.argv[3])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def alignments() -> Dict[str, AttentionSettings]:
    return {
        "monotonic attention": AttentionSettings("general", "after", "monotonic"),
        "soft attention": AttentionSettings("general", "after"),
        "additive attention before the step": AttentionSettings("additive", "before", dim=256),
    }


def model_of(attention: AttentionSettings) -> ModelFile:
    """A model of the sizes of ``examples/g2p``, with random weights."""
    symbols = [f"P{place}" for place in range(40)]
    output = OutputSettings(256, False, None, 0.0)
    tokens = TokenSettings(len(LETTERS) + 4, len(symbols) + 4, output)
    kind = "attention" if attention.alignment == "soft" else "hard_attention"
    settings = Seq2SeqSettings(
        StackSettings(128, 128, layers=2, bidirectional=True),
        DecoderSettings(kind, StackSettings(128, 256), 256, "dense", attention=attention),
        tokens=tokens,
    )
    torch.manual_seed(1)
    module = build_seq2seq(settings).eval()
    weights = {name: values.numpy().astype(np.float32) for name, values in weights_of(module).items()}
    source, target = Side(tuple(LETTERS), "char"), Side(tuple(symbols))
    facts = TranslatorFacts(source, target, longest_source=100, longest_target=LONGEST + 1)
    return ModelFile(facts, About("attention_lstm"), (Member(settings, graphs_of(module), weights),))


def words_of(count: int) -> List[str]:
    """Random words of 4 to 12 letters."""
    draw = random.Random(1)
    return ["".join(draw.choices(LETTERS, k=draw.randint(4, 12))) for _ in range(count)]


def measure(runs: Dict[str, Callable[[], int]], rounds: int) -> Dict[str, List[float]]:
    """What each run gives a second of the processor, in turn; the first round warms up."""
    found: Dict[str, List[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            began = time.process_time()
            count = run()
            if turn:
                found[name].append(count / (time.process_time() - began))
    return found


def in_batches(model: Any, words: List[str]) -> Callable[[], int]:
    return lambda: len(list(model.predict(words, beam=5)))


def one_by_one(model: Any, words: List[str]) -> Callable[[], int]:
    return lambda: len([model.predict(word, beam=5) for word in words[: len(words) // 8]])


def first_prediction(path: str, backend: str, word: str) -> Tuple[float, float]:
    """Seconds and peak MB of a process that opens the model and predicts a word."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    command = [sys.executable, "-c", FIRST, path, backend, word]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return time.perf_counter() - began, int(done.stdout) / 1024


def report(title: str, path: str, words: List[str], rounds: int, folder: str, trained: bool = False) -> None:
    """Print the rows of one model; ``folder`` is for files. Outputs are compared of a trained one: those of random
    weights lie too close."""
    write_onnx_folder(read_model_file(path), folder, int8=True)
    models: Dict[str, Any] = {name: s2s_plugins.load(path, name) for name in BACKENDS}
    models["int8"] = s2s_plugins.load(folder)
    for row, make in (("words/s, batches of 64", in_batches), ("words/s, one at a time", one_by_one)):
        found = measure({name: make(model, words) for name, model in models.items()}, rounds)
        for name in ("onnx", "int8"):
            one = compare(found["torch"], found[name])
            speeds = (f"{one[side]['median']:.0f}" for side in ("baseline", "ours"))
            ratio = one["ratio"]
            span = f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
            print(f"| {title} | {row} | {name} | {' | '.join(speeds)} | {span} |", flush=True)
    starts = {name: [first_prediction(path, name, words[0]) for _ in range(rounds)] for name in BACKENDS}
    for row, place, form in (("s to the first prediction", 0, ".2f"), ("MB, its peak memory", 1, ".0f")):
        values = [sorted(one[place] for one in starts[name])[rounds // 2] for name in BACKENDS]
        print(f"| {title} | {row} | onnx | {' | '.join(format(value, form) for value in values)} | |", flush=True)
    if not trained:
        return
    best = {name: [one.text for one in model.predict(words)] for name, model in models.items()}
    for name in ("onnx", "int8"):
        same = sum(one == other for one, other in zip(best[name], best["torch"]))
        print(f"| {title} | same best outputs, % | {name} | | {100 * same / len(words):.1f} | |", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.onnx", description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a model file (default: random ones)")
    parser.add_argument("words", nargs="?", type=Path, metavar="WORDS", help="its inputs, one a line")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="pairs of measurements (default: 5)")
    parser.add_argument("--count", type=int, default=640, metavar="N", help="words in a measurement (default: 640)")
    return parser.parse_args()


def main(args: Optional[argparse.Namespace] = None) -> int:
    args = parse() if args is None else args
    torch.set_num_threads(1)
    print(f"{machine()['cpu']}, one thread, torch {torch.__version__}\n")
    print("| model | | | torch | this | ratio |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        small = str(Path(folder) / "int8")
        if args.model:
            words = args.words.read_text(encoding="utf-8").splitlines() if args.words else words_of(args.count)
            report(Path(args.model).stem, args.model, words[: args.count], args.rounds, small, trained=True)
            return 0
        for title, attention in alignments().items():
            path = str(Path(folder) / "model.safetensors")
            model_of(attention).write(path)
            report(title, path, words_of(args.count), args.rounds, small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
