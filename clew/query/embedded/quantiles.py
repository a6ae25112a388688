"""
Quantiles from the cumulative buckets of a classic histogram, by Prometheus' rules.

https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile and its query-test scripts
(`histograms.test`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable

TOLERANCE = 1e-12
"""Counts closer than this (relative to their sum) are one count: floating-point noise of sums and rates."""


def upper_bound(le: str) -> float | None:
    """
    The number in an ``le`` label; None if it is none (Prometheus leaves such a bucket out).
    """
    try:
        return float(le)
    except ValueError:
        return None


def bucket_quantile(q: float, buckets: Iterable[tuple[float, float]]) -> float:
    """
    The *q* quantile of cumulative (upper bound, count) *buckets*, linear within a bucket.

    NaN without a ``+Inf`` bucket, with fewer than two buckets, or without observations; -Inf for q < 0, +Inf for
    q > 1. A quantile in the ``+Inf`` bucket is the highest finite bound; the lowest bucket starts at 0 unless its bound
    is negative or 0, which then is the answer.
    """
    if math.isnan(q):
        return math.nan
    if q < 0 or q > 1:
        return math.copysign(math.inf, q)
    bounds, counts = _levelled(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf or counts[-1] == 0 or math.isnan(counts[-1]):
        return math.nan
    rank = q * counts[-1]
    at = bisect_left(counts, rank, 0, len(counts) - 1)
    if at == len(counts) - 1:
        return bounds[-2]
    if at == 0 and bounds[0] <= 0:
        return bounds[0]
    lower, below = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    return lower + (bounds[at] - lower) * ((rank - below) / (counts[at] - below))


def _levelled(buckets: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """
    Bounds and counts, sorted; equal bounds added up (``le="1"`` and ``le="1.0"``); counts that never fall.
    """
    merged: dict[float, float] = {}
    for bound, count in buckets:
        merged[bound] = merged.get(bound, 0.0) + count
    bounds = sorted(merged)
    counts: list[float] = []
    for bound in bounds:
        count = merged[bound]
        if counts and (count < counts[-1] or _nearly_equal(count, counts[-1])):
            count = counts[-1]
        counts.append(count)
    return bounds, counts


def _nearly_equal(one: float, other: float) -> bool:
    return abs(one - other) < TOLERANCE * (abs(one) + abs(other))
