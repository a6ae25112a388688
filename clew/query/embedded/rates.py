"""
How fast a counter grows: Prometheus' rules for `rate`, on plain lists of points.

The rules are those of Prometheus 3: https://prometheus.io/docs/prometheus/latest/querying/functions/#rate and, for what
the page leaves open, its query-test scripts (`functions.test`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from clew.query import TimeRange

Point = tuple[int, float]


def windows(points: Sequence[Point], at: TimeRange, window_ms: int) -> Iterator[tuple[int, Sequence[Point]]]:
    """
    For each moment of *at*, the points in (moment - window_ms, moment]: left-open, as in Prometheus 3.
    """
    moments = [moment for moment, _ in points]
    for moment in at.moments():
        last = bisect_right(moments, moment)
        first = bisect_right(moments, moment - window_ms, 0, last)
        yield moment, points[first:last]


def extrapolated_rate(points: Sequence[Point], *, at_ms: int, window_ms: int) -> float | None:
    """
    ``rate`` per second of a counter over the window that ends at *at_ms*; None if it has fewer than two points.
    *points* lie within the window, oldest first, without stale markers.
    """
    if len(points) < 2:
        return None
    (first_ms, first), (last_ms, last) = points[0], points[-1]
    increase = last - first + _lost_to_resets(points)

    sampled_s = (last_ms - first_ms) / 1000
    spacing_s = sampled_s / (len(points) - 1)
    # A point further from the edge than this is taken for the true start or end of the series.
    near_s = spacing_s * 1.1
    to_start_s = (first_ms - (at_ms - window_ms)) / 1000
    to_end_s = (at_ms - last_ms) / 1000
    if to_start_s >= near_s:
        to_start_s = spacing_s / 2
    if increase > 0 and first >= 0:
        # A counter was never below zero, so do not reach back beyond the moment it was.
        to_start_s = min(to_start_s, sampled_s * (first / increase))
    if to_end_s >= near_s:
        to_end_s = spacing_s / 2

    return increase * ((sampled_s + to_start_s + to_end_s) / sampled_s / (window_ms / 1000))


def _lost_to_resets(points: Sequence[Point]) -> float:
    """
    What the counter had reached before each of its restarts, in total.
    """
    lost = 0.0
    before = points[0][1]
    for _, value in points[1:]:
        if value < before:
            lost += before
        before = value
    return lost


def total(values: Iterable[float]) -> float:
    """
    The sum with Neumaier's compensation, as Prometheus 3 adds, so that many small rates do not drown in a big one.
    """
    result = compensation = 0.0
    for value in values:
        raised = result + value
        if math.isinf(raised):
            compensation = 0.0
        elif abs(result) >= abs(value):
            compensation += (result - raised) + value
        else:
            compensation += (value - raised) + result
        result = raised
    return result + compensation
