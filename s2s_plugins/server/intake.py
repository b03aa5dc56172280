"""What stands before the framework: it reads the body of a request, up to a limit, and measures."""

from __future__ import annotations

import logging
import time
from typing import Any, Awaitable, Callable, Container, Mapping, MutableMapping, Optional, Sequence, Tuple

from s2s_plugins.server.limits import Limits
from s2s_plugins.server.metrics import Metrics
from s2s_plugins.server.problems import LEFT, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Verb = Callable[[bytes, Receive], Awaitable[bytes]]

logger = logging.getLogger("s2s_plugins.server.access")
errors = logging.getLogger("s2s_plugins.server")
HEAD = 1 << 14  # bytes of a request's head
DISCARDED = 8  # times the largest body: so much of one that is too large is read, so that its client reads the answer


class Left(Exception):
    """The client has closed the connection."""


class Intake:
    """An ASGI application around another one.

    Args:
        app: the other one; it is called with the whole body.
        verbs: what answers a POST, by path: from its JSON to that of the answer; what it awaits says that the client
            has left. Nearly all requests are for them, and the framework would take longer than the rest.
        limits: of the server.
        metrics: that count.
        paths: that the metrics and the log name; what others are requested is up to clients.
    """

    def __init__(
        self, app: App, verbs: Mapping[str, Verb], limits: Limits, metrics: Metrics, paths: Container[str]
    ) -> None:
        self._app, self._verbs, self._limits, self._metrics, self._paths = app, verbs, limits, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answer = time.perf_counter(), _Answer(send)
        try:
            await self._handle(scope, receive, answer)
        except Left:
            answer.status = LEFT
        except Exception:
            errors.exception("a request failed")
            if answer.status is None:
                await answer.problem(Problem("internal", "the server failed: its log has the reason"))
        finally:
            path, seconds = scope["path"] if scope["path"] in self._paths else "other", time.perf_counter() - began
            status = LEFT if answer.status is None else answer.status
            self._metrics.request(path, status, seconds)
            logger.info("%s %s %d %.1f ms", scope["method"] if path != "other" else "-", path, status, 1000 * seconds)

    async def _handle(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            _check_head(scope)
            body = await self._body(receive)
            verb = self._verbs.get(scope["path"]) if scope["method"] == "POST" else None
            if verb is not None:
                _check_type(scope)
                await reply(answer, 200, await verb(body, receive))
                return
        except Problem as problem:
            await answer.problem(problem, close=problem.code in ("body_too_large", "headers_too_large"))
            return
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:  # from now on, a message says that the client has left
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, whole, answer)

    async def _body(self, receive: Receive) -> bytes:
        """The body of a request.

        Raises:
            Problem: it is too large.
            Left: its client has left.
        """
        most, size, parts, more = self._limits.max_body, 0, [], True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Left
            more = message.get("more_body", False)
            size += len(message.get("body", b""))
            if size <= most:
                parts.append(message.get("body", b""))
            elif size > DISCARDED * most:
                break
        if size > most:
            raise Problem("body_too_large", f"the body has over {most} bytes: send fewer texts at a time")
        return b"".join(parts)


class _Answer:
    """Sends an answer, and notes its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: Optional[int] = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def problem(self, problem: Problem, close: bool = False) -> None:
        """As :func:`refuse`."""
        await refuse(self, problem, close)


async def refuse(send: Send, problem: Problem, close: bool = False) -> None:
    """Answer with an error.

    Args:
        send: to whom.
        problem: what is wrong.
        close: whether the connection ends with it, since the request was not read to its end.
    """
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    if close:
        headers.append((b"connection", b"close"))
    await reply(send, problem.status, problem.body, headers)


async def reply(send: Send, status: int, body: bytes, headers: Sequence[Tuple[bytes, bytes]] = ()) -> None:
    """Answer with JSON."""
    every = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})


def _check_head(scope: Scope) -> None:
    """See that a head is not too large: of one that arrives at once, the protocol does not.

    Raises:
        Problem: it is.
    """
    fields = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if fields + len(scope["raw_path"]) + len(scope["query_string"]) > HEAD:
        raise Problem(
            "headers_too_large", f"the head of the request has over {HEAD} bytes: send fewer or shorter headers"
        )


def _check_type(scope: Scope) -> None:
    """See that a body is said to be JSON. A page of another site may send other types without being asked.

    Raises:
        Problem: it is not.
    """
    given = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if given.split(b";")[0].strip().lower() != b"application/json":
        raise Problem("not_json_type", "the header Content-Type is not application/json: add it")
