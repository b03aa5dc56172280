"""Answers that are errors: one form, ``{"error": {"code": .., "message": ..}}``, and every code in one table."""

from __future__ import annotations

import json
from typing import Dict, Mapping, NamedTuple


class Kind(NamedTuple):
    """A kind of error.

    Attributes:
        status: of the answer.
        meaning: for the documentation.
    """

    status: int
    meaning: str


KINDS: Dict[str, Kind] = {
    "bad_request": Kind(400, "what was sent is no HTTP"),
    "not_json": Kind(400, "the body is no JSON"),
    "not_found": Kind(404, "there is no such path"),
    "unknown_model": Kind(404, "no such model is served"),
    "method_not_allowed": Kind(405, "the path has another method, see the header Allow"),
    "slow_client": Kind(408, "the request did not arrive in time"),
    "other_kind": Kind(409, "the model is of another kind"),
    "unfit_source": Kind(409, "the model that is served cannot forecast from this array"),
    "body_too_large": Kind(413, "the body is larger than the server takes"),
    "not_json_type": Kind(415, "the content type is not application/json"),
    "invalid_request": Kind(422, "a field is missing, unknown or out of range"),
    "text_too_long": Kind(422, "a text has more tokens than the model or the server takes"),
    "no_features": Kind(422, "a text has no tab with features behind it, and the model needs them"),
    "headers_too_large": Kind(431, "the head of the request is larger than the server takes"),
    "internal": Kind(500, "the server failed; its log has the reason"),
    "queue_full": Kind(503, "too much waits already, try again later, see the header Retry-After"),
    "too_many_connections": Kind(503, "too many clients are connected, try again later, see the header Retry-After"),
    "timeout": Kind(504, "the answer was not ready in time"),
}
LEFT = 499  # the status, in metrics and log, of a request whose client left; it reaches nobody
RETRY = {"Retry-After": "1"}


class Problem(Exception):
    """A request that cannot be answered.

    Args:
        code: of :data:`KINDS`.
        message: what is wrong, the limit, and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, KINDS[code].status

    @property
    def headers(self) -> Dict[str, str]:
        """Of the answer, beside those that every one has."""
        return dict(RETRY) if self.status == 503 else {}

    @property
    def body(self) -> bytes:
        """Of the answer."""
        return encoded({"error": {"code": self.code, "message": self.message}})


def encoded(values: Mapping[str, object]) -> bytes:
    """An answer as JSON, in UTF-8; a lone surrogate, which has no UTF-8, as the escape that JSON has for it."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
