"""Prometheus counters of one server, for ``GET /metrics``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Counters:
    """Predictions by status, those under way, their duration, and bytes uploaded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "isoline_requests",
            "Predictions asked for, by status.",
            ["status"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "isoline_in_flight", "Predictions under way.", registry=self.registry
        )
        self.seconds = Histogram(
            "isoline_request_seconds",
            "From the whole upload to the answer.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )
        self.bytes = Counter(
            "isoline_uploaded_bytes", "Bytes of the uploads taken on.", registry=self.registry
        )

    def text(self) -> bytes:
        """In the text format."""
        return generate_latest(self.registry)
