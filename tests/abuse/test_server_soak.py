"""``s2s serve`` under load: 200 clients, beside slow, broken and hostile ones. No wrong answer, no growth of memory,
and an API fuzzer finds nothing.
"""

import contextlib
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import program
from served import classifier, request, running, to_the_end, translator
from test_forecaster import forecaster
from test_serve import Process, folder  # noqa: F401  (a fixture)

import s2s_plugins

pytestmark = pytest.mark.soak
CLIENTS = 200
WORDS = [
    " ".join(word)
    for length in (1, 3, 6, 9)
    for word in itertools.islice(itertools.permutations("abcdefghij", length), 400)
]


def memory(process):
    """Resident, in MB."""
    with open(f"/proc/{process.process.pid}/status") as status:
        return int(status.read().split("VmRSS:")[1].split()[0]) / 1024


def ask(url, words, found):
    """A client that keeps its connection."""
    with httpx.Client(base_url=url, timeout=120) as client:
        for word in words:
            answer = client.post("/v1/predict", json={"text": word})
            assert answer.status_code == 200, answer.text
            found[word] = answer.json()["results"][0]["predictions"][0]["text"]


def hostile(port, stop):
    """What is no request, over and over: garbage, halves, clients that leave, bodies without an end."""
    draw = random.Random(1)
    good = request({"text": "a b c"})
    while not stop.is_set():
        kind = draw.randrange(6)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            if kind == 0:
                connection.sendall(draw.randbytes(draw.randrange(1, 3000)) + b"\r\n\r\n")
                to_the_end(connection)
            elif kind == 1:  # it leaves before the answer
                connection.sendall(good)
            elif kind == 2:  # in the middle
                connection.sendall(good[: draw.randrange(len(good))])
            elif kind == 3:  # a body without an end
                connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
                for _ in range(200):
                    connection.sendall(b" " * 65536)
            elif kind == 4:  # a byte is another one
                place = draw.randrange(len(good))
                connection.sendall(good[:place] + draw.randbytes(1) + good[place + 1 :])
                connection.shutdown(socket.SHUT_WR)
                to_the_end(connection)
            else:  # reset
                connection.sendall(good)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_many_clients_get_their_own_answers_beside_hostile_ones_and_memory_does_not_grow(folder):  # noqa: F811
    model = s2s_plugins.load(folder / "attention_lstm.safetensors", "onnx")
    expected = dict(zip(WORDS, (one.text for one in model.predict(WORDS))))
    with Process(folder, "attention_lstm.safetensors", "--client-timeout", "5") as process:
        port, stop, after = int(process.url.rsplit(":", 1)[1]), threading.Event(), []
        attackers = [threading.Thread(target=hostile, args=(port, stop)) for _ in range(8)]
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]  # they say nothing
        for thread in attackers:
            thread.start()
        try:
            for round in range(12):
                found = {}
                with ThreadPoolExecutor(CLIENTS) as threads:
                    parts = [WORDS[place::CLIENTS] for place in range(CLIENTS)]
                    list(threads.map(lambda words: ask(process.url, words, found), parts))  # noqa: B023
                assert found == expected
                after.append(memory(process))
                print(f"round {round}: {after[-1]:.0f} MB")
        finally:
            stop.set()
            for thread in attackers:
                thread.join()
            for connection in idle:
                connection.close()
        assert after[-1] < after[6] + 10, after  # it settles in half a minute
        metrics = httpx.get(process.url + "/metrics").text
        assert "s2s_queue_texts{" in metrics and 's2s_queue_texts{model="attention_lstm"} 0.0' in metrics
        assert 'status="500"' not in metrics
        assert len(os.listdir(f"/proc/{process.process.pid}/fd")) < 60
        process.process.terminate()
        assert process.ends() == (0, "")


def test_a_load_client_gets_answers_alone(folder):  # noqa: F811
    with Process(folder, "attention_lstm.safetensors") as process:
        command = [program("hey"), "-n", "20000", "-c", str(CLIENTS), "-m", "POST", "-T", "application/json"]
        done = subprocess.run(
            [*command, "-d", '{"text": "a b c"}', process.url + "/v1/predict"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert "[200]\t20000 responses" in done.stdout and "Error distribution" not in done.stdout, done.stdout
        print(done.stdout)


def test_an_api_fuzzer_finds_nothing(tmp_path):
    models = {"letters": translator(), "moods": classifier(), "sales": forecaster(), "others": translator("onnx")}
    with running(models) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json", "--no-color"]
        for seed in (1, 2):
            done = subprocess.run(
                [*command, "--max-examples", "300", "--seed", str(seed)],
                capture_output=True,
                text=True,
                timeout=600,
                cwd=tmp_path,
            )
            assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
            assert json.loads(httpx.get(server.url + "/healthz").text) == {"status": "ok"}
