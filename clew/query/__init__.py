"""
Readers: questions about stored signals, asked by the explorer and the command line.

The embedded readers (`clew/query/embedded/`) are built on stores; readers of the real backends will be clients with
the same promises. Nothing here renders anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clew.store import StoreError
from clew.store.model import Exemplar, Labels, LogFilter, LogLine, Matcher, Series, Span, SpanFilter

__all__ = [
    "Bucket", "Histogram", "InstanceAccount", "LogReader", "MetricReader", "QueryError", "Readers", "StoreError",
    "TimeRange", "Trace", "TraceReader", "TraceSummary",
]


class QueryError(Exception):
    """The question cannot be answered as it was asked; the message says what to change. See also `StoreError`."""


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
    """
    One trace in a list. *duration_ns* spans from its first start to its last end; *services* in order of appearance.
    """

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
    *emitted* and *dropped* are as of the last scrape, *stored* as of now; of an instance never scraped, *emitted* is 0.
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
    """Questions about log lines; the promises are those of `clew.store.LogStore`."""

    def search(self, where: LogFilter) -> Sequence[LogLine]:
        """Newest first; continue a page with ``before=lines[-1].cursor``."""
        ...

    def count(self, where: LogFilter) -> int: ...

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]:
        """Lines per level in *steps* equal slices of [from_ns, to_ns)."""
        ...

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        """Lines ever stored per (service, instance)."""
        ...


class MetricReader(Protocol):
    """
    Words and semantics are PromQL's; series come back sorted by labels, without ``__name__`` where PromQL drops it.
    QueryError if a question would need too many samples or moments.
    """

    def rate(
        self, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        """``sum by (by) (rate(metric{where}[window]))`` at each moment; a moment without data has no point."""
        ...

    def quantile(
        self, q: float, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        """
        ``histogram_quantile(q, sum by (le, by) (rate(metric_bucket{where}[window])))``, in the metric's unit. NaN where
        nothing was observed, as in PromQL.
        """
        ...

    def latest(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[tuple[Labels, float]]:
        """The instant vector ``metric{where}`` with Prometheus' 5 min lookback; stale series are left out."""
        ...

    def last_over_time(
        self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int, window_ms: int
    ) -> Sequence[tuple[Labels, float]]:
        """``last_over_time(metric{where}[window])``: also of series that have ended. The name is kept, as in PromQL."""
        ...

    def histograms(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[Histogram]:
        """
        The histograms of *metric* (its name without ``_bucket``) at *at_ms*, sorted by labels, each bucket with its
        newest exemplars (at most five) up to then.
        """
        ...

    def exemplars(self, metric: str, *, where: Sequence[Matcher] = (), from_ms: int, to_ms: int) -> Sequence[Exemplar]:
        """Exemplars on the series of *metric* (give the name of the series, ``…_bucket``), oldest first."""
        ...

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        """Every exemplar that names *trace_id*, oldest first."""
        ...


class TraceReader(Protocol):
    def trace(self, trace_id: str) -> Trace | None:
        """All spans of one trace; None if no span of it is stored."""
        ...

    def search(self, where: SpanFilter) -> Sequence[TraceSummary]:
        """Summaries of the traces with a matching span, the one with the newest matching span first."""
        ...

    def find_span(self, span_id: str) -> Sequence[Span]:
        """The spans with this id (16 lower-case hex digits), oldest first: one, unless ids collide across traces."""
        ...

    def services(self) -> Mapping[str, Sequence[str]]:
        """Span names by service, both sorted."""
        ...

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        """Spans ever stored per (service, instance)."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """What the explorer and the command line see of a stack, embedded or real."""

    logs: LogReader
    metrics: MetricReader
    traces: TraceReader
