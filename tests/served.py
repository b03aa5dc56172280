"""What tests of the server share: models, servers in a thread, and clients that speak HTTP or do not."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional

import httpx
from conftest import REPOSITORY

from s2s_plugins.inference.load import Model, opened
from s2s_plugins.models.saving import model_of
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.run import Server, bind, make_server

CHECKPOINTS = REPOSITORY / "tests" / "checkpoints"


def translator(backend: str = "torch", name: str = "attention_lstm") -> Model:
    """Letters a to j to letters, of random weights nearly."""
    return opened(model_of([str(CHECKPOINTS / f"{name}.pt")]), backend)


def classifier(backend: str = "torch") -> Model:
    return opened(model_of([str(CHECKPOINTS / "sa_lstm-classifier.pt")]), backend)


class Held:
    """A translator's model that waits at a gate before each batch, and notes what it has searched.

    Args:
        model: the real one.
    """

    def __init__(self, model: Any) -> None:
        self.model, self.gate, self.entered = model, threading.Event(), threading.Event()
        self.batches: List[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def search(self, sources: Any, *rest: Any) -> Any:
        self.batches.append(len(sources))
        self.entered.set()
        assert self.gate.wait(60)
        return self.model.search(sources, *rest)


@dataclass
class Running:
    """A server that runs in a thread."""

    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def post(self, path: str, **values: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=values, timeout=60)

    def predict(self, text: Any, **values: Any) -> Any:
        answer = self.post("/v1/predict", text=text, **values)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]

    def metric(self, name: str) -> float:
        """The sum over all labels."""
        lines = httpx.get(self.url + "/metrics").text.splitlines()
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def wait_for(self, name: str, value: float) -> None:
        """Until a metric has this value."""
        until = time.monotonic() + 20
        while self.metric(name) != value:
            assert time.monotonic() < until, f"{name} is {self.metric(name)}, not {value}"
            time.sleep(0.01)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def says(self, *parts: bytes) -> bytes:
        """What the server answers to bytes, to the end of the connection."""
        with self.connect() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for part in parts:
                    connection.sendall(part)
            return to_the_end(connection)


def to_the_end(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            found += part
    return found


def request(values: Mapping[str, Any], path: str = "/v1/predict", headers: str = "") -> bytes:
    """A request as bytes."""
    body = json.dumps(values).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}"
    )
    return head.encode() + b"\r\n" + body


@contextlib.contextmanager
def running(models: Dict[str, Model], limits: Optional[Limits] = None, **rest: Any) -> Iterator[Running]:
    bound = bind("127.0.0.1", 0)
    server = make_server(models, bound, limits or Limits(), **rest)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Running(bound.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(60)
        bound.close()
        assert not thread.is_alive()
