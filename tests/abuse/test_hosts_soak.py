"""``torchrun`` over two hosts with addresses and folders of their own: the result of one process, and lost hosts."""

import os
import random
import re
import shutil
import subprocess
import sys
import time

import pytest
import torch
import yaml
from conftest import REPOSITORY, USER_DIR
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
    return on_both(digits, tmp_path)


def on_both(data, folder):
    """A copy of the data for each host, which shares nothing with the other."""
    found = []
    for name in HOSTS:
        shutil.copytree(data, folder / name / "data")
        found.append(folder / name)
    return found


@pytest.fixture
def texts(commands, tmp_path):
    """Labelled texts, prepared for pretraining and for classification."""
    draw = random.Random(1)
    rows = []
    for number in range(600):
        words = [f"w{draw.randrange(40)}" for _ in range(draw.randint(2, 8))]
        rows.append(f"{' '.join([*words, 'good' if number % 2 else 'bad'])}\t{number % 2}\n")
    (tmp_path / "texts.tsv").write_text("text\tlabel\n" + "".join(rows))
    commands("s2s", "prepare", "--train", tmp_path / "texts.tsv", "--level", "word", "--dest", tmp_path / "prepared")
    return tmp_path / "prepared"


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


def alone(commands, data, folder, *flags, frequency=4):
    """The weights of one process with the same global batch."""
    flags = [*FLAGS, *flags, "--update-freq", frequency]
    command = ("fairseq-train", data, "--user-dir", USER_DIR, *flags, "--save-dir", folder / "checkpoints")
    commands(*command)
    return weights(folder)


def assert_same(found, expected):
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, atol=1e-4, rtol=1e-4)


def losses(folder):
    """Of the validations."""
    return [float(loss) for loss in re.findall(r"valid on 'valid' subset \| loss ([0-9.]+)", folder.read_text())]


ARCH = ("--arch", "attention_lstm_tiny")
LEGACY = ("--ddp-backend", "legacy_ddp")
TEXT = "--arch sa_lstm_small --decoder-embed-dim 16 --decoder-hidden-size 16 --decoder-dropout-in 0".split()
AUTOENCODING = (*TEXT, "--task", "sequence_autoencoding")
CLASSIFYING = (*TEXT, "--task", "text_classification", "--head-dropout", "0")


@pytest.mark.parametrize("more", [(), LEGACY], ids=" ".join)
def test_two_hosts_train_what_one_process_trains(hosts, folders, commands, digits, tmp_path, more):
    finished(launch(hosts, folders, *ARCH, *more), folders)
    assert_same(weights(folders[0]), alone(commands, digits, tmp_path / "alone", *ARCH))
    assert not (folders[1] / "checkpoints" / "checkpoint_last.pt").exists()  # the first process alone writes


def test_the_command_of_the_kubernetes_file_trains_over_two_hosts(hosts, folders):
    job = yaml.safe_load((REPOSITORY / "docs" / "pytorchjob.yaml").read_text(encoding="utf-8"))["spec"]
    (container,) = job["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    policy, head = job["elasticPolicy"], HOSTS[hosts[0]]
    sets = {
        "PET_NNODES": f"{policy['minReplicas']}:{policy['maxReplicas']}",
        "PET_NPROC_PER_NODE": policy["nProcPerNode"],
        "PET_MAX_RESTARTS": policy["maxRestarts"],
        "PET_RDZV_BACKEND": policy["rdzvBackend"],
        "PET_RDZV_ENDPOINT": f"{head}:{PORT}",
        "PET_RDZV_ID": "g2p",
    }
    started = []
    for name, folder in zip(hosts, folders):
        own = {"PET_LOCAL_ADDR": HOSTS[name], "PET_RDZV_CONF": f"is_host={int(HOSTS[name] == head)}"}  # as above
        words = [*container["command"], *container["args"]]
        words[-1] = words[-1].replace("/storage", str(folder)).replace("attention_lstm", "attention_lstm_tiny")
        words[-1] += " --max-update 20"
        variables = {
            **sets,
            **own,
            "OMP_NUM_THREADS": 1,
            "GLOO_SOCKET_IFNAME": "eth0",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        out = open(folder / "out", "a")  # noqa: SIM115 (the process has it)
        started.append(subprocess.Popen([*in_host(name), *words], stdout=out, stderr=out, env=environment, cwd=folder))
    finished(started, folders)
    assert (folders[0] / "checkpoints" / "checkpoint_last.pt").exists()
    assert not (folders[1] / "checkpoints" / "checkpoint_last.pt").exists()
    assert "num_updates 20" in (folders[0] / "out").read_text()


def test_each_process_may_collect_gradients_too(hosts, folders, commands, digits, tmp_path):
    finished(launch(hosts, folders, *ARCH, "--update-freq", "2"), folders)
    assert_same(weights(folders[0]), alone(commands, digits, tmp_path / "alone", *ARCH, frequency=8))


def test_a_sequence_autoencoder_learns_on_two_hosts_and_is_fine_tuned_from_the_first_hosts_file(
    hosts, commands, texts, tmp_path
):
    folders = on_both(texts / "pretrain", tmp_path / "pretrain")
    finished(launch(hosts, folders, *AUTOENCODING), folders)
    pretrained = folders[0] / "checkpoints" / "checkpoint_last.pt"
    assert_same(weights(folders[0]), alone(commands, texts / "pretrain", tmp_path / "alone", *AUTOENCODING))
    # one more layer an epoch, of which there are two here, and embeddings that stay as they are
    flags = (*CLASSIFYING, *LEGACY, "--unfreeze-every", "1", "--freeze", "embed_tokens")
    flags = (*flags, "--finetune-from-model", str(pretrained))
    folders = on_both(texts / "classify", tmp_path / "classify")
    finished(launch(hosts, folders, *flags), folders)
    found = weights(folders[0])
    assert_same(found, alone(commands, texts / "classify", tmp_path / "classified", *flags))
    frozen = [name for name in found if "embed_tokens" in name]
    before = torch.load(pretrained, weights_only=True)["model"]
    assert frozen and all(torch.equal(found[name], before[name]) for name in frozen)


@pytest.mark.parametrize(
    "more", [("--autocast", "bf16"), ("--criterion", "sampled_softmax", "--sampled-classes", "8")], ids=" ".join
)
def test_two_hosts_learn_as_much_as_one_process_where_numbers_differ(hosts, folders, commands, digits, tmp_path, more):
    finished(launch(hosts, folders, *ARCH, *more), folders)
    flags = [*FLAGS, *ARCH, *more, "--update-freq", 4, "--save-dir", tmp_path / "alone"]
    (tmp_path / "log").write_text(commands("fairseq-train", digits, "--user-dir", USER_DIR, *flags).out)
    ours, one = losses(folders[0] / "out"), losses(tmp_path / "log")
    assert len(ours) == len(one) > 2
    assert ours[-1] < 0.9 * ours[0] and ours[-1] == pytest.approx(one[-1], rel=0.1)


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


SLOW = """
import os, sys, time
import s2s_plugins.registration
from fairseq import checkpoint_utils
from fairseq_cli.train import cli_main
from s2s_plugins.compat import distributed
distributed.LOST = 4
save = checkpoint_utils.torch_persistent_save
def slowly(*args, **flags):
    time.sleep(10)
    save(*args, **flags)
if os.environ["RANK"] == "0":
    checkpoint_utils.torch_persistent_save = slowly
cli_main()
"""


def test_a_checkpoint_may_take_longer_to_write_than_a_lost_host_takes_to_be_missed(digits, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    flags = [*FLAGS, *ARCH, "--max-update", "20", "--save-dir", tmp_path / "checkpoints"]
    command = [
        f"{BIN}/torchrun",
        "--standalone",
        "--nproc-per-node",
        "2",
        script,
        digits,
        "--user-dir",
        USER_DIR,
        *flags,
    ]
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "checkpoints" / "checkpoint_last.pt").exists()
