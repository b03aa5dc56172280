"""A million lines over two nodes with addresses of their own, whose workers are killed, and one of which is lost."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time

import pytest
from onnx_models import TOKENS
from test_cluster import files_in
from web_tools import LETTERS, letters_model

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]
FILES, LINES = 250, 4000
NODES = {"s2s-head": "10.77.0.1", "s2s-other": "10.77.0.2"}  # network namespaces and their addresses
PORT = 6399


def run(*words, inside=None, check=True):
    command = [*(["ip", "netns", "exec", inside] if inside else []), *map(str, words)]
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=300)


@pytest.fixture
def nodes():
    """Two namespaces that reach each other, and nothing else."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the program ip")
    take_down()
    try:
        run("ip", "link", "add", "s2s-bridge", "type", "bridge")
        run("ip", "link", "set", "s2s-bridge", "up")
        for number, (name, address) in enumerate(NODES.items()):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"s2s-{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", f"s2s-{number}", "master", "s2s-bridge", "up")
            run("ip", "addr", "add", f"{address}/24", "dev", "eth0", inside=name)
            run("ip", "link", "set", "eth0", "up", inside=name)
            run("ip", "link", "set", "lo", "up", inside=name)
        yield list(NODES)
    finally:
        take_down()


def take_down():
    for name in NODES:
        for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        run("ip", "netns", "del", name, check=False)
    run("ip", "link", "del", "s2s-bridge", check=False)


def start(name):
    """A raylet in a namespace, with one CPU."""
    address = f"{NODES['s2s-head']}:{PORT}"
    role = ["--head", "--port", PORT, "--include-dashboard", "false"] if name == "s2s-head" else ["--address", address]
    sizes = ["--num-cpus", 1, "--object-store-memory", 200_000_000]
    ray = os.path.join(os.path.dirname(sys.executable), "ray")
    run(ray, "start", *role, "--node-ip-address", NODES[name], *sizes, "--disable-usage-stats", inside=name)


def workers(name):
    """The processes of a node that predict."""
    found = []
    for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read().startswith(b"ray::MapWorker"):
                found.append(int(pid))
    return found


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
    job = [*words, "--output", tmp_path / "ray", "--engine", "ray", "--address", f"{NODES[head]}:{PORT}"]
    command = ["ip", "netns", "exec", head, sys.executable, "-m", "s2s_plugins", *job]
    started, kills, lost = time.time(), 0, False
    with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True) as driver:
        while driver.poll() is None and time.time() - started < 1500:
            time.sleep(20)
            running = [pid for name in nodes for pid in workers(name)]
            if kills < 3 and running:
                os.kill(draw.choice(running), 9)
                kills += 1
            elif kills == 3 and not lost:
                for pid in run("ip", "netns", "pids", other).stdout.split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), 9)
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
