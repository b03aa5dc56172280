"""A training that is killed resumes, and ends with the same result."""

import os
import re
import signal
import subprocess
import sys
import time

import torch
from conftest import USER_DIR


def test_resume_after_kill_continues_to_the_same_loss(commands, digits, tmp_path):
    flags = ("--max-epoch", 40, "--dropout", 0.2, "--save-interval-updates", 3, "--keep-interval-updates", 1)
    whole = commands.train(digits, "attention_lstm_tiny", tmp_path / "whole", *flags)

    killed = tmp_path / "killed"
    command = [os.path.join(os.path.dirname(sys.executable), "fairseq-train"), str(digits), "--user-dir", USER_DIR]
    command += ["--arch", "attention_lstm_tiny", "--save-dir", str(killed), "--optimizer", "adam", "--lr", "0.01"]
    command += ["--max-tokens", "400", "--seed", "1", "--num-workers", "0", "--log-format", "simple"]
    command += ["--no-epoch-checkpoints", *map(str, flags)]
    with open(tmp_path / "killed.log", "w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        deadline = time.monotonic() + 120
        while not (killed / "checkpoint_last.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    state = torch.load(killed / "checkpoint_last.pt", weights_only=True)
    assert process.returncode == -signal.SIGKILL
    assert state["optimizer_history"][-1]["num_updates"] < 80  # it was killed before its end

    resumed = commands.train(digits, "attention_lstm_tiny", killed, *flags)
    assert "Loaded checkpoint" in resumed.out
    pattern = r"\| valid \| epoch 040 .*? loss ([\d.]+)"
    assert re.findall(pattern, resumed.out)[-1] == re.findall(pattern, whole.out)[-1]
    ends = [torch.load(folder / "checkpoint_last.pt", weights_only=True) for folder in (tmp_path / "whole", killed)]
    for name, weight in ends[0]["model"].items():
        torch.testing.assert_close(weight, ends[1]["model"][name], atol=1e-6, rtol=1e-5)
