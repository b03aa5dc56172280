"""``s2s serve`` as a process: how it starts, what it says, and how it ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from served import CHECKPOINTS

from s2s_plugins.cli.main import main, parse
from s2s_plugins.cli.serve import LIMITS
from s2s_plugins.errors import UsageError
from s2s_plugins.models.saving import model_of
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.run import bind, is_loopback, named, origin, reason, url_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    for name in ("attention_lstm", "sa_lstm-classifier"):
        model_of([str(CHECKPOINTS / f"{name}.pt")]).write(folder / f"{name}.safetensors")
    return folder


class Process:
    """``s2s serve`` that is ready."""

    def __init__(self, folder, *argv):
        command = [
            sys.executable,
            "-m",
            "s2s_plugins",
            "serve",
            *argv,
            "--port",
            "0",
            "--backend",
            "onnx",
            "--max-texts",
            "6000",
            "--max-queue",
            "6000",
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment)
        self.line = self.process.stderr.readline()
        self.url = re.search(r"http://127\.0\.0\.1:\d+", self.line)[0]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ends(self):
        """The exit code, and what else it said."""
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


LONG = {"text": ["a b c d e f g h i j"] * 6000, "nbest": 20}


def busy(process, threads):
    """A request that takes long, once it runs."""
    found = threads.submit(httpx.post, process.url + "/v1/predict", json=LONG, timeout=60)
    batches = re.compile(r'le="256.0",model="attention_lstm"} [1-9]')
    while not batches.search(httpx.get(process.url + "/metrics").text):
        assert not found.done()
    return found


def wait_until_closed(process):
    """Until no connection is taken; one that comes just then is reset."""
    with contextlib.suppress(httpx.ConnectError):
        while True:
            with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError):
                httpx.get(process.url + "/healthz")


def test_sigterm_finishes_what_runs_and_takes_nothing_new(folder):
    with Process(folder, "attention_lstm.safetensors", "moods=sa_lstm-classifier.safetensors") as process:
        assert process.line == f"s2s serve: {process.url} serves attention_lstm, moods\n"
        with ThreadPoolExecutor(1) as threads, httpx.Client() as idle:
            assert idle.get(process.url + "/healthz").status_code == 200
            answer = busy(process, threads)
            process.process.send_signal(signal.SIGTERM)
            wait_until_closed(process)
            results = answer.result().json()["results"]
            assert len(results) == 6000 and all(len(one["predictions"]) > 5 for one in results)
        assert process.ends() == (0, "")


@pytest.mark.parametrize(
    "signals, code", [([signal.SIGTERM, signal.SIGTERM], 143), ([signal.SIGINT], 130)], ids=["SIGTERM twice", "Ctrl-C"]
)
def test_a_second_sigterm_or_ctrl_c_ends_it_at_once(folder, signals, code):
    with Process(folder, "attention_lstm.safetensors") as process, ThreadPoolExecutor(1) as threads:
        answer = busy(process, threads)
        for number in signals[:-1]:
            process.process.send_signal(number)
            wait_until_closed(process)
        process.process.send_signal(signals[-1])
        assert process.ends() == (code, "\ns2s serve: stopped\n")
        with pytest.raises(httpx.HTTPError):
            answer.result()


def test_the_access_log_has_no_text(folder):
    with Process(folder, "attention_lstm.safetensors", "--access-log") as process:
        httpx.post(process.url + "/v1/predict?secret=1", json={"text": "secret"})
        httpx.get(process.url + "/secret")
        process.process.send_signal(signal.SIGTERM)
        code, said = process.ends()
    assert code == 0 and "secret" not in said
    assert re.fullmatch(r"s2s serve: POST /v1/predict 200 [\d.]+ ms\ns2s serve: - other 404 [\d.]+ ms\n", said), said


def test_what_cannot_be_served_is_an_error_of_one_line(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "poor.safetensors").write_bytes(b"poor")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for argv, message in (
            (["attention_lstm.safetensors", "--port", str(port)], f"--port {port} is in use: choose another, or 0"),
            (["attention_lstm.safetensors", "--port", "70000"], "--port 70000 is out of range: use 0 to 65535"),
            (["attention_lstm.safetensors", "--host", "no.such.host.invalid"], "no.such.host.invalid is no address"),
            (["attention_lstm.safetensors", "--host", "192.0.2.1", "--port", "0"], "--host 192.0.2.1 cannot be used"),
            (["nothing.safetensors", "--port", "0"], "nothing.safetensors"),
            (["poor.safetensors", "--port", "0"], "poor.safetensors"),
            (["a=attention_lstm.safetensors", "a=attention_lstm.safetensors"], "two models have the name 'a'"),
            (["attention_lstm.safetensors", "--max-beam", "0"], "--max-beam 0 is out of range"),
            (["attention_lstm.safetensors", "--page", "."], "--page . has no index.html"),
            (["attention_lstm.safetensors", "--cors", "x"], "--cors x is no site: use scheme://host or scheme://host:"),
            ([str(CHECKPOINTS / "peek_lstm.pt"), "--port", "0"], "peek_lstm.pt is a checkpoint: s2s save"),
        ):
            with pytest.raises(SystemExit) as ended:
                main(["serve", *argv])
            said = capsys.readouterr().err
            assert ended.value.code in (1, 2) and said.count("\n") == 1 and message in said, (argv, said)
            assert said.startswith("s2s serve: error: ")


def test_a_port_of_the_system_is_an_error_that_says_so():
    assert "--port 80 is the system's: use 1024 or more" in reason(PermissionError(13, "denied"), "127.0.0.1", 80)


def test_an_address_of_the_network_is_not_loopback():
    for host, url, alone in (("127.0.0.1", "http://127.0.0.1", True), ("0.0.0.0", "http://0.0.0.0", False)):
        with bind(host, 0) as bound:  # it does not listen
            assert is_loopback(bound) == alone and url_of(bound).startswith(url)


def test_names_are_those_of_the_files_unless_they_are_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x=y.safetensors").touch()
    assert named(["dir/a.safetensors", "b=dir/a.safetensors", "x=y.safetensors"]) == {
        "a": "dir/a.safetensors",
        "b": "dir/a.safetensors",
        "x=y": "x=y.safetensors",
    }
    with pytest.raises(UsageError, match="give names, as a2=two/a.safetensors"):
        named(["one/a.safetensors", "two/a.safetensors"])


def test_a_site_is_named_as_browsers_name_it():
    for text, site in (
        ("https://x.org", "https://x.org"),
        ("HTTPS://X.org:443", "https://x.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("capacitor://localhost", "capacitor://localhost"),
    ):
        assert origin(text) == site
    for text in ("x", "*", "null", "https://", "x.org:80", "https://x.org/", "https://x.org/a", "https://x.org?a"):
        with pytest.raises(UsageError, match="is no site"):
            origin(text)
    for text in (
        "https://u@x.org",
        "https://x.org:port",
        "https://x.org:70000",
        "https://x y.org",
        "",
        "https://é.org",
    ):
        with pytest.raises(UsageError, match="is no site"):
            origin(text)


def test_every_limit_is_a_flag_with_its_default():
    _, args = parse("serve", ["a.safetensors"])
    assert LIMITS.keys() == Limits.__dataclass_fields__.keys()
    assert Limits(**{name: getattr(args, name) for name in LIMITS}) == Limits()
