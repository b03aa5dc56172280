"""The parent's end of the workers, and processes whose peak memory is measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from s2s_plugins.errors import WorkError

ROOT = Path(__file__).resolve().parent.parent
USER_DIR = str(ROOT / "s2s_plugins")


def environment(ours: bool, threads: int) -> Dict[str, str]:
    """The environment of a worker or command of one side."""
    result = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    result.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    if not ours:
        # torch >= 2.6 refuses fairseq's own checkpoints; this is what people without the plugin set
        result["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    return result


class Worker:
    """A process that builds and runs the systems of one side, a request at a time.

    Args:
        ours: whether it imports the plugin.
        threads: of torch.
        log: where everything that it prints goes.
    """

    def __init__(self, ours: bool, threads: int, log: Path) -> None:
        self.name, self.log = "our" if ours else "baseline", log
        command = [sys.executable, "-m", "benchmarks.worker", "--threads", str(threads)]
        with open(log, "ab") as stream:
            self.process = subprocess.Popen(
                command + (["--plugin"] if ours else []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                cwd=ROOT,
                env=environment(ours, threads),
                start_new_session=True,  # Ctrl-C is the parent's, who ends it
            )
        assert self.process.stdin is not None and self.process.stdout is not None, "both are pipes"
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, do: str, **arguments):
        """Send one request and wait for its answer.

        Raises:
            WorkError: the worker could not do it, or is gone.
        """
        try:
            self.requests.write(json.dumps({"do": do, **arguments}) + "\n")
            self.requests.flush()
            line = self.answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkError(f"the {self.name} worker ended at `{do}`: see {self.log}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkError(f"the {self.name} worker failed at `{do}`: {answer['error']}: see {self.log}")
        return answer["result"]

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.requests.close()
        end(self.process)


def end(process: subprocess.Popen) -> None:
    """Terminate a process and its children, and kill them after a few seconds."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, kind)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@dataclass
class Finished:
    """What a command used.

    Args:
        peak: bytes of its largest resident size.
        seconds: from start to end.
    """

    peak: int
    seconds: float


def run_command(command: List[str], ours: bool, threads: int, log: Path, cwd: Optional[Path] = None) -> Finished:
    """Run a command of one side to its end, output to ``log``.

    Raises:
        WorkError: its exit code is not 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment(ours, threads),
            start_new_session=True,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)  # this child's own peak, not that of all children so far
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            end(process)
            raise
    if process.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1] if lines else "no output"
        raise WorkError(f"{' '.join(command[1:4])} ended with exit code {process.returncode}: {last}: see {log}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Finished(peak=usage.ru_maxrss * unit, seconds=time.perf_counter() - started)
