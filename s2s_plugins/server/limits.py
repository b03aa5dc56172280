"""What a server takes: every limit, once."""

from __future__ import annotations

from dataclasses import dataclass, fields

from s2s_plugins.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """The limits of a server. Each is a flag of ``s2s serve`` with the same name.

    Args:
        max_body: bytes of a request's body.
        max_texts: texts, or samples of an array, of a request.
        max_tokens: tokens of a text, ``</s>`` included; or steps of a sample, and of a forecast.
        max_beam: width of the beam search, and number of predictions of a text.
        max_queue: texts of a model that wait; a request that would add to more of them is refused.
        max_connections: open connections.
        batch_size: texts at a time.
        timeout: seconds from a request that was read to its answer.
        client_timeout: seconds that a client has to send the head of a request, to send its body, and to read the
            answer.

    Raises:
        UsageError: a limit is not positive, or ``max_queue`` is less than ``max_texts``.
    """

    max_body: int = 1 << 20
    max_texts: int = 1000
    max_tokens: int = 1000
    max_beam: int = 20
    max_queue: int = 5000
    max_connections: int = 500
    batch_size: int = 256
    timeout: float = 30.0
    client_timeout: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, flag = getattr(self, field.name), "--" + field.name.replace("_", "-")
            least = 1 if isinstance(field.default, int) else 0.1
            if not least <= value < float("inf"):  # a NaN is none of them
                raise UsageError(f"{flag} {value} is out of range: use {least} or more")
        if self.max_queue < self.max_texts:
            raise UsageError(
                f"--max-queue {self.max_queue} is less than --max-texts {self.max_texts}, and no request of so many "
                "would be taken: raise it"
            )
