"""
Rate, errors and duration by service: the numbers that the overview is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clew.explorer.filters import Window
from clew.explorer.views.parts import aligned, by_label
from clew.query import Readers, TimeRange
from clew.store.model import Exemplar, Matcher

DURATION = "flask_http_request_duration_seconds"
STEPS = 120
RATE_WINDOW_MS = 60_000

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One service, one value per moment; None where nothing was measured. Ratios 0 to 1, durations milliseconds."""

    rate: Values
    errors: Values
    p50_ms: Values
    p95_ms: Values


def grid_of(window: Window) -> TimeRange:
    """
    About `STEPS` moments of whole seconds that end at the window's end.
    """
    step_ms = max(1000, -(-(window.to_ns - window.from_ns) // (STEPS * 1_000_000_000)) * 1000)
    to_ms = window.to_ns // 1_000_000
    steps = (to_ms - window.from_ns // 1_000_000) // step_ms
    return TimeRange(to_ms - steps * step_ms, to_ms, step_ms)


def measure(readers: Readers, at: TimeRange) -> Mapping[str, Measured]:
    """
    By service, sorted. Rates are over a minute, or over two steps where these are longer. Without a failed request the
    error ratio is 0, without any request it is None.
    """
    moments = at.moments()
    window_ms = max(RATE_WINDOW_MS, 2 * at.step_ms)
    metrics = readers.metrics
    failing = (Matcher("status", "=~", "5.."),)
    rates = by_label(metrics.rate(f"{DURATION}_count", by=("job",), at=at, window_ms=window_ms), "job")
    failed = by_label(metrics.rate(f"{DURATION}_count", by=("job",), where=failing, at=at, window_ms=window_ms), "job")
    p50 = by_label(metrics.quantile(0.5, DURATION, by=("job",), at=at, window_ms=window_ms), "job")
    p95 = by_label(metrics.quantile(0.95, DURATION, by=("job",), at=at, window_ms=window_ms), "job")
    nothing: Values = (None,) * len(moments)
    measured = {}
    for service, series in sorted(rates.items()):
        rate = aligned(series, moments)
        bad = aligned(failed[service], moments) if service in failed else nothing
        measured[service] = Measured(
            rate=rate,
            errors=tuple(_ratio(part, whole) for part, whole in zip(bad, rate, strict=True)),
            p50_ms=aligned(p50[service], moments, 1000) if service in p50 else nothing,
            p95_ms=aligned(p95[service], moments, 1000) if service in p95 else nothing,
        )
    return measured


def _ratio(part: float | None, whole: float | None) -> float | None:
    if not whole:
        return None
    return round((part or 0.0) / whole, 6)


def exemplars(readers: Readers, at: TimeRange, service: str) -> Sequence[Exemplar]:
    """
    The requests to *service* that buckets remember, oldest first.
    """
    where = (Matcher("job", "=", service),)
    return readers.metrics.exemplars(f"{DURATION}_bucket", where=where, from_ms=at.from_ms, to_ms=at.to_ms)
