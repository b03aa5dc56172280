"""The server answers what the models say, whoever asks at the same time; all else is an error, in one form."""

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from served import Held, classifier, request, running, to_the_end, translator
from test_forecaster import forecaster

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import About
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.page import files_of
from s2s_plugins.server.problems import KINDS

TEXTS = ["a b c", "j i h g f e", "", "a", "c z b", "b b b b b b b b", "d e f"]
SMALL = Limits(max_body=2000, max_texts=5, max_tokens=12, max_beam=6, max_queue=5)


@pytest.fixture(scope="module")
def models():
    moods = classifier()
    moods.limit = None  # it cuts nothing off
    return {
        "letters": translator(),
        "moods": moods,
        "other": translator("onnx", "basic_lstm"),
        "sales": forecaster(),
    }


@pytest.fixture(scope="module")
def server(models):
    with running(models) as found:
        yield found


@pytest.fixture(scope="module")
def small(models):
    with running({name: models[name] for name in ("letters", "moods", "sales")}, SMALL) as found:
        yield found


@pytest.fixture
def held(models):
    """A model at a gate, which the test opens; it is open at the end."""
    model = translator()
    model.model = Held(model.model)
    model.model.gate.set()
    yield model
    model.model.gate.set()


def same(found, expected):
    """Whether an answer is that of Translator.predict."""
    assert [one["text"] for one in found["predictions"]] == [one.text for one in expected]
    for one, other in zip(found["predictions"], expected):
        assert one["tokens"] == other.tokens
        assert one["score"] == pytest.approx(other.score, abs=1e-5)
        assert one["probability"] == pytest.approx(other.probability, abs=1e-5)
    return True


def test_predictions_are_those_of_the_model(server, models):
    for name in ("letters", "other"):
        expected = list(models[name].predict(TEXTS, nbest=3, beam=4))
        found = server.predict(TEXTS, nbest=3, beam=4, model=name)
        assert len(found) == len(TEXTS) and all(map(same, found, expected))
    (one,) = server.predict(TEXTS[0])
    assert same(one, [models["letters"].predict(TEXTS[0])]) and "alignment" not in one["predictions"][0]
    assert server.predict("a", beam=4.0) == server.predict("a", beam=4)
    assert server.predict("c z b")[0]["unknown"] == ["z"]
    assert server.predict("a b", nbest=8)[0]["predictions"][7]["score"] < 0  # a beam of 5 is widened


def test_the_alignment_has_a_row_for_each_token_and_the_end(server, models):
    (found,) = server.predict("a b c", alignment=True)
    best, expected = found["predictions"][0], models["letters"].predict("a b c")
    np.testing.assert_allclose(best["alignment"], expected.alignment, atol=1e-5)
    assert np.shape(best["alignment"]) == (len(best["tokens"]) + 1, len(found["source_tokens"]) + 1)
    assert server.predict("a", alignment=True, model="other")[0]["predictions"][0]["alignment"] is None


def test_classes_are_those_of_the_model(server, models):
    texts = ["good film", "awful sad plot", ""]
    answer = server.post("/v1/classify", text=texts).json()
    assert answer["model"] == "moods"
    for found, expected in zip(answer["results"], models["moods"].classify(texts)):
        assert found["label"] == expected.label and found["probabilities"] == pytest.approx(expected.probabilities)


def test_an_answer_that_is_too_improbable_is_left_empty(server, models):
    predictions = list(models["letters"].predict(TEXTS, nbest=2))
    least = sorted(best[0].probability for best in predictions)[len(TEXTS) // 2]
    found = server.predict(TEXTS, nbest=2, min_probability=least)
    assert {one["unsure"] for one in found} == {True, False}
    for one, best in zip(found, predictions):
        assert one["unsure"] == (best[0].probability < least)
        assert [prediction["text"] for prediction in one["predictions"]] == [
            "" if one["unsure"] else prediction.text for prediction in best
        ]
        assert [prediction["tokens"] for prediction in one["predictions"]] == [prediction.tokens for prediction in best]
    assert "unsure" not in server.predict(TEXTS[0])[0]
    texts = ["good film", "awful sad plot"]
    own = list(models["moods"].classify(texts))
    answer = server.post("/v1/classify", text=texts, min_probability=max(one.probability for one in own)).json()
    for one, expected in zip(answer["results"], own):
        assert one["unsure"] == (one["label"] == "") == (expected.probability < max(o.probability for o in own))
        assert one["probabilities"] == pytest.approx(expected.probabilities)


def test_forecasts_are_those_of_the_model(server, models):
    source = np.random.default_rng(1).normal(100, 10, (2, 8, 2)).round(3)
    answer = server.post("/v1/forecast", source=source.tolist(), length=4, levels=[0.1, 0.9]).json()
    expected = models["sales"].forecast(source, length=4, levels=[0.1, 0.9])
    np.testing.assert_allclose([one["values"] for one in answer["results"]], expected.values, rtol=1e-5)
    np.testing.assert_allclose([one["quantiles"] for one in answer["results"]], expected.quantiles, rtol=1e-5)
    assert answer["targets"] == ["a", "b"] and answer["levels"] == [0.1, 0.9]
    assert server.post("/v1/forecast", source=source.tolist()).json()["levels"] == [0.1, 0.5, 0.9]


def test_everybody_gets_their_own_answer_whoever_asks_at_the_same_time(server, models):
    letters = "abcdefghij"
    asked = [(" ".join(letters[n % 10 : n % 10 + 1 + n % 4]), 1 + n % 3, 3 + n % 2) for n in range(60)]

    def ask(one):
        text, nbest, beam = one
        return server.predict(text, nbest=nbest, beam=beam)[0]

    with ThreadPoolExecutor(30) as threads:
        for (text, nbest, beam), found in zip(asked, threads.map(ask, asked)):
            expected = models["letters"].predict(text, nbest=nbest, beam=beam)
            assert same(found, expected)


def test_requests_that_arrive_together_share_a_batch(held):
    with running({"held": held}) as server, ThreadPoolExecutor(30) as threads:
        held.model.gate.clear()
        held.model.batches.clear()
        held.model.entered.clear()
        first = threads.submit(server.predict, "a b")
        assert held.model.entered.wait(20)
        others = [threads.submit(server.predict, f"a {letter}") for letter in "abcdefghij" * 2]
        server.wait_for("s2s_queue_texts", 20)
        held.model.gate.set()
        assert all(one.result() for one in [first, *others])
        assert held.model.batches == [1, 20]
        assert server.metric("s2s_batch_texts_count") == 2 and server.metric("s2s_batch_texts_sum") == 21


BODY = {"text": "a b c"}
JSON = {"content-type": "application/json"}
ERRORS = [
    ("POST", "/v1/predict", "x", JSON, 400, "not_json", "the body is not JSON"),
    ("POST", "/v1/predict", "", JSON, 400, "not_json", "the body is not JSON"),
    ("POST", "/v1/predict", b"\xff\xfe", JSON, 400, "not_json", "the body is not JSON"),
    ("POST", "/v1/predict", "[" * 1900, JSON, 400, "not_json", "the body is not JSON"),
    ("POST", "/v1/predict", '{"text": "\\ud800"}', JSON, 400, "not_json", "the body is not JSON"),
    ("POST", "/v1/predict", BODY, {}, 415, "not_json_type", "Content-Type"),
    ("POST", "/v1/predict", BODY, {"content-type": "text/plain"}, 415, "not_json_type", "Content-Type"),
    ("POST", "/v1/predict", [1], JSON, 422, "invalid_request", "the body: Input should be an object"),
    ("POST", "/v1/predict", {}, JSON, 422, "invalid_request", "text: Field required: add it"),
    ("POST", "/v1/predict", {"text": 1}, JSON, 422, "invalid_request", "or a list of strings: send one"),
    ("POST", "/v1/predict", {"text": []}, JSON, 422, "invalid_request", "text: List should have at least 1 item"),
    ("POST", "/v1/predict", {"text": ["a", 2]}, JSON, 422, "invalid_request", "text.1: Input should be a valid string"),
    (
        "POST",
        "/v1/predict",
        {"text": ["a"] * 6},
        JSON,
        422,
        "invalid_request",
        "text: List should have at most 5 items after validation, not 6: send fewer",
    ),
    (
        "POST",
        "/v1/predict",
        {**BODY, "beem": 5},
        JSON,
        422,
        "invalid_request",
        "beem: Extra inputs are not permitted: leave it",
    ),
    (
        "POST",
        "/v1/predict",
        {**BODY, "beam": 7},
        JSON,
        422,
        "invalid_request",
        "beam: Input should be less than or equal to 6: lower it",
    ),
    (
        "POST",
        "/v1/predict",
        {**BODY, "beam": "5"},
        JSON,
        422,
        "invalid_request",
        "beam: Input should be a valid integer: GET /openapi.json has the form",
    ),
    ("POST", "/v1/predict", {**BODY, "nbest": 0}, JSON, 422, "invalid_request", "nbest: Input should be greater than"),
    ("POST", "/v1/predict", {"text": "a " * 12}, JSON, 422, "text_too_long", "text 1 has 13 tokens, </s> included"),
    ("POST", "/v1/classify", {"text": ["good", "good " * 12]}, JSON, 422, "text_too_long", "text 2 has 13 tokens"),
    ("POST", "/v1/predict", {"text": "a" * 2000}, JSON, 413, "body_too_large", "over 2000 bytes"),
    ("POST", "/v1/predict", {**BODY, "model": "x"}, JSON, 404, "unknown_model", "GET /v1/models lists them"),
    (
        "POST",
        "/v1/predict",
        {**BODY, "model": "moods"},
        JSON,
        409,
        "other_kind",
        "moods is a classifier: POST to /v1/classify",
    ),
    ("POST", "/v1/forecast", {"source": [[[1]]]}, JSON, 409, "unfit_source", "(samples, steps, 2) is needed"),
    ("POST", "/v1/forecast", {"source": [[[1], [1, 2]]]}, JSON, 409, "unfit_source", "not of one shape"),
    ("POST", "/v1/forecast", {"source": [[[1, 2]] * 8], "levels": [0.3]}, JSON, 409, "unfit_source", "no quantile 0.3"),
    ("POST", "/v1/forecast", '{"source": [[[1, NaN]]]}', JSON, 422, "invalid_request", "source"),
    ("POST", "/v1/forecast", {"source": [[[1, 1e300]] * 8]}, JSON, 409, "unfit_source", "no finite numbers"),
    ("GET", "/v1/predict", None, {}, 405, "method_not_allowed", "Allow"),
    ("POST", "/healthz", None, {}, 405, "method_not_allowed", "Allow"),
    ("DELETE", "/v1/models", None, {}, 405, "method_not_allowed", "Allow"),
    ("GET", "/v1/nothing", None, {}, 404, "not_found", "GET /openapi.json"),
    ("GET", "/v1/models/", None, {}, 404, "not_found", "GET /openapi.json"),
    ("GET", "/healthz", None, {"x": "y" * 20000}, 431, "headers_too_large", "over 16384 bytes"),
    ("GET", "/healthz?" + "q" * 17000, None, {}, 431, "headers_too_large", "over 16384 bytes"),
]


@pytest.mark.parametrize("method, path, body, headers, status, code, message", ERRORS)
def test_what_cannot_be_answered_is_an_error_that_says_why(small, method, path, body, headers, status, code, message):
    content = json.dumps(body) if isinstance(body, (dict, list)) else body
    with httpx.Client(base_url=small.url) as client:
        answer = client.request(method, path, content=content, headers=headers)
        assert answer.status_code == status and answer.headers["content-type"] == "application/json", answer.text
        assert answer.json()["error"]["code"] == code and message in answer.json()["error"]["message"]
        assert list(answer.json()) == ["error"] and list(answer.json()["error"]) == ["code", "message"]
        if status == 405:
            assert answer.headers["allow"]
        assert client.get("/healthz").json() == {"status": "ok"}  # on the same connection, where it stays open


def test_a_verb_that_no_model_is_for_is_an_error(models):
    with running({"moods": models["moods"]}) as server:
        answer = server.post("/v1/predict", text="a")
        assert answer.status_code == 409 and "no model that is served is one for predict" in answer.text


def test_what_the_model_fails_on_is_the_error_of_that_request_alone(held, caplog):
    search = held.model.model.search

    def poor(sources, *rest):
        found = search(sources, *rest)
        nan = np.array(math.nan)
        return [
            [one._replace(score=nan) for one in part] if len(source) == 4 else part
            for source, part in zip(sources, found)
        ]

    held.model.model.search = poor
    with running({"held": held}) as server, ThreadPoolExecutor(5) as threads:
        held.model.gate.clear()
        held.model.entered.clear()
        asked = [threads.submit(server.post, "/v1/predict", text="a")]
        assert held.model.entered.wait(20)
        asked += [threads.submit(server.post, "/v1/predict", text=text) for text in ("a b", "a b c", "a b c d")]
        server.wait_for("s2s_queue_texts", 3)
        held.model.gate.set()
        assert [one.result().status_code for one in asked] == [200, 200, 500, 200]
        assert "held gives no probabilities" in asked[2].result().json()["error"]["message"]
        held.model.model.search = None  # it is not callable
        answer = server.post("/v1/predict", text="a")
        assert answer.status_code == 500 and answer.json()["error"]["code"] == "internal"
        assert "callable" not in answer.text and "callable" in caplog.text


def test_more_than_may_wait_is_refused_with_the_time_to_try_again(held):
    with running({"held": held}, Limits(max_queue=3, max_texts=3)) as server, ThreadPoolExecutor(3) as threads:
        held.model.gate.clear()
        held.model.entered.clear()
        first = threads.submit(server.predict, "a")
        assert held.model.entered.wait(20)
        second = threads.submit(server.predict, ["b", "c"])
        server.wait_for("s2s_queue_texts", 2)
        answer = server.post("/v1/predict", text=["d", "e"])
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["code"] == "queue_full"
        held.model.gate.set()
        assert first.result() and second.result()


def test_an_answer_that_takes_too_long_is_an_error_and_what_waits_is_dropped(held):
    with running({"held": held}, Limits(timeout=0.2)) as server:
        held.model.gate.clear()
        held.model.batches.clear()
        for _ in range(2):
            answer = server.post("/v1/predict", text="a b")
            assert answer.status_code == 504 and answer.json()["error"]["code"] == "timeout"
        assert server.metric("s2s_queue_texts") == 0
        held.model.gate.set()
        assert server.predict("c") and held.model.batches == [1, 1]  # the second one was never run


def test_a_client_that_leaves_stops_its_work(held):
    with running({"held": held}) as server, ThreadPoolExecutor(1) as threads:
        held.model.gate.clear()
        held.model.batches.clear()
        held.model.entered.clear()
        first = threads.submit(server.predict, "a")
        assert held.model.entered.wait(20)
        with server.connect() as connection:
            connection.sendall(request({"text": ["b", "c", "d"]}))
            server.wait_for("s2s_queue_texts", 3)
        server.wait_for("s2s_queue_texts", 0)
        held.model.gate.set()
        assert first.result() and server.predict("e") and held.model.batches == [1, 1]
        assert 's2s_requests_total{path="/v1/predict",status="499"} 1.0' in httpx.get(server.url + "/metrics").text


def test_requests_in_a_row_on_one_connection_are_answered_in_order(server, models):
    with server.connect() as connection:
        last = request({"text": "c"}, headers="Connection: close\r\n")
        connection.sendall(request({"text": "a"}) + request({"text": "b"}) + last)
        answers = to_the_end(connection).split(b"HTTP/1.1 200 OK")[1:]
    found = [json.loads(answer.split(b"\r\n\r\n")[1])["results"][0] for answer in answers]
    assert len(found) == 3 and all(same(one, [models["letters"].predict(text)]) for one, text in zip(found, "abc"))


def test_metrics_count_requests_by_path_and_status_and_no_path_of_a_client(small):
    small.post("/v1/predict", text="a")
    httpx.get(small.url + "/secret")
    text = httpx.get(small.url + "/metrics").text
    assert 's2s_requests_total{path="/v1/predict",status="200"}' in text and "secret" not in text
    assert 's2s_requests_total{path="other",status="404"}' in text
    assert 's2s_request_seconds_bucket{le="0.005",path="/v1/predict"}' in text
    assert "process_resident_memory_bytes" in text


def test_models_are_listed_with_what_clients_need(server):
    answer = httpx.get(server.url + "/v1/models").json()
    assert answer["limits"] == {"max_body": 1 << 20, "max_texts": 1000, "max_tokens": 1000, "max_beam": 20}
    listed = {one.pop("name"): one for one in answer["models"]}
    about = listed["letters"]["about"]
    assert about["architecture"] == "attention_lstm" and about["figures"]["updates"] == 60 and about["licence"] == ""
    assert listed["sales"]["about"] is None
    assert list(listed) == ["letters", "moods", "other", "sales"]
    assert listed["letters"]["path"] == "/v1/predict" and listed["letters"]["kind"] == "translator"
    assert listed["moods"]["labels"] == ["neg", "pos"]
    assert listed["sales"]["targets"] == ["a", "b"] and listed["sales"]["length"] == 3


def test_the_document_names_every_error_and_the_models(server):
    text = httpx.get(server.url + "/openapi.json").text
    errors = {"method_not_allowed", "not_found"}  # of what the document does not have
    assert all(f"`{code}`" in text for code in KINDS.keys() - errors)
    schemas = json.loads(text)["components"]["schemas"]
    assert schemas["ModelAbout"]["properties"].keys() == About.__dataclass_fields__.keys()
    properties = schemas["PredictRequest"]["properties"]
    assert properties["model"]["anyOf"][0]["enum"] == ["letters", "other"]
    assert properties["beam"]["maximum"] == 20 and properties["text"]["anyOf"][1]["maxItems"] == 1000


def test_a_page_of_another_site_may_use_the_server_only_if_it_is_named(server, models):
    origin = {"origin": "https://a.example"}
    assert "access-control-allow-origin" not in httpx.get(server.url + "/healthz", headers=origin).headers
    with running({"moods": models["moods"]}, origins=["https://a.example"]) as open_:
        asks = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        answer = httpx.options(open_.url + "/v1/classify", headers=asks)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        other = httpx.get(open_.url + "/healthz", headers={"origin": "https://b.example"})
        assert "access-control-allow-origin" not in other.headers


def test_the_page_is_ours_or_that_of_a_folder(server, models, tmp_path):
    page = httpx.get(server.url + "/")
    assert "v1/models" in page.text and page.headers["content-type"].startswith("text/html")
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    folder = tmp_path / "page"
    (folder / "deep").mkdir(parents=True)
    (folder / "index.html").write_text("<p>hello")
    (folder / "deep" / "run.wasm").write_bytes(b"\0asm")
    (folder / ".secret").write_text("s")
    (tmp_path / "beside").write_text("s")
    with running({"moods": models["moods"]}, page=files_of(folder)) as other:
        assert httpx.get(other.url + "/").text == httpx.get(other.url + "/index.html").text == "<p>hello"
        assert httpx.get(other.url + "/deep/run.wasm").headers["content-type"] == "application/wasm"
        for path in ("/../beside", "/%2e%2e/beside", "/deep/../../beside", "/.secret", "//etc/passwd"):
            answer = other.says(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 404"), path
    with pytest.raises(UsageError, match="has no index.html"):
        files_of(tmp_path)


def test_limits_out_of_range_name_the_flag():
    for values, message in (
        ({"max_beam": 0}, "--max-beam 0 is out of range: use 1 or more"),
        ({"timeout": math.nan}, "--timeout nan is out of range"),
        ({"max_queue": 5}, "--max-queue 5 is less than --max-texts 1000"),
    ):
        with pytest.raises(UsageError, match=message):
            Limits(**values)


def test_two_models_compute_at_the_same_time(models):
    first, second = translator(), translator()
    for one in (first, second):
        one.model = Held(one.model)
        one.model.gate.set()
    with running({"first": first, "second": second}) as server, ThreadPoolExecutor(1) as threads:
        first.model.gate.clear()
        first.model.entered.clear()
        waits = threads.submit(server.predict, "a", model="first")
        assert first.model.entered.wait(20)
        assert server.predict("a", model="second")
        first.model.gate.set()
        assert waits.result() and threading.active_count()
