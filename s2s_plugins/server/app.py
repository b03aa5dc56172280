"""The application: paths, and what they do."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Type

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.load import Model
from s2s_plugins.inference.trained import USES
from s2s_plugins.server.batcher import Batcher
from s2s_plugins.server.intake import App, Intake, Left, Receive, Verb
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.metrics import Metrics
from s2s_plugins.server.openapi import document
from s2s_plugins.server.page import File, own_page
from s2s_plugins.server.problems import Problem, encoded
from s2s_plugins.server.schemas import ServedLimits, explained, requests_of
from s2s_plugins.server.services import Service, service_of

JSON = "application/json"
LARGE = 1 << 14  # bytes of a body whose texts are split in a thread: to find the pieces of a megabyte takes long
LISTED = tuple(ServedLimits.model_fields)  # the limits that clients are told
Handler = Callable[[Request], Awaitable[Response]]


class Models:
    """The models of a server, each with its queue.

    Args:
        services: in the order in which they were named; names are unique.
        limits: of the server.
        metrics: that count.
    """

    def __init__(self, services: Sequence[Service[Any]], limits: Limits, metrics: Metrics) -> None:
        self.services = {service.name: service for service in services}
        self.limits = limits
        self.queues = {one.name: Batcher(one.run, limits.batch_size, limits.max_queue) for one in services}
        for name, queue in self.queues.items():
            queue.started = metrics.watch(name, queue.count)

    def of_verb(self, verb: str) -> List[str]:
        """The names of the models that a verb is for."""
        return [name for name, service in self.services.items() if service.verb == verb]

    def find(self, name: Optional[str], verb: str) -> Service[Any]:
        """The model that a request is for; without a name, the first one of the verb.

        Raises:
            Problem: it is not served, or of another kind.
        """
        names = self.of_verb(verb)
        if name is None:
            if not names:
                raise Problem("other_kind", f"no model that is served is one for {verb}: GET /v1/models lists them")
            name = names[0]
        service = self.services.get(name)
        if service is None:
            raise Problem("unknown_model", "no model of this name is served: GET /v1/models lists them")
        if service.verb != verb:
            raise Problem("other_kind", f"{name} is a {service.model.kind}: POST to /v1/{service.verb}")
        return service

    async def answers(self, service: Service[Any], body: Any, large: bool, receive: Receive) -> List[Dict[str, Any]]:
        """The answers to a request. If its client leaves, or it takes too long, what waits of it is dropped.

        Args:
            service: the model.
            body: what the request says.
            large: whether that is much.
            receive: says when its client leaves.

        Raises:
            Problem: it cannot be answered, or takes too long.
            Left: its client has left.
        """
        queue = self.queues[service.name]
        items, key = await asyncio.to_thread(service.items, body) if large else service.items(body)
        job, leaving = queue.submit(items, key), asyncio.ensure_future(_leaves(receive))
        waits: List[asyncio.Future[Any]] = [job.done, leaving]
        try:
            await asyncio.wait(waits, timeout=self.limits.timeout, return_when=asyncio.FIRST_COMPLETED)
            if job.done.done():
                return job.done.result()
        except UsageError as error:
            raise Problem(service.failure, str(error)) from error
        finally:
            leaving.cancel()
            queue.drop(job)
        if leaving.done():
            raise Left
        seconds = self.limits.timeout
        raise Problem(
            "timeout", f"the answer was not ready within {seconds:g} s: send fewer or shorter texts, or later"
        )


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def app_of(
    models: Mapping[str, Model],
    limits: Limits,
    metrics: Metrics,
    page: Optional[Mapping[str, File]] = None,
    origins: Sequence[str] = (),
) -> App:
    """The application that serves models, which have answered once.

    Args:
        models: by the names that requests call them by.
        limits: of the server.
        metrics: that count.
        page: the files that are served, by path; by default our own page.
        origins: the sites whose pages may use the server.

    Raises:
        UsageError: a model is of no use.
    """
    services = [service_of(name, model, limits) for name, model in models.items()]
    for name, model in models.items():
        model.name = name  # in messages; that of a file is nothing for clients
    for service in services:
        service.warm_up()
    return create_app(services, limits, metrics, own_page() if page is None else page, origins)


def create_app(
    services: Sequence[Service[Any]],
    limits: Limits,
    metrics: Metrics,
    page: Mapping[str, File],
    origins: Sequence[str] = (),
) -> App:
    """The application that serves models.

    Args:
        services: in the order in which they were named; names are unique.
        limits: of the server.
        metrics: that count.
        page: the files that are served, by path.
        origins: the sites whose pages may use the server.
    """
    models, requests = Models(services, limits, metrics), requests_of(limits)
    described = encoded(document(requests, {verb: models.of_verb(verb) for verb in USES.values()}))
    listed = {"models": [one.listed() for one in services], "limits": {name: getattr(limits, name) for name in LISTED}}
    gets: Dict[str, Handler] = {
        "/v1/models": _sends(lambda: encoded(listed), JSON),
        "/healthz": _sends(lambda: encoded({"status": "ok"}), JSON),
        "/metrics": _sends(metrics.text, "text/plain; version=0.0.4; charset=utf-8"),
        "/openapi.json": _sends(lambda: described, JSON),
        **{path: _sends(file.read, file.kind, file.headers) for path, file in page.items()},
    }
    verbs = {f"/v1/{verb}": _runs(models, verb, request) for verb, request in requests.items()}
    routes = [Route(path, handler, methods=["GET"]) for path, handler in gets.items()]
    routes += [Route(path, _never, methods=["POST"]) for path in verbs]  # of which GET is refused
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False
    outer: Any = Intake(app, verbs, limits, metrics, {*verbs, *gets})
    if origins:
        headers = ["content-type"]
        outer = CORSMiddleware(outer, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=headers)
    return outer


def _runs(models: Models, verb: str, asks: Type[BaseModel]) -> Verb:
    """What answers the requests of a verb."""

    async def answer(content: bytes, receive: Receive) -> bytes:
        try:
            body: Any = asks.model_validate_json(content)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            if errors[0]["type"] == "json_invalid":
                raise Problem("not_json", 'the body is not JSON: send an object, as {"text": "zebra"}') from None
            raise Problem("invalid_request", explained(errors)) from None
        service = models.find(body.model, verb)
        results = await models.answers(service, body, len(content) > LARGE, receive)
        return encoded({"model": service.name, **service.heading(body), "results": results})

    return answer


async def _never(request: Request) -> Response:
    raise AssertionError("the intake answers these")


def _sends(content: Callable[[], bytes], kind: str, headers: Sequence[Any] = ()) -> Handler:
    """The handler of a path that always sends the same thing."""

    async def handle(request: Request) -> Response:
        return Response(content(), media_type=kind, headers=dict(headers))

    return handle


def _answer(problem: Problem, headers: Optional[Mapping[str, str]] = None) -> Response:
    return Response(problem.body, problem.status, {**problem.headers, **(headers or {})}, media_type=JSON)


async def _refused(request: Request, error: Any) -> Response:
    """What the framework refuses: a path, or a method."""
    if error.status_code == 404:
        return _answer(Problem("not_found", "there is no such path: GET /openapi.json lists all"))
    return _answer(Problem("method_not_allowed", "the path has another method: see the header Allow"), error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    return _answer(Problem("internal", "the server failed: its log has the reason"))
