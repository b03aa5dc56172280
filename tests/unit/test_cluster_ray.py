"""Over a real Ray cluster of one node, and to a real object store: the same outputs as in one process."""

import importlib
import json
import os
import random
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import poison
import pytest
import yaml
from conftest import REPOSITORY
from onnx_models import TOKENS
from predicted_files import LONG, errors_in, files_in, words
from web_tools import letters_model

from s2s_plugins.cluster import Predictor, Shipped, engines
from s2s_plugins.cluster.deployment import build
from s2s_plugins.cluster.engines import Ray, local
from s2s_plugins.cluster.job import Job, run
from s2s_plugins.cluster.storage import RemoteStorage
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.load import load

ray = pytest.importorskip("ray", reason="the extra [ray] is not installed: Ray has no wheel for this platform")


@pytest.fixture(scope="module")
def cluster(bucket):
    """A cluster of one node, which the tests share; it finds the object store by its environment."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "letters.safetensors"
    letters_model([TOKENS["basic"]]).write(path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of several kinds, with unusable lines."""
    folder = tmp_path_factory.mktemp("in")
    (folder / "deep").mkdir()
    for number in range(6):
        own = words(40 * number, number)
        own[number : number + 1] = [LONG]
        (folder / "deep" / f"{number}.txt").write_text("".join(f"{word}\n" for word in own))
    (folder / "a.csv").write_text("id,source\n" + "".join(f"{place},{word}\n" for place, word in enumerate(words(30))))
    return str(folder)


def outputs(folder):
    """All but what differs by its time: the notes, which have that of the input, are the same too."""
    return {name: content for name, content in files_in(folder).items() if name != "manifest.json"}


def test_a_cluster_predicts_byte_for_byte_what_one_process_predicts(cluster, model, folder, tmp_path):
    job = Job(model, folder, str(tmp_path / "ray"), options={"beam": 1})
    totals = run(job, Ray(concurrency=2))
    expected = run(Job(model, folder, str(tmp_path / "local"), options={"beam": 1}), local)
    assert totals == expected and totals.errors == 6 and totals.partitions == 7
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local") and len(outputs(tmp_path / "ray")) == 20
    assert [entry["file"] for entry in errors_in(tmp_path / "ray")] == [f"deep/{number}.txt" for number in range(6)]
    assert run(job, lambda *given: pytest.fail("it is all done")) == totals


def test_workers_that_are_killed_are_replaced_and_no_line_is_lost(cluster, model, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(30):
        (source / f"{number}.txt").write_text("".join(f"{word}\n" for word in words(400, number)))
    killed, ended = [], threading.Event()

    def kill():
        while not ended.wait(0.2):
            workers = [pid for pid, name in processes() if name.startswith("ray::MapWorker")]
            if workers and len(killed) < 3:
                killed.append(random.choice(workers))
                os.kill(killed[-1], 9)
                time.sleep(0.5)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        run(Job(model, str(source), str(tmp_path / "ray")), Ray(concurrency=2))
    finally:
        ended.set()
        thread.join()
    run(Job(model, str(source), str(tmp_path / "local")), local)
    assert len(killed) == 3
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")


def test_a_file_that_no_worker_survives_is_named_and_the_others_are_done(cluster, model, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "RETRIES", 1)
    ray.cloudpickle.register_pickle_by_value(poison)  # workers do not find it
    source = tmp_path / "in"
    source.mkdir()
    for name in ("a", "b", "poison", "x", "y", "z"):
        (source / f"{name}.txt").write_text("abc\n")
    totals = run(poison.PoisonedJob(model, str(source), str(tmp_path / "out")), Ray(concurrency=2))
    assert list(totals.failed) == ["poison.txt"] and "its worker died" in totals.failed["poison.txt"]
    assert totals.lines == 5 and len(list((tmp_path / "out" / "predictions").iterdir())) == 5
    assert not json.loads((tmp_path / "out" / "manifest.json").read_text())["finished"]


def processes():
    """Number and name of each process of this machine."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                with open(f"/proc/{entry.name}/cmdline", "rb") as file:
                    yield int(entry.name), file.read().decode(errors="replace")
            except OSError:  # it has ended
                continue


def test_errors_stop_the_job_on_a_cluster_too(cluster, model, tmp_path):
    source = tmp_path / "a.txt"
    source.write_text(f"{LONG}\n" * 10)
    with pytest.raises(WorkError, match="more than 2 lines cannot be used"):
        run(Job(model, str(source), str(tmp_path / "out"), max_errors=2), Ray())
    with pytest.raises(UsageError, match="--gpus 1 is more than the cluster has, 0"):
        run(Job(model, str(source), str(tmp_path / "gpus")), Ray(gpus=1))
    assert not (tmp_path / "gpus").exists()


def test_a_pipeline_of_ray_data_gets_columns(cluster, model):
    sources = words(50)
    data = ray.data.from_items([{"word": word} for word in sources])
    shipped = Shipped.of(model)
    found = data.map_batches(Predictor, fn_constructor_args=(shipped, "word"), batch_size=16, concurrency=1)
    rows = {row["word"]: row["prediction"] for row in found.iter_rows()}
    predictor = Predictor(model)
    assert rows == dict(zip(sources, predictor({"source": sources})["prediction"]))


@pytest.fixture(scope="module")
def bucket():
    """A bucket of an object store that speaks S3, here."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        import s3fs

        system = s3fs.S3FileSystem()
        system.mkdir("words")
        yield system
    server.stop()


def test_an_object_store_gets_whole_outputs_alone(bucket, model, folder, tmp_path, monkeypatch):
    bucket.put(folder, "words/in", recursive=True)
    job = Job(model, "s3://words/in", "s3://words/out", options={"beam": 1})
    totals = run(job, local)
    expected = run(Job(model, folder, str(tmp_path / "local"), options={"beam": 1}), local)
    assert totals == expected
    names = {path.removeprefix("words/out/") for path in bucket.find("words/out")}
    assert names == {*outputs(tmp_path / "local"), "manifest.json"}
    for name in names:
        if name.startswith(("predictions", "errors")):
            assert bucket.cat(f"words/out/{name}") == (tmp_path / "local" / name).read_bytes()
    assert run(job, lambda *given: pytest.fail("it is all done")) == totals
    bucket.invalidate_cache()
    assert run(Job(model, "s3://words/in/deep/*.txt", "s3://words/some", options={"beam": 1}), local).partitions == 6
    monkeypatch.setattr("s2s_plugins.cluster.writing.TsvWriter.close", lambda writer: 1 / 0)
    assert len(run(Job(model, "s3://words/in", "s3://words/cut"), local).failed) == totals.partitions
    bucket.invalidate_cache()
    assert not bucket.find("words/cut/predictions") and not bucket.find("words/cut/done")


def test_workers_write_to_an_object_store(cluster, bucket, model, folder, tmp_path):
    bucket.put(folder, "words/ray-in", recursive=True)
    run(Job(model, "s3://words/ray-in", "s3://words/ray-out", options={"beam": 1}), Ray(concurrency=2))
    run(Job(model, folder, str(tmp_path / "local"), options={"beam": 1}), local)
    bucket.invalidate_cache()
    expected = {name: content for name, content in outputs(tmp_path / "local").items() if not name.startswith("done")}
    assert len(expected) == 13
    for name, content in expected.items():
        assert bucket.cat(f"words/ray-out/{name}") == content


def test_a_store_out_of_reach_is_said_in_a_line(bucket, model, monkeypatch):
    with pytest.raises(UsageError, match="s3://nothing/here: there is no file"):
        run(Job(model, "s3://nothing/here", "s3://words/out"), local)
    monkeypatch.setattr(RemoteStorage, "__init__", unreachable)
    with pytest.raises(WorkError, match="s3://words.*check its address and your access"):
        run(Job(model, "s3://words/in", "s3://words/out"), local)


def unreachable(storage, system, protocol):
    import s3fs

    options = {"connect_timeout": 1, "retries": {"max_attempts": 0}}
    storage.system = s3fs.S3FileSystem(endpoint_url="http://127.0.0.1:9", config_kwargs=options)
    storage.protocol = protocol


CLIENTS = 6


def test_a_replica_that_is_killed_under_load_fails_what_it_had_begun_alone(cluster, model, tmp_path):
    from ray import serve

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        serve.run(build({"models": f"letters={model}", "max_beam": "3"}))
        sources = words(60)
        expected = {source: one.text for source, one in zip(sources, load(model).predict(sources))}
        before, killed = time.time(), []
        failures: list = []

        def ask(number):
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                assert client.post("/v1/predict", json={"text": "ab", "beam": 9}).status_code == 422  # above max_beam
                while not killed or time.time() < killed[0] + 3:
                    for source in sources[number::CLIENTS]:
                        answer = client.post("/v1/predict", json={"text": source})
                        if answer.status_code >= 500:
                            failures.append(answer.status_code)
                            answer = client.post("/v1/predict", json={"text": source})
                        assert answer.status_code == 200, answer.text
                        assert answer.json()["results"][0]["predictions"][0]["text"] == expected[source]

        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(ask, number) for number in range(CLIENTS)]
            time.sleep(1.5)
            replicas = [pid for pid, name in processes() if name.startswith("ray::ServeReplica")]
            os.kill(replicas[0], 9)
            killed.append(time.time())
            for client in clients:
                client.result()
        assert len(replicas) == 2 and len(failures) <= CLIENTS and time.time() > before + 4
    finally:
        serve.shutdown()


def test_the_file_of_the_guide_is_one_that_ray_serve_takes(model):
    from ray.serve.schema import ServeDeploySchema

    page = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(re.search(r"```text\n(applications:.*?)```", page, re.DOTALL)[1])
    (application,) = ServeDeploySchema.model_validate(shown).applications
    module, _, name = application.import_path.partition(":")
    assert getattr(importlib.import_module(module), name) is build
    words = application.args["models"].replace("g2p.", "a=g2p.").split()
    assert [word.partition("=")[2] for word in words] == ["g2p.safetensors", "reviews.safetensors"]
    assert build({**application.args, "models": model}) is not None


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "the deployment has no model"),
        ({"models": "no.safetensors"}, "no.safetensors: there is no such file"),
        ({"models": "x", "max_bean": 3}, "knows no argument 'max_bean'"),
        ({"models": "x", "max_beam": 0}, "--max-beam 0 is out of range"),
        ({"models": "x", "max_beam": "wide"}, "max_beam: 'wide': use a number"),
        ({"models": "x", "replicas": None}, "replicas: None: use a number"),
        ({"models": "x", "replicas": 0}, "replicas: 0: use 1 or more"),
        ({"models": "x", "backend": "tf"}, "backend: 'tf': use torch or onnx"),
    ],
)
def test_what_a_deployment_cannot_be_built_of_is_said(given, message):
    with pytest.raises(UsageError, match=message):
        build(given)
