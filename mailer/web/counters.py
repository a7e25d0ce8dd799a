"""How often each kind of page was asked for, with which answer, and how long that took; for /metrics alone.

With several processes each keeps its numbers in a file of a folder that PROMETHEUS_MULTIPROC_DIR names, and whichever
is asked adds them up.
"""

from __future__ import annotations

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

# A third of the text, and nobody reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

REQUESTS = Counter("mailer_requests_total", "Requests answered.", ("route", "method", "status"))
SECONDS = Histogram(
    "mailer_request_seconds", "Time to answer a request.", ("route",), buckets=(0.005, 0.02, 0.1, 0.5, 2, 10)
)


def count(route: str, method: str, status: int, seconds: float) -> None:
    """One request. `status` 0: whoever asked hung up first."""
    REQUESTS.labels(route, method, str(status)).inc()
    SECONDS.labels(route).observe(seconds)


def text() -> bytes:
    """All of it as Prometheus reads it, with what the system says of this process."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
