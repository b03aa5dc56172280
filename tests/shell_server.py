"""Runs the commands of a shell for the tests, each in a process of its own, without paying for the imports each time.

It listens on a socket. The commands on the shell's PATH are :data:`CLIENT`, which hands its words, folder, environment
and streams over and ends with the exit code that it is given. :mod:`command_server` does this for a test that runs one
command after the other.

    python shell_server.py SOCKET
"""

import array
import gc
import json
import os
import runpy
import signal
import socket
import sys
from importlib.metadata import entry_points
from pathlib import Path

from command_server import end_at_once

# what stands for a command on PATH: {python} starts it, {socket} is where the server listens, {extra} are further words
# in front of those behind --
CLIENT = """\
#!{python} -ISB
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({socket!r})
words = [{name!r}, *sys.argv[1:]]
place = words.index("--") if "--" in words else len(words)
words[place:place] = next((extra for start, extra in {extra!r} if words[: len(start)] == start), [])
request = dict(argv=words, cwd=os.getcwd(), env=dict(os.environ))
socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
sys.exit(int(server.recv(16) or b"1"))
"""
LARGEST = 1 << 17


class Python:
    """``python FILE ...``, ``python -m MODULE ...``; it has the form of an entry point."""

    @staticmethod
    def load():
        return Python.run

    @staticmethod
    def run():
        del sys.argv[0]
        if sys.argv[0] == "-m":
            del sys.argv[0]
            sys.path[0] = os.getcwd()
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
            runpy.run_path(sys.argv[0], run_name="__main__")


def receive(client: socket.socket) -> dict:
    """The request of a client, whose streams become ours."""
    room = socket.CMSG_SPACE(3 * array.array("i").itemsize)
    message, ancillary, _, _ = client.recvmsg(LARGEST, room)
    streams = array.array("i")
    for _, _, data in ancillary:
        streams.frombytes(data)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return json.loads(message)


def become(request: dict) -> None:
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)
    sys.argv = request["argv"]
    sys.path[0] = os.path.dirname(sys.executable)


def serve(address: str) -> dict:
    """Answer clients for ever; returns only in the child of a fork, with the request that it is to run."""
    running = {}

    def reap(*_) -> None:
        while running:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            client = running.pop(child)
            client.send(str(os.waitstatus_to_exitcode(status) % 256).encode())
            client.close()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, reap)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            listener.close()
            return receive(client)
        running[child] = client
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


if __name__ == "__main__":
    import logging

    import fairseq  # noqa: F401
    import torch  # noqa: F401

    commands = {command.name: command for command in entry_points(group="console_scripts")}
    commands["python"] = Python
    gc.freeze()  # else the first collection in each child copies all memory
    request = serve(sys.argv[1])
    # importing fairseq sets up a log, but not where a command set up its own before that
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    become(request)
    name = request["argv"][0]
    if name.startswith("fairseq-") and commands[name].load() and not logging.root.handlers:
        logging.basicConfig(level=logging.DEBUG)
    end_at_once(commands[name])
