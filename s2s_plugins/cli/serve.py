"""``s2s serve``: trained models over HTTP."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from s2s_plugins.cli.main import MODEL, add_backend, values

DESCRIPTION = """\
Serves model files over HTTP: POST /v1/predict, /v1/classify and /v1/forecast, GET /v1/models, /healthz, /metrics and
/openapi.json, and a page at /. Requests that arrive together share a batch. SIGTERM finishes what runs, Ctrl-C ends it
at once."""
EPILOG = """\
  s2s serve g2p.safetensors                             http://127.0.0.1:8000
  s2s serve g2p=1.safetensors moods=2.safetensors       names for requests: {"model": "moods", "text": "a dull film"}
  s2s serve g2p.safetensors --port 0 --timeout 5        the port is printed"""
LIMITS = {
    "max_body": ("BYTES", "size of a request"),
    "max_texts": ("N", "texts of a request"),
    "max_tokens": ("N", "tokens of a text"),
    "max_beam": ("N", "width of the beam search, and number of predictions"),
    "max_queue": ("N", "texts of a model that wait; more are refused"),
    "max_connections": ("N", "open connections"),
    "batch_size": ("N", "texts at a time"),
    "timeout": ("SECONDS", "time for an answer"),
    "client_timeout": ("SECONDS", "time for a client to send a request, and to read the answer"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from s2s_plugins.server.limits import Limits

    add = parser.add_argument
    add("models", nargs="+", metavar="[NAME=]MODEL", help=f"{MODEL}; its name is by default that of the file")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="(default: 127.0.0.1, this machine alone)")
    add("--port", type=int, default=8000, metavar="N", help="0 = one that is free (default: 8000)")
    for name, (kind, text) in LIMITS.items():
        default = getattr(Limits, name)
        help = f"{text} (default: {default:g})" if isinstance(default, float) else f"{text} (default: {default})"
        add("--" + name.replace("_", "-"), type=type(default), default=default, metavar=kind, help=help)
    add(
        "--page",
        type=Path,
        metavar="DIR",
        help="the page at /: a folder of s2s export --web (default: one that asks this server)",
    )
    add("--cors", action="append", default=[], metavar="ORIGIN", help="a site whose pages may use it, as https://x.org")
    add("--access-log", action="store_true", help="write a line per request on stderr, without its texts")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    from s2s_plugins.cli.opening import open_model
    from s2s_plugins.server.limits import Limits
    from s2s_plugins.server.page import files_of
    from s2s_plugins.server.run import bind, is_loopback, log_requests, named, origin, serve, url_of

    limits, paths, origins = values(Limits, args), named(args.models), [origin(text) for text in args.cors]
    page = None if args.page is None else files_of(args.page)
    with bind(args.host, args.port) as bound:
        models = {name: open_model(path, args.backend) for name, path in paths.items()}
        if not is_loopback(bound):
            print(
                f"s2s serve: warning: {url_of(bound)} is open to the network: put a proxy with TLS and a password "
                "before it",
                file=sys.stderr,
            )
        if args.access_log:
            log_requests("s2s serve: ")
        serve(models, bound, limits, page, origins)
