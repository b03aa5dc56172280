"""Clients that are slow, broken or hostile get an error in the form of all, and never a connection for long."""

import json
import select
import socket
import threading

import pytest
from served import Held, request, running, to_the_end, translator

from s2s_plugins.server.limits import Limits

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server():
    """It has little patience."""
    with running({"letters": translator()}, Limits(client_timeout=0.5, max_body=1000)) as found:
        yield found


def problem(answer, status, code):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/json" in head.lower() and b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == code
    return True


GARBAGE = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(100)) + b"\r\n\r\n",
    "zeros": bytes(1000) + b"\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": HEAD + b"Content-Length: five\r\n\r\n",
    "an unknown encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_http_is_an_error(server, what):
    assert problem(server.says(GARBAGE[what]), 400, "bad_request")
    assert server.predict("a")


def test_a_chunk_that_is_none_is_an_error(server):
    assert problem(server.says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400, "bad_request")


def test_a_head_without_an_end_is_an_error_at_its_limit(server):
    answer = server.says(b"GET / HTTP/1.1\r\n", *[b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(40)])
    assert problem(answer, 431, "headers_too_large")


def test_a_body_in_chunks_is_taken_and_limited(server):
    body = b'{"text": "a b"}'
    chunked = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert server.says(chunked).startswith(b"HTTP/1.1 200 OK")
    large = b"".join(b"100\r\n%s\r\n" % (b" " * 256) for _ in range(10))
    assert problem(
        server.says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", large, b"0\r\n\r\n"), 413, "body_too_large"
    )


def test_a_body_that_never_ends_is_not_read_for_ever(server):
    """Nor its end is waited for."""
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n" + b" " * 20000)
        assert problem(to_the_end(connection), 413, "body_too_large")


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n", HEAD + b'Content-Length: 100\r\n\r\n{"text"'],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_request_that_does_not_arrive_ends_the_connection(server, begun):
    assert problem(server.says(begun), 408, "slow_client")


def test_a_request_that_arrives_byte_by_byte_is_late_all_the_same(server):
    stop, found = threading.Event(), []

    with server.connect() as connection:

        def drip():
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        thread = threading.Thread(target=drip)
        thread.start()
        found.append(to_the_end(connection))
        stop.set()
        thread.join()
    assert problem(found[0], 408, "slow_client")


def test_a_second_request_has_its_own_time(server):
    with server.connect() as connection:
        connection.sendall(request({"text": "a"}) + b"POST /v1/pre")
        first, _, second = to_the_end(connection).partition(b"HTTP/1.1 408")
    assert first.startswith(b"HTTP/1.1 200 OK") and b"slow_client" in second


def test_a_second_request_that_begins_later_has_its_own_time_too(server):
    with server.connect() as connection:
        connection.sendall(request({"text": "a"}))
        answer = b""
        while b"probability" not in answer:
            answer += connection.recv(1 << 16)
        connection.sendall(b"POST /v1/pre")
        assert problem(to_the_end(connection), 408, "slow_client")


def test_an_answer_may_take_longer_than_a_client():
    model = translator()
    model.model = Held(model.model)
    model.model.gate.set()
    with running({"held": model}, Limits(client_timeout=0.2)) as server:
        model.model.gate.clear()
        model.model.entered.clear()
        with server.connect() as connection:
            connection.sendall(request({"text": "a"}, headers="Connection: close\r\n"))
            assert model.model.entered.wait(20)
            assert not select.select([connection], [], [], 0.6)[0]
            model.model.gate.set()
            assert to_the_end(connection).startswith(b"HTTP/1.1 200 OK")


def test_an_answer_that_nobody_reads_is_given_up():
    texts = ["a b c d e f g h i j"] * 60
    with running({"letters": translator()}, Limits(client_timeout=0.5)) as server:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(request({"text": texts, "nbest": 20, "alignment": True}, headers="Connection: close\r\n"))
        server.wait_for("s2s_batch_texts_sum", 60)
        server.wait_for("s2s_connections", 1)  # that of this question
        connection.close()


def test_more_connections_than_may_be_are_told_so_and_then_cut():
    with running({"letters": translator()}, Limits(max_connections=2)) as server:
        first, second = server.connect(), server.connect()
        third = server.connect()
        third.sendall(request({"text": "a"}))
        assert problem(to_the_end(third), 503, "too_many_connections")
        for connection in (first, second):
            connection.sendall(request({"text": "a"}, headers="Connection: close\r\n"))
            assert to_the_end(connection).startswith(b"HTTP/1.1 200 OK")
        assert server.predict("a")
        many = [server.connect() for _ in range(5)]
        assert to_the_end(many[4]) == b""
        for connection in (first, second, third, *many):
            connection.close()


def test_a_request_whose_client_closes_its_half_is_dropped():
    model = translator()
    model.model = Held(model.model)
    model.model.gate.set()
    with running({"held": model}) as server:
        model.model.gate.clear()
        model.model.entered.clear()
        with server.connect() as connection:
            connection.sendall(request({"text": "a"}))
            assert model.model.entered.wait(20)
            connection.shutdown(socket.SHUT_WR)
            assert to_the_end(connection) == b""
        model.model.gate.set()
        assert server.predict("b")
