"""HTTP/1.1 for clients that are slow, broken or hostile: uvicorn's protocol, on h11, and what it leaves to a proxy.

A request has to arrive in time, an answer has to be read in time, connections are limited, and what is no HTTP is
answered in the form of all errors.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, List, MutableMapping, Optional, Type

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from s2s_plugins.server.intake import HEAD, Receive, Send, refuse
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.metrics import Metrics
from s2s_plugins.server.problems import Problem

KEEP_ALIVE = 5  # seconds for which a connection without a request stays open


class Joined:
    """A transport that sends what is written in one go as one piece: uvicorn writes the head of an answer and its body
    apart, and a second call of the system takes as long as the framework.

    Args:
        transport: the real one.
        loop: its.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: List[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """As that of a transport."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        """As that of a transport."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()


class GuardedProtocol(H11Protocol):
    """One connection.

    Attributes:
        limits: of the server.
        metrics: that count.
    """

    limits: Limits
    metrics: Metrics
    _deadline: Optional[asyncio.TimerHandle] = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Joined(transport, self.loop)  # type: ignore[assignment]
        self.metrics.connections.set(len(self.connections))
        over = len(self.connections) - self.limits.max_connections
        if over > self.limits.max_connections:  # not even to say no
            transport.abort()
        elif over > 0:
            self.app = self._busy
        self._watch()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        super().connection_lost(exc)
        self.metrics.connections.set(len(self.connections))
        self._unset_keepalive_if_required()
        self._forget_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._forget_deadline()
        if self.transport.is_closing():
            self._abort_later()
        elif self.conn.trailing_data[0]:  # the next request has begun
            self._watch()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_later()

    def shutdown(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()
            if self.transport.is_closing():
                self._abort_later()

    def send_400_response(self, msg: str) -> None:
        error = sys.exc_info()[1]  # uvicorn calls this while it handles h11's, and does not pass it on
        if getattr(error, "error_status_hint", 400) == 431:
            self._reject(
                Problem(
                    "headers_too_large", f"the head of the request has over {HEAD} bytes: send fewer or shorter headers"
                )
            )
        else:
            self._reject(Problem("bad_request", "what was sent is no HTTP/1.1 request"))

    def _watch(self) -> None:
        """Set the deadline of a request, head and body, unless one has arrived and is being answered."""
        answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if answering or self.transport.is_closing():
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.client_timeout, self._is_late)

    def _is_late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            seconds = self.limits.client_timeout
            self._reject(Problem("slow_client", f"no whole request arrived within {seconds:g} s: send it sooner"))

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _abort_later(self) -> None:
        """An answer that its client does not read is given up: a connection that closes would wait for it for ever."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.client_timeout, self.transport.abort)

    def _reject(self, problem: Problem) -> None:
        """Answer what is no request, and close the connection."""
        self._forget_deadline()
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:  # the body of a request: nobody is answered
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("content-type", "application/json"), ("content-length", str(len(problem.body)))]
            headers += [*problem.headers.items(), ("connection", "close")]
            head = h11.Response(status_code=problem.status, headers=headers, reason=STATUS_PHRASES[problem.status])
            for event in (head, h11.Data(data=problem.body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.metrics.rejected(problem.status)
        self.transport.close()
        self._abort_later()

    async def _busy(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The application of a connection that is one too many."""
        problem = Problem("too_many_connections", f"{self.limits.max_connections} clients are connected: try again")
        self.metrics.rejected(problem.status)
        await refuse(send, problem, close=True)


def protocol_of(limits: Limits, metrics: Metrics) -> Type[GuardedProtocol]:
    """The protocol of a server."""
    return type("Protocol", (GuardedProtocol,), {"limits": limits, "metrics": metrics})
