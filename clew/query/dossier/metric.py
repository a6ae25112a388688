"""
The histogram that a request fell into, with its own bucket marked, and the exemplars that name it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clew.query import Bucket, Readers
from clew.query.words import iso
from clew.store.model import Exemplar, LogLine, Matcher, Span

SERVER_DURATION = "flask_http_request_duration_seconds"
UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class ExemplarRow:
    """
    An exemplar that names the request, or a call that was made for it (then *peer* says to whom, and *route* is empty).
    *bucket_ms* is its bucket's upper bound in milliseconds, None for +Inf.
    """

    metric: str
    service: str
    route: str
    peer: str
    status: str
    span_id: str
    value_ms: float
    bucket_ms: float | None
    at: str


@dataclass(frozen=True, slots=True)
class BucketRow:
    """
    Requests that took more than *lower_ms* and at most *upper_ms* (None: no bound). *this*: the request's own bucket.
    """

    lower_ms: float
    upper_ms: float | None
    count: int
    this: bool


@dataclass(frozen=True, slots=True)
class RouteHistogram:
    """
    All requests of the route as the service counted them, whatever their status, up to *at*. *p50_ms* and *p95_ms* are
    interpolated within their bucket, as Prometheus' histogram_quantile does.
    """

    metric: str
    service: str
    method: str
    route: str
    at: str
    count: int
    p50_ms: float | None
    p95_ms: float | None
    buckets: tuple[BucketRow, ...]
    exemplar: ExemplarRow | None


@dataclass(frozen=True, slots=True)
class Door:
    """
    Where the request came in: the service, route and span whose histogram counts it. Nanoseconds since the epoch.
    """

    service: str
    name: str
    method: str
    route: str
    span_id: str
    end_ns: int
    duration_ns: int

    @classmethod
    def of_span(cls, server: Span) -> Door:
        return cls(
            service=server.service,
            name=server.name,
            method=str(server.attributes.get("http.request.method", "")),
            route=str(server.attributes.get("http.route", UNMATCHED)),
            span_id=server.span_id,
            end_ns=server.end_ns,
            duration_ns=server.duration_ns,
        )

    @classmethod
    def of_line(cls, access: LogLine) -> Door:
        """*access* is a ``request.finished`` line: what is left of a request that was not sampled."""
        method, route = str(access.get("http.request.method", "")), str(access.get("http.route", UNMATCHED))
        duration = access.get("event.duration")
        return cls(
            service=str(access.get("service.name", "")),
            name=f"{method} {route}",
            method=method,
            route=route,
            span_id=str(access.get("span.id", "")),
            end_ns=access.timestamp_ns,
            duration_ns=duration if isinstance(duration, int) else 0,
        )


def exemplar_rows(readers: Readers, trace_id: str) -> tuple[ExemplarRow, ...]:
    """
    Every exemplar of *trace_id*, the slowest first.
    """
    newest: dict[tuple[object, ...], Exemplar] = {}
    for exemplar in readers.metrics.find_exemplars(trace_id):
        key = (exemplar.series, exemplar.labels)
        if key not in newest or newest[key].timestamp_ms < exemplar.timestamp_ms:
            newest[key] = exemplar
    rows = [_exemplar_row(exemplar) for exemplar in newest.values()]
    return tuple(sorted(rows, key=lambda row: (-row.value_ms, row.service, row.metric)))


def _exemplar_row(exemplar: Exemplar) -> ExemplarRow:
    series, labels = dict(exemplar.series), dict(exemplar.labels)
    bound = float(series.get("le", "inf"))
    return ExemplarRow(
        metric=series.get("__name__", "").removesuffix("_bucket"),
        service=series.get("job", ""),
        route=series.get("url_rule", ""),
        peer=series.get("peer", ""),
        status=series.get("status", ""),
        span_id=labels.get("span_id", ""),
        value_ms=_ms(exemplar.value),
        bucket_ms=None if math.isinf(bound) else _ms(bound),
        at=iso(exemplar.timestamp_ms * 1_000_000),
    )


def route_histogram(
    readers: Readers, door: Door, exemplars: Sequence[ExemplarRow], *, now_ms: int
) -> RouteHistogram | None:
    """
    The histogram of the route that *door* names, read now, or as it was soon after the request if the service is not
    scraped any more; None if it was never scraped.
    """
    where = [Matcher("job", "=", door.service), Matcher("url_rule", "=", door.route)]
    if door.method:
        where.append(Matcher("method", "=", door.method))
    for at_ms in (now_ms, min(now_ms, door.end_ns // 1_000_000 + 60_000)):
        found = readers.metrics.histograms(SERVER_DURATION, where=where, at_ms=at_ms)
        if found:
            break
    else:
        return None
    counts: dict[tuple[float, float], float] = {}
    for histogram in found:
        for bucket in histogram.buckets:
            key = (bucket.lower, bucket.upper)
            counts[key] = counts.get(key, 0.0) + bucket.count
    buckets = [Bucket(lower, upper, count) for (lower, upper), count in sorted(counts.items())]
    mine = next((row for row in exemplars if row.metric == SERVER_DURATION and row.span_id == door.span_id), None)
    seconds = mine.value_ms / 1000 if mine else door.duration_ns / 1e9
    return RouteHistogram(
        metric=SERVER_DURATION,
        service=door.service,
        method=door.method,
        route=door.route,
        at=iso(at_ms * 1_000_000),
        count=round(sum(bucket.count for bucket in buckets)),
        p50_ms=_quantile(0.5, buckets),
        p95_ms=_quantile(0.95, buckets),
        buckets=tuple(
            BucketRow(
                lower_ms=_ms(max(bucket.lower, 0.0)),
                upper_ms=None if math.isinf(bucket.upper) else _ms(bucket.upper),
                count=round(bucket.count),
                this=bucket.lower < seconds <= bucket.upper or (seconds <= 0 and place == 0),
            )
            for place, bucket in enumerate(buckets)
        ),
        exemplar=mine,
    )


def _quantile(q: float, buckets: Sequence[Bucket]) -> float | None:
    """
    Milliseconds; the highest finite bound if the quantile lies beyond it; None without observations.
    """
    total = sum(bucket.count for bucket in buckets)
    if total <= 0:
        return None
    rank, below = q * total, 0.0
    for bucket in buckets:
        if bucket.count and below + bucket.count >= rank:
            if math.isinf(bucket.upper):
                return _ms(bucket.lower)
            lower = max(bucket.lower, 0.0)
            return _ms(lower + (bucket.upper - lower) * (rank - below) / bucket.count)
        below += bucket.count
    return None


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
