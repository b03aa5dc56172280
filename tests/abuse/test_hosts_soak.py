"""``torchrun`` over two hosts with addresses and folders of their own: the result of one process, and lost hosts."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest
import torch
from conftest import USER_DIR
from hosts import HOSTS, cut_link, in_host, kill, two_hosts

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
PORT, UPDATES = 29400, 50
BIN = os.path.dirname(sys.executable)
FLAGS = "--optimizer adam --lr 0.01 --batch-size 4 --max-update 50 --seed 1 --num-workers 0 --log-format simple".split()
FLAGS += "--save-interval-updates 10 --no-epoch-checkpoints --dropout 0 --required-batch-size-multiple 1".split()


@pytest.fixture
def hosts():
    with two_hosts() as names:
        yield names


@pytest.fixture
def folders(digits, tmp_path):
    """A copy of the data for each host, which shares nothing with the other."""
    found = []
    for name in HOSTS:
        shutil.copytree(digits, tmp_path / name / "data")
        found.append(tmp_path / name)
    return found


def launch(hosts, folders, *flags, processes=2):
    """``torchrun`` on each host."""
    head = next(iter(HOSTS.values()))
    started = []
    for name, folder in zip(hosts, folders):
        rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{head}:{PORT}", "--rdzv-id", "digits"]
        # both namespaces have this machine's name, by which torchrun knows whether it is the head
        rendezvous += ["--local-addr", HOSTS[name], "--rdzv-conf", f"is_host={int(HOSTS[name] == head)}"]
        command = [*in_host(name), f"{BIN}/torchrun", "--nnodes", "2", "--nproc-per-node", str(processes), *rendezvous]
        command += [f"{BIN}/fairseq-train", str(folder / "data"), "--user-dir", USER_DIR, *FLAGS, *flags]
        command += ["--save-dir", str(folder / "checkpoints")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}
        out = open(folder / "out", "a")  # noqa: SIM115 (the process has it)
        started.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder))
    return started


def finished(started, folders, seconds=300):
    """The exit codes."""
    ends = time.time() + seconds
    codes = [one.wait(timeout=max(1, ends - time.time())) for one in started]
    assert codes == [0, 0], "\n".join((folder / "out").read_text()[-3000:] for folder in folders)


def weights(folder):
    return torch.load(folder / "checkpoints" / "checkpoint_last.pt", weights_only=True)["model"]


def alone(commands, digits, folder, *flags):
    """The weights of one process with the same global batch."""
    flags = [*FLAGS, *flags, "--update-freq", 4]
    command = ("fairseq-train", digits, "--user-dir", USER_DIR, *flags, "--save-dir", folder / "checkpoints")
    commands(*command)
    return weights(folder)


def assert_same(found, expected):
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, atol=1e-4, rtol=1e-4)


ARCH = ("--arch", "attention_lstm_tiny")


@pytest.mark.parametrize("more", [(), ("--ddp-backend", "legacy_ddp")], ids=" ".join)
def test_two_hosts_train_what_one_process_trains(hosts, folders, commands, digits, tmp_path, more):
    finished(launch(hosts, folders, *ARCH, *more), folders)
    assert_same(weights(folders[0]), alone(commands, digits, tmp_path / "alone", *ARCH))
    assert not (folders[1] / "checkpoints" / "checkpoint_last.pt").exists()  # the first process alone writes


@pytest.mark.parametrize("how", ["killed", "cut"])
def test_a_lost_host_ends_the_training_and_it_resumes_to_the_same_result(
    hosts, folders, commands, digits, tmp_path, how
):
    started = launch(hosts, folders, *ARCH)
    last = folders[0] / "checkpoints" / "checkpoint_last.pt"
    ends = time.time() + 200
    while not last.exists() and time.time() < ends:
        time.sleep(0.2)
    assert last.exists(), (folders[0] / "out").read_text()[-3000:]
    if how == "killed":
        kill(hosts[1])
    else:
        cut_link(1)
    lost = time.time()
    code = started[0].wait(timeout=120)
    took = time.time() - lost
    said = (folders[0] / "out").read_text()
    print(f"{how}: the survivor ended behind {took:.0f} s")
    assert code != 0 and took < 60, said[-3000:]
    assert re.search(r"another process of this training is gone", said), said[-5000:]
    assert UPDATES > torch.load(last, weights_only=True)["optimizer_history"][-1]["num_updates"] > 0
    kill(hosts[1])
    for folder in folders:
        (folder / "out").unlink()
    with two_hosts() as again:
        finished(launch(again, folders, *ARCH), folders)
    assert_same(weights(folders[0]), alone(commands, digits, tmp_path / "alone", *ARCH))
