"""A server as a process: its socket, its signals, and its end."""

from __future__ import annotations

import contextlib
import errno
import gc
import ipaddress
import logging
import math
import os
import re
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

import uvicorn

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.load import Model
from s2s_plugins.server.app import app_of
from s2s_plugins.server.intake import HEAD
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.metrics import Metrics
from s2s_plugins.server.page import File
from s2s_plugins.server.protocol import KEEP_ALIVE, protocol_of

BACKLOG = 1024
ORIGIN = re.compile(r"(?P<site>(?P<scheme>[a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\]))(:(?P<port>[0-9]{1,5}))?")
PORTS = {"http": 80, "https": 443}  # that browsers leave out


class Server(uvicorn.Server):
    """A server that says when it is ready, and how it ends.

    SIGTERM: it takes nothing new, finishes what runs, and returns. Ctrl-C, or a second SIGTERM: it ends at once.

    Args:
        config: of uvicorn.
        ready: is printed on stderr, once connections are taken.
    """

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: Optional[List[socket.socket]] = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self.ready, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is threading.main_thread():  # in another one a program has its own
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: Optional[FrameType]) -> None:
        if sig == signal.SIGTERM and not self.should_exit:
            self.should_exit = True
            return
        os.write(2, b"\ns2s serve: stopped\n")
        os._exit(128 + sig)


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound, and takes no connections yet.

    Args:
        host: name or address.
        port: 0: one that is free.

    Raises:
        UsageError: there is no such address, the port is in use, or it is not ours to use.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port} is out of range: use 0 to 65535, 0 is one that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host} is no address of this machine ({error}): use 127.0.0.1") from None
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # else a port stays in use for a minute after the server's end
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UsageError(reason(error, host, port)) from None
    return bound


def reason(error: OSError, host: str, port: int) -> str:
    """Why an address cannot be had, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"--port {port} is in use: choose another, or 0 for one that is free"
    if error.errno == errno.EACCES:
        return f"--port {port} is the system's: use 1024 or more, and let a proxy forward to it"
    return f"--host {host} cannot be used ({error.strerror}): use 127.0.0.1"


def serve(
    models: Mapping[str, Model],
    bound: socket.socket,
    limits: Limits,
    page: Optional[Mapping[str, File]] = None,
    origins: Sequence[str] = (),
) -> None:
    """Serve models until a signal ends it.

    Args:
        models: by the names that requests call them by.
        bound: from :func:`bind`.
        limits: of the server.
        page: the files at ``/``; by default our own page.
        origins: the sites whose pages may use the server.

    Raises:
        UsageError: a model is of no use.
    """
    server = make_server(models, bound, limits, page, origins)
    # models and modules are here to stay, and requests leave hardly a cycle: to look for garbage among all that, every
    # 700 new objects, took a third of the time
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    sys.setswitchinterval(
        0.001
    )  # a model that has computed a step waits at most so long for the thread that speaks HTTP
    server.run([bound])


def make_server(
    models: Mapping[str, Model],
    bound: socket.socket,
    limits: Limits,
    page: Optional[Mapping[str, File]] = None,
    origins: Sequence[str] = (),
) -> Server:
    """As :func:`serve`, which runs it."""
    metrics = Metrics()
    app = app_of(models, limits, metrics, page, origins)
    logging.getLogger("uvicorn.access").propagate = False  # ours is without query strings, and off by default
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # else a line for each client that speaks no HTTP
    config = uvicorn.Config(
        app,
        http=protocol_of(limits, metrics),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(limits.timeout + limits.client_timeout),
        h11_max_incomplete_event_size=HEAD,
    )
    return Server(config, f"s2s serve: {url_of(bound)} serves {', '.join(models)}")


def url_of(bound: socket.socket) -> str:
    """Where a server is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


def is_loopback(bound: socket.socket) -> bool:
    """Whether a server is reached from this machine alone."""
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def named(words: Sequence[str]) -> Dict[str, str]:
    """Paths by the names of their models.

    Raises:
        UsageError: two have one name.
    """
    found: Dict[str, str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or Path(word).exists():
            name, path = Path(word).stem, word
        if name in found or not name:
            raise UsageError(f"{word}: two models have the name {name!r}: give names, as {name or 'a'}2={path}")
        found[name] = path
    return found


def origin(text: str) -> str:
    """A site as browsers name it: ``https://x.org``, ``http://x.org:8080``.

    Raises:
        UsageError: it is none.
    """
    parts = ORIGIN.fullmatch(text.lower())
    if parts is not None and int(parts["port"] or 0) <= 65535:
        usual = parts["port"] is None or int(parts["port"]) == PORTS.get(parts["scheme"])
        return parts["site"] + ("" if usual else f":{int(parts['port'])}")
    raise UsageError(f"--cors {text} is no site: use scheme://host or scheme://host:port, as https://x.org")


def log_requests(prefix: str) -> None:
    """Write a line per request on stderr, each behind ``prefix``."""
    log = logging.getLogger("s2s_plugins.server.access")
    log.addHandler(logging.StreamHandler())
    log.handlers[0].setFormatter(logging.Formatter(f"{prefix}%(message)s"))
    log.setLevel(logging.INFO)
    log.propagate = False
