"""kill -9 at any moment, and the same command again: the result is that of a run nobody touched."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Sequence

import pytest
import torch
from conftest import USER_DIR, digit_pairs, preprocess

pytestmark = pytest.mark.soak
BIN = Path(sys.executable).parent
MOMENTS = range(5)


def start(command: Sequence[object], **streams) -> subprocess.Popen:
    words = [str(BIN / str(command[0])), *map(str, command[1:])]
    # a session of its own, so that all its processes can be killed in one moment, as by a power cut
    return subprocess.Popen(words, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, **streams)


def finish(command: Sequence[object], **streams) -> float:
    """Run to the end; the seconds that it took."""
    began = time.monotonic()
    with start(command, stderr=subprocess.PIPE, **streams) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    return time.monotonic() - began


def kill_in(command: Sequence[object], seconds: float, **streams) -> bool:
    """Kill it after so many seconds; whether it was still at work."""
    with start(command, stderr=subprocess.DEVNULL, **streams) as process:
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def moments(kind: str, whole: float) -> List[float]:
    draw = random.Random(kind)
    return [whole * (0.35 + 0.65 * draw.random()) for _ in MOMENTS]


def checksums(folder: Path) -> dict:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def pairs(commands):
    return preprocess(
        commands, commands.folder / "many", digit_pairs(3000, 1), digit_pairs(50, 2), digit_pairs(2000, 3)
    )


def test_a_killed_training_resumes_to_the_same_weights(pairs, tmp_path):
    def command(save_dir: Path) -> list:
        return [
            *("fairseq-train", pairs, "--user-dir", USER_DIR, "--arch", "attention_lstm_tiny", "--optimizer", "adam"),
            *("--lr", "0.01", "--max-tokens", "200", "--max-update", "220", "--save-interval-updates", "20"),
            *("--keep-interval-updates", "1", "--dropout", "0.2", "--num-workers", "0", "--save-dir", save_dir),
        ]

    streams = {"stdout": subprocess.DEVNULL}
    whole = finish(command(tmp_path / "whole"), **streams)
    expected = torch.load(tmp_path / "whole" / "checkpoint_last.pt", weights_only=True)["model"]
    killed = 0
    for number, seconds in enumerate(moments("train", whole)):
        folder = tmp_path / str(number)
        killed += kill_in(command(folder), seconds, **streams)
        finish(command(folder), **streams)
        found = torch.load(folder / "checkpoint_last.pt", weights_only=True)["model"]
        assert all(torch.equal(expected[name], found[name]) for name in expected), seconds
        left = [path.name for path in folder.iterdir() if path.suffix != ".pt" or path.name.startswith(".")]
        assert left == [], seconds
    assert killed >= 3


def test_a_killed_preparation_is_done_again_to_the_same_data(tmp_path):
    draw = random.Random(1)
    text = ["text\tlabel"]
    text += [f"{' '.join(f'w{draw.randrange(3000)}' for _ in range(60))}\t{draw.choice('ab')}" for _ in range(20_000)]
    (tmp_path / "t.tsv").write_text("\n".join(text) + "\n")

    def command(dest: Path) -> list:
        return ["s2s", "prepare", "--train", tmp_path / "t.tsv", "--level", "word", "--dest", dest]

    streams = {"stdout": subprocess.DEVNULL}
    whole = finish(command(tmp_path / "whole"), **streams)
    expected = checksums(tmp_path / "whole")
    killed = 0
    for number, seconds in enumerate(moments("prepare", whole)):
        folder = tmp_path / f"out{number}"
        killed += kill_in(command(folder), seconds, **streams)
        assert not folder.exists() or checksums(folder) == expected, seconds
        finish(command(folder), **streams)
        assert checksums(folder) == expected, seconds
    assert killed >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"out{n}" for n in MOMENTS), "t.tsv", "whole"]


def test_a_killed_comparison_resumes_to_the_same_numbers(pairs, tmp_path):
    import json

    def command(out: Path) -> list:
        return ["s2s", "compare", pairs, "--archs", "peek_lstm_tiny,basic_lstm_tiny", "--updates", 40, "--out", out]

    def numbers(out: Path) -> list:
        results = json.loads((out / "results.json").read_text())
        return [(system["name"], system["scores"] if "scores" in system else None) for system in results["systems"]] + [
            results["subsets"][0]["samples"]
        ]

    streams = {"stdout": subprocess.DEVNULL}
    whole = finish(command(tmp_path / "whole"), **streams)
    killed = 0
    for number, seconds in enumerate(moments("compare", whole)):
        folder = tmp_path / str(number)
        killed += kill_in(command(folder), seconds, **streams)
        finish(command(folder), **streams)
        assert numbers(folder) == numbers(tmp_path / "whole"), seconds
    assert killed >= 3


def test_a_killed_prediction_has_written_the_first_lines_and_the_rest_can_be_asked_for(commands, trained, tmp_path):
    draw = random.Random(2)
    lines = [" ".join(str(draw.randrange(10)) for _ in range(draw.randint(1, 6))) for _ in range(30_000)]
    (tmp_path / "in.txt").write_text("".join(line + "\n" for line in lines))
    command = ["s2s", "predict", trained["peek_lstm"], "--beam", "1"]

    def run(source: str, out: str, seconds=None):
        with (tmp_path / source).open("rb") as stdin, (tmp_path / out).open("wb") as stdout:
            return (finish if seconds is None else lambda c, **s: kill_in(c, seconds, **s))(
                command, stdin=stdin, stdout=stdout
            )

    whole = run("in.txt", "whole.txt")
    expected = (tmp_path / "whole.txt").read_bytes()
    killed = 0
    for seconds in moments("predict", whole):
        killed += run("in.txt", "part.txt", seconds)
        part = (tmp_path / "part.txt").read_bytes()
        assert expected.startswith(part), seconds
        done = part.count(b"\n")
        (tmp_path / "rest.txt").write_text("".join(line + "\n" for line in lines[done:]))
        run("rest.txt", "end.txt")
        kept = b"".join(part.splitlines(keepends=True)[:done])
        assert kept + (tmp_path / "end.txt").read_bytes() == expected, seconds
    assert killed >= 3
