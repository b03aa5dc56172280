"""The description of the server as an OpenAPI document; its schemas are those of pydantic."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Type

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from s2s_plugins import __version__
from s2s_plugins.server import schemas
from s2s_plugins.server.problems import KINDS

REFERENCE = "#/components/schemas/"
DESCRIPTION = 'Trained models over HTTP. Every error has the same form, `{"error": {"code": .., "message": ..}}`.'
EVERYWHERE = ("bad_request", "slow_client", "body_too_large", "headers_too_large", "internal", "too_many_connections")
OF_A_VERB = ("not_json", "unknown_model", "other_kind", "not_json_type", "invalid_request", "queue_full", "timeout")
VERBS: Dict[str, Any] = {
    "predict": (schemas.PredictAnswer, "text_too_long no_features", "What texts become, by beam search."),
    "classify": (schemas.ClassifyAnswer, "text_too_long", "The classes of texts."),
    "forecast": (schemas.ForecastAnswer, "unfit_source", "What comes behind arrays of numbers."),
}
GETS: Dict[str, Any] = {
    "/v1/models": (schemas.ModelsAnswer, "What is served."),
    "/healthz": (schemas.HealthAnswer, "Whether the server answers."),
    "/metrics": (None, "Counters, in Prometheus' text format."),
    "/openapi.json": (None, "This document."),
}


def document(requests: Mapping[str, Type[BaseModel]], names: Mapping[str, Sequence[str]]) -> Dict[str, Any]:
    """The document.

    Args:
        requests: their classes, by verb.
        names: of the models that are served, by verb.
    """
    answers = [schemas.ErrorAnswer, *(entry[0] for entry in (*VERBS.values(), *GETS.values()) if entry[0] is not None)]
    kinds = [*((one, "validation") for one in requests.values()), *((one, "serialization") for one in answers)]
    _, found = models_json_schema(kinds, ref_template=REFERENCE + "{model}")  # type: ignore[arg-type]
    for verb, request in requests.items():
        model = found["$defs"][request.__name__]["properties"]["model"]
        model["anyOf"] = [{"type": "string", "enum": list(names[verb])} if names[verb] else {}, {"type": "null"}]
    paths: Dict[str, Any] = {path: {"get": _get(path, *entry)} for path, entry in GETS.items()}
    paths.update({f"/v1/{verb}": {"post": _post(verb, requests[verb], *entry)} for verb, entry in VERBS.items()})
    return {
        "openapi": "3.1.0",
        "info": {"title": "s2s serve", "version": __version__, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": found["$defs"]},
    }


def _get(path: str, answer: Optional[Type[BaseModel]], summary: str) -> Dict[str, Any]:
    responses = _errors(*EVERYWHERE)
    if answer is None:
        kind = "text/plain" if path == "/metrics" else "application/json"
        schema = {"type": "string" if path == "/metrics" else "object"}
        responses["200"] = {"description": "The answer.", "content": {kind: {"schema": schema}}}
    else:
        responses["200"] = _json(answer, "The answer.")
    return {"operationId": path.strip("/").replace("/", "_"), "summary": summary, "responses": responses}


def _post(verb: str, request: Type[BaseModel], answer: Type[BaseModel], unfit: str, summary: str) -> Dict[str, Any]:
    responses = {**_errors(*EVERYWHERE, *OF_A_VERB, *unfit.split()), "200": _json(answer, "The answer.")}
    body = {"required": True, **_json(request, "What is asked.")}
    return {"operationId": verb, "summary": summary, "requestBody": body, "responses": responses}


def _json(model: Type[BaseModel], description: str) -> Dict[str, Any]:
    schema = {"$ref": REFERENCE + model.__name__}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _errors(*codes: str) -> Dict[str, Any]:
    """The answers that are errors, by status."""
    found: Dict[str, Any] = {}
    for code in codes:
        kind, status = KINDS[code], str(KINDS[code].status)
        line = f"`{code}`: {kind.meaning}."
        if status in found:
            found[status]["description"] += " " + line
            continue
        found[status] = _json(schemas.ErrorAnswer, line)
        if status == "503":
            found[status]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return found
