"""What a server counts, for Prometheus."""

from __future__ import annotations

from typing import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one server, beside those of its process (memory, processor, open files)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "s2s_requests", "Requests, by path and status.", ("path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "s2s_request_seconds",
            "Time from the head of a request to its answer.",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "s2s_batch_texts", "Texts of a batch.", ("model",), buckets=TEXTS, registry=self.registry
        )
        self.queue = Gauge("s2s_queue_texts", "Texts that wait.", ("model",), registry=self.registry)
        self.connections = Gauge("s2s_connections", "Open connections.", registry=self.registry)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def rejected(self, status: int) -> None:
        """Count what was refused before it was a request."""
        self.requests.labels("", str(status)).inc()

    def watch(self, model: str, waiting: Callable[[], int]) -> Callable[[int], object]:
        """Report the queue of a model.

        Args:
            model: its name.
            waiting: the number of texts that wait.

        Returns:
            What is to be told the number of texts of each batch.
        """
        self.queue.labels(model).set_function(waiting)
        return self.batches.labels(model).observe

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self.registry)
