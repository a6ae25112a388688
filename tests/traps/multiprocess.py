"""
prometheus_client's multiprocess mode, which its documentation has for several workers: ``python -m
tests.traps.multiprocess``, with PROMETHEUS_MULTIPROC_DIR set. Prints what a scrape gets in OpenMetrics.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import generate_latest

if __name__ == "__main__":
    seconds = Histogram("flask_http_request_duration_seconds", "Duration", ("method", "url_rule", "status"))
    seconds.labels("GET", "/ok", "200").observe(0.2, exemplar={"trace_id": "a" * 32, "span_id": "b" * 16})
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    print(generate_latest(registry).decode(), end="")
