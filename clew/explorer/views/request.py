"""
One request on one page. The view model is the `Dossier`; here is only how it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from clew.explorer.bars import Scale
from clew.explorer.charts import Bar
from clew.query.dossier import Dossier, RouteHistogram, Row, cut
from clew.query.words import plain, plural, short, thousands

MOST_ROWS = 1000
"""More rows than this nobody reads; the page then says what it leaves out, its twin has all of them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """*rows* to draw on *scale*; the *bars* of the histogram with *marks* (bars from the left, text)."""

    rows: tuple[Row, ...]
    scale: Scale
    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, str], ...]

    @property
    def late(self) -> bool:
        return any(getattr(row, "late_ms", None) is not None for row in self.rows)


def drawing(dossier: Dossier) -> Drawing:
    answered = dossier.duration_ms if dossier.spans_total else None
    histogram = dossier.histogram
    return Drawing(
        rows=cut(dossier.rows, MOST_ROWS),
        scale=Scale.over(max(dossier.extent_ms, dossier.duration_ms or 0.0), answered),
        bars=_bars(histogram) if histogram else (),
        marks=_marks(histogram) if histogram else (),
    )


def _bars(histogram: RouteHistogram) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            count=bucket.count,
            bound=_bound(bucket.upper_ms, place),
            title=f"{plural(bucket.count, 'request')} {_between(bucket.lower_ms, bucket.upper_ms)}",
            this=bucket.this,
        )
        for place, bucket in enumerate(histogram.buckets)
    )


def _bound(upper_ms: float | None, place: int) -> str:
    """The first bound and those from a second on name their unit; so many do not fit otherwise."""
    if upper_ms is None:
        return ""
    return plain(upper_ms, "ms") if place == 0 or upper_ms >= 1000 else short(upper_ms)


def _between(lower_ms: float, upper_ms: float | None) -> str:
    if upper_ms is None:
        return f"above {plain(lower_ms, 'ms')}"
    upto = f"to {plain(upper_ms, 'ms')}"
    return f"up {upto}" if lower_ms <= 0 else f"from {plain(lower_ms, 'ms')} {upto}"


def _marks(histogram: RouteHistogram) -> tuple[tuple[float, str], ...]:
    quantiles = (("p50", histogram.p50_ms), ("p95", histogram.p95_ms))
    return tuple(
        (_place(histogram, value), f"{name} {plain(value, 'ms')}") for name, value in quantiles if value is not None
    )


def _place(histogram: RouteHistogram, value_ms: float) -> float:
    """Where a duration stands, counted in bars from the left."""
    for place, bucket in enumerate(histogram.buckets):
        if bucket.upper_ms is None:
            break
        if value_ms <= bucket.upper_ms:
            return place + (value_ms - bucket.lower_ms) / (bucket.upper_ms - bucket.lower_ms)
    return float(len(histogram.buckets) - 1)


def own_bucket(histogram: RouteHistogram) -> str:
    """The sentence below the histogram."""
    for bucket in histogram.buckets:
        if bucket.this:
            others = max(0, bucket.count - 1)
            said = _between(bucket.lower_ms, bucket.upper_ms)
            return f"{said}: this request and {thousands(others)} {'other' if others == 1 else 'others'}"
    return "this request"
