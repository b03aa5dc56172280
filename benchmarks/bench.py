"""What the parts of a run share: workers, data, trained models, progress."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from benchmarks import data
from benchmarks.client import Worker
from benchmarks.systems import BASELINE, SYSTEMS, TRAINING_FLAGS, Scale, Shape

SECONDS_BETWEEN_LINES = 5


class Progress:
    """Prints the progress of a run, and an estimate of the time left.

    Args:
        expected: seconds of each part that is to run, in order.
    """

    def __init__(self, expected: Dict[str, float]) -> None:
        self.expected = dict(expected)
        self.began = time.monotonic()
        self.done = 0.0  # expected seconds of the finished parts, against the real ones for the pace
        self.part, self.part_began, self.shown = "", self.began, 0.0

    def start(self, part: str) -> None:
        self.part, self.part_began, self.shown = part, time.monotonic(), 0.0
        self.at(0.0, "begins")

    def finish(self) -> None:
        self.at(1.0, f"done in {clock(time.monotonic() - self.part_began)}", always=True)
        self.done += self.expected[self.part]

    def at(self, share: float, text: str, always: bool = False) -> None:
        """Report that ``share`` of the current part is done, from 0 to 1; prints a line every few seconds."""
        now = time.monotonic()
        if not always and now - self.shown < SECONDS_BETWEEN_LINES:
            return
        self.shown = now
        known = self.done + share * self.expected[self.part]
        rest = sum(self.expected.values()) - known
        pace = (now - self.began) / known if known > 0.1 * sum(self.expected.values()) else 1.0
        left = f"about {clock(rest * pace)} left" if rest > 0.5 else "nothing left"
        print(f"[{clock(now - self.began)}] {self.part}: {text}; {left}", flush=True)


def clock(seconds: float) -> str:
    """``75`` -> ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Bench:
    """One run.

    Args:
        out: the output folder.
        scale: how much is measured.
        threads: of each process.
        rounds: how often each pair is measured.
        quick: made-up data in the place of CMUdict.
        g2p_bin: a folder of fairseq-preprocess, or None to make it.
        progress: of the run.
    """

    def __init__(
        self,
        out: Path,
        scale: Scale,
        threads: int,
        rounds: int,
        quick: bool,
        g2p_bin: Optional[Path],
        progress: Progress,
    ) -> None:
        self.out, self.scale, self.threads, self.rounds, self.quick = out, scale, threads, rounds, quick
        self.given_g2p, self.progress = g2p_bin, progress
        self.workers: Dict[bool, Worker] = {}
        self.hello: Dict[bool, dict] = {}

    def start(self) -> None:
        """Start both workers and ask what they run on."""
        logs = self.out / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for ours in (False, True):
            self.workers[ours] = Worker(ours, self.threads, logs / ("ours.log" if ours else "baseline.log"))
        for ours, worker in self.workers.items():
            self.hello[ours] = worker.ask("hello")

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.stop()

    def worker(self, name: str) -> Worker:
        """The worker of a system."""
        return self.workers[SYSTEMS[name].ours]

    def drop(self) -> None:
        """Let both workers forget their systems."""
        for worker in self.workers.values():
            worker.ask("drop")

    @property
    def baseline(self) -> Worker:
        return self.workers[False]

    @property
    def bf16(self) -> bool:
        """Whether this machine computes in bfloat16."""
        return self.hello[True]["bf16"]

    def g2p(self) -> dict:
        """Training data of the g2p shape."""
        folder = data.g2p_folder(self.out, self.given_g2p, self.quick, self.baseline)
        return {"kind": "folder", "path": str(folder), "split": "train"}

    def test(self) -> dict:
        """Words to decode."""
        folder = data.first_test_words(self.out, Path(self.g2p()["path"]), self.scale, self.baseline)
        return {"kind": "folder", "path": str(folder), "split": "test"}

    def batches(self, what: dict, max_tokens: int, count: int, seed: int = 1) -> List[List[int]]:
        """Batches for both sides."""
        return self.baseline.ask("batches", data=what, max_tokens=max_tokens, count=count, seed=seed)

    def flags(self, name: str, shape: Optional[Shape] = None) -> List[str]:
        """fairseq-train's flags of a system, by default in the g2p shape."""
        return (shape or self.scale.g2p).flags(SYSTEMS[name]) + TRAINING_FLAGS

    def models(self, names: Sequence[str], share: float) -> Dict[str, str]:
        """Checkpoints of the systems, each trained once; ``share`` of the current part's time goes into them."""
        found = {}
        for done, name in enumerate(names):
            path = self.out / "models" / f"{SYSTEMS[name].file_name}.pt"
            found[name] = str(path)
            if path.exists():
                continue
            updates, max_tokens = self.scale.model_updates, self.scale.model_max_tokens
            self.progress.at(share * done / len(names), f"training {name} for {updates} updates, to decode with")
            what = self.g2p()
            flags = [*self.flags(name), "--max-tokens", str(max_tokens), "--lr", "0.003"]
            batches = self.batches(what, max_tokens, updates)
            self.worker(name).ask("train", flags=flags, data=what, batches=batches, path=str(path))
        return found


def in_turn(name: str) -> List[str]:
    """Baseline first, then the system: a pair."""
    return [BASELINE, name]
