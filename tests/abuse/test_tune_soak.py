"""``s2s tune`` and ``s2s check`` as processes of their own: stopped, killed, resumed."""

import csv
import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

S2S = [sys.executable, "-m", "s2s_plugins"]
TINY = "-- --encoder-hidden-size 16 --decoder-hidden-size 32 --encoder-embed-dim 16 --decoder-embed-dim 16".split()


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text(
        "".join(f"{''.join(word)}\t{' '.join(word).upper()}\n" for word in itertools.product("abcdef", repeat=3))
    )
    return path


def interrupted(command, ready, number):
    """Start a command, and send it a signal once something is there: its exit code, and what it complains of."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 200
    while not ready():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    _, complained = process.communicate(timeout=100)
    return process.returncode, complained


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_search_that_is_stopped_in_parallel_trials_resumes(words, tmp_path, number):
    out = tmp_path / "out"
    command = [*S2S, "tune", words, "--out", out, "--trials", "3", "--jobs", "2", "--updates", "300", *TINY]

    def both_train():
        return all((out / "trials" / f"trial-00{trial}" / "history.jsonl").exists() for trial in (0, 1))

    code, complained = interrupted(list(map(str, command)), both_train, number)
    if number != signal.SIGKILL:
        assert code == 130 and f"resumes in {out}" in complained and "Traceback" not in complained, complained
    time.sleep(5 if number == signal.SIGKILL else 0)  # workers that nobody listens to end
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    with (out / "trials.tsv").open(encoding="utf-8", newline="") as file:
        states = [row["state"] for row in csv.DictReader(file, delimiter="\t")]
    assert len(states) == 3 and set(states) <= {"done", "pruned"} and states[0] == "done"
    assert (out / "best.sh").read_text().startswith(f"s2s train {words} --out {out}-best --updates 300 -- ")
    assert not [name for name in os.listdir(out / "trials" / "trial-000") if name.endswith(".pt")]


@pytest.mark.soak
def test_a_check_that_is_stopped_resumes(words, tmp_path):
    out = tmp_path / "out"
    command = list(map(str, [*S2S, "check", words, "--out", out, "--folds", "2", "--updates", "200", *TINY]))
    history = out / "model-2" / "checkpoints" / "model-1" / "history.jsonl"
    code, complained = interrupted(command, history.exists, signal.SIGINT)
    assert code == 130 and "the same command resumes" in complained and "Traceback" not in complained
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0 and "train-1: done before" in done.stdout and "train-2, resumed" in done.stdout
    assert len((out / "check.tsv").read_text().splitlines()) == 6**3 + 1
