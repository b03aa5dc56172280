"""Two hosts with addresses of their own, as network namespaces of this machine."""

import contextlib
import os
import shutil
import subprocess

import pytest

HOSTS = {"s2s-head": "10.77.0.1", "s2s-other": "10.77.0.2"}
BRIDGE = "s2s-bridge"


def run(*words, inside=None, check=True, env=None):
    """What a command says, in a host or outside of them."""
    command, environment = [*in_host(inside), *map(str, words)], {**os.environ, **(env or {})}
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=600, env=environment)


def in_host(name):
    """The words before a command that runs in a host."""
    return ["ip", "netns", "exec", name] if name else []


@contextlib.contextmanager
def two_hosts():
    """The names of two hosts that reach each other, and nothing else."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the program ip")
    take_down()
    try:
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "link", "set", BRIDGE, "up")
        for number, (name, address) in enumerate(HOSTS.items()):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"s2s-{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", f"s2s-{number}", "master", BRIDGE, "up")
            run("ip", "addr", "add", f"{address}/24", "dev", "eth0", inside=name)
            run("ip", "link", "set", "eth0", "up", inside=name)
            run("ip", "link", "set", "lo", "up", inside=name)
        yield list(HOSTS)
    finally:
        take_down()


def processes(name):
    """The numbers of a host's processes."""
    return [int(pid) for pid in run("ip", "netns", "pids", name, check=False).stdout.split()]


def kill(name):
    """End all that runs in a host, at once."""
    for pid in processes(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def cut_link(number):
    """Nothing passes from and to a host any more, without a word to either."""
    run("ip", "link", "set", f"s2s-{number}", "down")


def take_down():
    for number, name in enumerate(HOSTS):
        kill(name)
        run("ip", "link", "del", f"s2s-{number}", check=False)  # else it is there until the last process has ended
        run("ip", "netns", "del", name, check=False)
    run("ip", "link", "del", BRIDGE, check=False)
