"""One side of the comparison, in a process of its own: fairseq as it is, or with our plugin imported.

The plugin repairs and tunes fairseq when it is imported; the baseline must run without.

Reads a JSON object a line from stdin, ``{"do": NAME, ...arguments}``, and answers ``{"result": ...}`` or
``{"error": "one line"}`` on what was its stdout; everything else that is printed goes to stderr, the log.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Match, Optional

if TYPE_CHECKING:
    from benchmarks.lab import Decoding, Training

HANDLERS: Dict[str, Callable] = {}
TRANSLATED = re.compile(r"Translated ([\d,]+) sentences \(([\d,]+) tokens\) in [\d.]+s \(([\d.]+) sentences/s")


def handler(function: Callable) -> Callable:
    """Let requests call ``function`` by its name."""
    HANDLERS[function.__name__] = function
    return function


class Worker:
    """The systems that requests work on, by name."""

    def __init__(self, plugin: bool) -> None:
        self.plugin = plugin
        self.trainings: Dict[str, Training] = {}
        self.decodings: Dict[str, Decoding] = {}


@handler
def hello(worker: Worker) -> dict:
    """The device and versions of this side."""
    import torch

    from benchmarks.lab import DEVICE

    answer = {
        "plugin": "s2s_plugins" in sys.modules,
        "device": torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "bf16": None,
        "int8": None,
    }
    if worker.plugin:
        from s2s_plugins.models.adapters import Autocast
        from s2s_plugins.nn.fast.weights import Int8Weight

        answer["bf16"] = bool(Autocast.supported(DEVICE))
        answer["int8"] = bool(Int8Weight.supported(DEVICE))
    return answer


@handler
def preprocess(worker: Worker, arguments: List[str]) -> None:
    """fairseq-preprocess."""
    from fairseq import options
    from fairseq_cli.preprocess import main

    main(options.get_preprocessing_parser().parse_args(arguments))


@handler
def subset(worker: Worker, source: str, target: str, split: str, count: int) -> int:
    """Write the first ``count`` sentences of a split of data folder ``source`` as data folder ``target``."""
    import shutil

    from fairseq.data import data_utils, indexed_dataset

    languages = data_utils.infer_language_pair(source)
    os.makedirs(target, exist_ok=True)
    for language in languages:
        shutil.copy(f"{source}/dict.{language}.txt", target)
        prefix = f"{split}.{languages[0]}-{languages[1]}.{language}"
        sentences = data_utils.load_indexed_dataset(f"{source}/{prefix}", dataset_impl="mmap")
        builder = indexed_dataset.make_builder(f"{target}/{prefix}.bin", impl="mmap", vocab_size=2**15)
        count = min(count, len(sentences))
        for number in range(count):
            builder.add_item(sentences[number])
        builder.finalize(f"{target}/{prefix}.idx")
    return count


@handler
def batches(worker: Worker, data: dict, max_tokens: int, count: int, seed: int) -> List[List[int]]:
    """Sentence numbers of batches, for both sides to use."""
    from benchmarks.lab import choose_batches

    return choose_batches(data, max_tokens, count, seed)


@handler
def build(worker: Worker, name: str, flags: List[str], data: dict, batches: List[List[int]]) -> dict:
    """A system to train."""
    from benchmarks.lab import Training

    training = worker.trainings[name] = Training(flags, data, batches)
    return {
        "parameters": training.parameters(),
        "shapes": [training.shape(batch) for batch in range(len(batches))],
        "tokens": [training.tokens(batch) for batch in range(len(batches))],
        "vocabulary": len(training.task.target_dictionary),
        "sees": asdict(training.sees()),
    }


@handler
def step(worker: Worker, name: str, batch: int, count: int = 1, without: Optional[str] = None) -> List[float]:
    """Seconds of each of ``count`` updates on a batch, ``without`` one of our side's switches."""
    training = worker.trainings[name]
    if without is None:
        return [training.step(batch) for _ in range(count)]
    from benchmarks.switches import switched_off

    with switched_off(without):
        return [training.step(batch) for _ in range(count)]


@handler
def loss(worker: Worker, name: str, batch: int) -> float:
    """Loss per token on a batch."""
    return worker.trainings[name].loss(batch)


@handler
def drop(worker: Worker) -> None:
    """Forget all systems."""
    worker.trainings.clear()
    worker.decodings.clear()


@handler
def train(worker: Worker, flags: List[str], data: dict, batches: List[List[int]], path: str) -> float:
    """Train a system on each batch once, save it, and answer with its last loss."""
    from benchmarks.lab import Training

    training = Training(flags, data, batches)
    for batch in range(len(batches)):
        training.step(batch)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    training.save(path + ".partial")
    os.replace(path + ".partial", path)
    return training.loss(len(batches) - 1)


class _Translated(logging.Handler):
    """Keeps the line in which fairseq-generate logs its speed."""

    line: Optional[Match[str]] = None

    def emit(self, record: logging.LogRecord) -> None:
        found = TRANSLATED.search(record.getMessage())
        if found:
            self.line = found


@handler
def generate(worker: Worker, arguments: List[str]) -> dict:
    """fairseq-generate: its own sentences a second, the call's seconds, and the mean length of a hypothesis."""
    from fairseq_cli.generate import main

    from benchmarks.lab import generation_config

    # in this process: with fairseq's default, a loader process that takes seconds to end would be part of the time
    cfg = generation_config(*arguments, "--no-progress-bar", "--num-workers", "0")
    translated = _Translated()
    logger = logging.getLogger("fairseq_cli.generate")
    logger.addHandler(translated)
    started = time.perf_counter()
    try:
        main(cfg)
    finally:
        logger.removeHandler(translated)
    wall = time.perf_counter() - started
    if translated.line is None:
        raise RuntimeError("fairseq-generate has not logged its speed")
    sentences, tokens = (int(number.replace(",", "")) for number in translated.line.group(1, 2))
    return {"rate": float(translated.line.group(3)), "wall": wall, "sentences": sentences, "length": tokens / sentences}


@handler
def load(
    worker: Worker,
    name: str,
    data: dict,
    batches: List[List[int]],
    checkpoint: Optional[str] = None,
    flags: Optional[List[str]] = None,
    weights: str = "full",
) -> None:
    """A system to decode with, from a checkpoint or untrained."""
    from benchmarks.lab import Decoding

    worker.decodings[name] = Decoding(data, batches, checkpoint, flags, weights)


@handler
def decode(
    worker: Worker, name: str, batches: List[int], beam: int, length: Optional[int] = None, plain: bool = False
) -> dict:
    """Seconds of each batch, and each sentence's best hypothesis; ``plain``: by fairseq's search."""
    decoding = worker.decodings[name]
    generator = decoding.generator(beam, length, plain)
    runs = [decoding.decode(generator, batch) for batch in batches]
    best = [
        {"tokens": hypotheses[0]["tokens"].tolist(), "score": float(hypotheses[0]["score"])}
        for _, found in runs
        for hypotheses in found
    ]
    return {"seconds": [seconds for seconds, _ in runs], "best": best}


@handler
def profile_training(worker: Worker, name: str, count: int) -> dict:
    """The operations in which ``count`` updates spend their time."""
    from benchmarks.profiling import shares

    training = worker.trainings[name]
    return shares(lambda: [training.step(batch) for batch in range(count)], decoding=False)


@handler
def profile_decoding(worker: Worker, name: str, count: int, beam: int) -> dict:
    """The operations in which ``count`` batches spend their time."""
    from benchmarks.profiling import shares

    decoding = worker.decodings[name]
    generator = decoding.generator(beam)
    return shares(lambda: [decoding.decode(generator, batch) for batch in range(count)], decoding=True)


@handler
def gemm(worker: Worker, rows: int, inner: int, columns: int, kind: str) -> float:
    """GFLOP/s of a matrix product of numbers of that kind."""
    from benchmarks import profiling

    return profiling.gemm(rows, inner, columns, kind)


@handler
def checks(worker: Worker, **subject) -> List[dict]:
    """The fast paths against the slow ones."""
    from benchmarks.same import Subject, run_checks

    return run_checks(Subject(**subject))


def serve(worker: Worker, requests, answers) -> None:
    """Answer requests until there are no more."""
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"result": HANDLERS[request.pop("do")](worker, **request)}
        except (Exception, SystemExit) as error:  # fairseq's parsers exit
            traceback.print_exc()
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, required=True, metavar="N", help="of torch")
    parser.add_argument("--plugin", action="store_true", help="import s2s_plugins")
    args = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    import torch

    torch.set_num_threads(args.threads)
    if args.plugin:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        import s2s_plugins  # noqa: F401
    serve(Worker(args.plugin), sys.stdin, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
