"""
Readers: questions about stored signals, asked by the explorer and the command line.

The embedded readers (`clew/query/embedded/`) are built on stores; readers of the real backends will be clients with
the same promises. Nothing here renders anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clew.store.model import Exemplar, Labels, LogFilter, LogLine, Matcher, Series, Span, SpanFilter

__all__ = [
    "Bucket", "Histogram", "InstanceAccount", "LogReader", "MetricReader", "Readers", "TimeRange", "Trace",
    "TraceReader", "TraceSummary",
]


@dataclass(frozen=True, slots=True)
class TimeRange:
    """
    The moments from_ms, from_ms + step_ms, … <= to_ms (milliseconds since the epoch).
    """

    from_ms: int
    to_ms: int
    step_ms: int

    def moments(self) -> range:
        return range(self.from_ms, self.to_ms + 1, self.step_ms)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket: observations in (lower, upper], seconds; *count* is not cumulative; exemplars newest first."""

    lower: float
    upper: float
    count: float
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of one label set at one moment, counters as scraped (since the counters began)."""

    labels: Labels
    buckets: tuple[Bucket, ...]
    sum: float

    @property
    def count(self) -> float:
        return sum(bucket.count for bucket in self.buckets)


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace in a list. *duration_ns* spans from its first start to its last end; *services* in order of first appearance."""

    trace_id: str
    root_service: str
    root_name: str
    start_ns: int
    duration_ns: int
    spans: int
    errors: int
    services: tuple[str, ...]
    status_code: int | None


@dataclass(frozen=True, slots=True)
class Trace:
    """All spans of one trace, by start time. *missing_parents* are parent ids that no stored span has."""

    trace_id: str
    spans: tuple[Span, ...]
    missing_parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstanceAccount:
    """
    The ledger of one signal of one worker process. What is neither stored nor dropped is *missing*: in flight or lost.
    """

    service: str
    instance: str
    signal: str
    emitted: int
    stored: int
    dropped: int

    @property
    def missing(self) -> int:
        return max(0, self.emitted - self.stored - self.dropped)


class LogReader(Protocol):
    def search(self, where: LogFilter) -> Sequence[LogLine]: ...

    def count(self, where: LogFilter) -> int: ...

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]: ...


class MetricReader(Protocol):
    """Words and semantics are PromQL's; series come back sorted by labels, without ``__name__`` where PromQL drops it."""

    def rate(
        self, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        """``sum by (by) (rate(metric{where}[window]))`` at each moment; a moment without data has no point."""
        ...

    def quantile(
        self, q: float, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        """``histogram_quantile(q, sum by (le, by) (rate(metric_bucket{where}[window])))``, in the metric's unit."""
        ...

    def latest(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[tuple[Labels, float]]:
        """The instant vector ``metric{where}`` with Prometheus' 5 min lookback; stale series are left out."""
        ...

    def histograms(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[Histogram]:
        """The histograms of *metric* at *at_ms*, each bucket with its newest exemplars."""
        ...

    def exemplars(self, metric: str, *, where: Sequence[Matcher] = (), from_ms: int, to_ms: int) -> Sequence[Exemplar]: ...

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]: ...


class TraceReader(Protocol):
    def trace(self, trace_id: str) -> Trace | None: ...

    def search(self, where: SpanFilter) -> Sequence[TraceSummary]: ...

    def services(self) -> Mapping[str, Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class Readers:
    """What the explorer and the command line see of a stack, embedded or real."""

    logs: LogReader
    metrics: MetricReader
    traces: TraceReader
