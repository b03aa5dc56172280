"""A million lines over two nodes with addresses of their own, whose workers are killed, and one of which is lost."""

import contextlib
import os
import random
import subprocess
import sys
import time

import pytest
from hosts import HOSTS, in_host, kill, processes, run, two_hosts
from onnx_models import TOKENS
from predicted_files import files_in
from web_tools import LETTERS, letters_model

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]
FILES, LINES = 250, 4000
PORT = 6399
RAY = os.path.join(os.path.dirname(sys.executable), "ray")
OPEN = {"RAY_AUTH_MODE": "disabled"}  # nobody else reaches these nodes, and they have no common home folder


def start(name):
    """A raylet in a namespace, with one CPU."""
    head, *_ = HOSTS
    address = f"{HOSTS[head]}:{PORT}"
    role = ["--head", "--port", PORT, "--include-dashboard", "false"] if name == head else ["--address", address]
    sizes = ["--num-cpus", 1, "--object-store-memory", 200_000_000]
    run(RAY, "start", *role, "--node-ip-address", HOSTS[name], *sizes, "--disable-usage-stats", inside=name, env=OPEN)


def workers(name):
    """The processes of a node that predict."""
    found = []
    for pid in processes(name):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read().startswith(b"ray::MapWorker"):
                found.append(pid)
    return found


@pytest.fixture
def nodes():
    with two_hosts() as names:
        yield names
    run(RAY, "stop", "--force")  # forgets the address, which others on this machine would join


def test_a_million_lines_survive_killed_workers_and_a_lost_node(nodes, tmp_path):
    model, source = tmp_path / "letters.safetensors", tmp_path / "in"
    letters_model([TOKENS["basic"]]).write(model)
    source.mkdir()
    draw = random.Random(1)
    for number in range(FILES):
        words = ("".join(draw.choices(LETTERS, k=draw.randint(1, 9))) for _ in range(LINES))
        (source / f"{number:03}.txt").write_text("".join(f"{word}\n" for word in words))
    for name in nodes:
        start(name)
    head, other = nodes
    words = ["predict", model, "--input", source, "--beam", 1]
    job = [*words, "--output", tmp_path / "ray", "--engine", "ray", "--address", f"{HOSTS[head]}:{PORT}"]
    command = [*in_host(head), sys.executable, "-m", "s2s_plugins", *job]
    started, kills, lost = time.time(), 0, False
    environment = {**os.environ, **OPEN}
    with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True, env=environment) as driver:
        while driver.poll() is None and time.time() - started < 1500:
            time.sleep(20)
            running = [pid for name in nodes for pid in workers(name)]
            if kills < 3 and running:
                os.kill(draw.choice(running), 9)
                kills += 1
            elif kills == 3 and not lost:
                kill(other)
                lost = True
        driver.kill()
        said = driver.stderr.read()
    print(f"{kills} workers killed, node lost: {lost}, {time.time() - started:.0f} s")
    assert driver.returncode == 0, said
    assert kills == 3 and lost, "the job was over too soon: raise LINES"
    done = run(sys.executable, "-m", "s2s_plugins", *words, "--output", tmp_path / "local")
    assert "1,000,000 lines" in done.stdout
    ours, theirs = files_in(tmp_path / "ray"), files_in(tmp_path / "local")
    for folder in (ours, theirs):
        folder.pop("manifest.json")
    assert ours == theirs and len(ours) == 2 * FILES
    first = source / "000.txt"
    with first.open() as lines:
        alone = subprocess.run(
            [sys.executable, "-m", "s2s_plugins", "predict", model, "--beam", "1"],
            stdin=lines,
            capture_output=True,
            check=True,
        )
    assert ours["predictions/000.tsv"] == alone.stdout
