"""
The vocabulary's metrics as instruments, made once per telemetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observability.metrics import Counter, Gauge, Histogram, Metrics
from observability.vocabulary import DURATION_BUCKETS, METRICS


@dataclass(frozen=True, slots=True)
class RequestInstruments:
    duration: Histogram
    total: Counter
    exceptions: Counter


class Instruments:
    """
    A name of the vocabulary brings its own help, labels and buckets; other names need theirs.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.requests = RequestInstruments(
            self.histogram("flask_http_request_duration_seconds"),
            self.counter("flask_http_request_total"),
            self.counter("flask_http_request_exceptions_total"),
        )
        self.calls = self.histogram("http_client_request_duration_seconds")
        self.emitted = self.counter("telemetry_emitted_total")
        self.dropped = self.counter("telemetry_dropped_total")
        self.queued = self.gauge("telemetry_queue_length")
        self.deleted = self.counter("log_bytes_deleted_total")
        self.lines = self.counter("log_lines_total")

    def counter(self, name: str, help: str = "", labels: Sequence[str] = ()) -> Counter:
        known = METRICS.get(name)
        if known is not None:
            return self._metrics.counter(name, known.help, known.labels)
        return self._metrics.counter(name, help, tuple(labels))

    def gauge(self, name: str, help: str = "", labels: Sequence[str] = (), merge: str = "sum") -> Gauge:
        known = METRICS.get(name)
        if known is not None:
            return self._metrics.gauge(name, known.help, known.labels, merge=known.merge)
        return self._metrics.gauge(name, help, tuple(labels), merge=merge)

    def histogram(
        self, name: str, help: str = "", labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> Histogram:
        known = METRICS.get(name)
        if known is not None:
            return self._metrics.histogram(name, known.help, known.labels, known.buckets)
        return self._metrics.histogram(name, help, tuple(labels), tuple(buckets) or DURATION_BUCKETS)
