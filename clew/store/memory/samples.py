"""Samples in sorted lists, one per series."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from clew.store import Exemplar, Labels, Matcher, Retention, Sample, SelectionError, Series, is_stale
from clew.store.matching import series_matcher

Points = list[tuple[int, float]]


class MemorySampleStore:
    """`SampleStore` in dictionaries."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._lock = threading.Lock()
        self._points: dict[Labels, Points] = {}
        self._exemplars: dict[tuple[Labels, str, int], Exemplar] = {}
        self._metadata: dict[str, tuple[str, str, str]] = {}

    def append(self, samples: Iterable[Sample], exemplars: Iterable[Exemplar] = ()) -> int:
        batch, tagged = list(samples), list(exemplars)
        with self._lock:
            for exemplar in tagged:
                key = exemplar.series, dict(exemplar.labels).get("trace_id", ""), exemplar.timestamp_ms
                self._exemplars[key] = exemplar
            return sum(_put(self._points.setdefault(sample.labels, []), sample) for sample in batch)

    def select(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, max_points: int | None = None
    ) -> Sequence[Series]:
        found = self._select(matchers, from_ms, to_ms)
        if max_points is not None and sum(len(series.points) for series in found) > max_points:
            raise SelectionError(f"more than {max_points} samples match; narrow the time range or the labels")
        return found

    def last(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, skip_stale: bool = False
    ) -> Sequence[Series]:
        newest: list[Series] = []
        for series in self._select(matchers, from_ms, to_ms):
            points = [point for point in series.points if not (skip_stale and is_stale(point[1]))]
            if points:
                newest.append(Series(series.labels, (points[-1],)))
        return newest

    def exemplars(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, newest: int | None = None
    ) -> Sequence[Exemplar]:
        matches = series_matcher(matchers)
        by_series: dict[Labels, list[Exemplar]] = {}
        for exemplar in self._all_exemplars():
            if from_ms <= exemplar.timestamp_ms <= to_ms and matches(exemplar.series):
                by_series.setdefault(exemplar.series, []).append(exemplar)
        if newest is not None:
            by_series = {series: sorted(some, key=_age)[-newest:] for series, some in by_series.items()}
        return sorted((exemplar for some in by_series.values() for exemplar in some), key=_age)

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        return sorted((e for e in self._all_exemplars() if ("trace_id", trace_id) in e.labels), key=_age)

    def describe(self, metadata: Mapping[str, tuple[str, str, str]]) -> None:
        with self._lock:
            self._metadata.update(metadata)

    def metadata(self) -> Mapping[str, tuple[str, str, str]]:
        with self._lock:
            return dict(self._metadata)

    def label_values(self, name: str) -> Sequence[str]:
        with self._lock:
            return sorted({value for labels in self._points for key, value in labels if key == name})

    def expire(self, *, now_s: float) -> int:
        oldest_kept = int((now_s - self._retention.max_age_s) * 1000)
        deleted = 0
        with self._lock:
            for labels in list(self._points):
                points = self._points[labels]
                old = bisect_left(points, (oldest_kept,))
                deleted += old
                del points[:old]
                if not points:
                    del self._points[labels]
            self._exemplars = {key: e for key, e in self._exemplars.items() if e.timestamp_ms >= oldest_kept}
        return deleted

    def close(self) -> None:
        """Nothing to give back."""

    def _select(self, matchers: Sequence[Matcher], from_ms: int, to_ms: int) -> list[Series]:
        matches = series_matcher(matchers)
        found: list[Series] = []
        with self._lock:
            for labels, points in self._points.items():
                if matches(labels):
                    within = points[bisect_left(points, (from_ms,)) : bisect_left(points, (to_ms + 1,))]
                    if within:
                        found.append(Series(labels, tuple(within)))
        return sorted(found, key=lambda series: series.labels)

    def _all_exemplars(self) -> list[Exemplar]:
        with self._lock:
            return list(self._exemplars.values())


def _put(points: Points, sample: Sample) -> int:
    """
    1 if *sample* is new, 0 if it replaces one.
    """
    at = bisect_right(points, sample.timestamp_ms, key=lambda point: point[0])
    if at and points[at - 1][0] == sample.timestamp_ms:
        points[at - 1] = sample.timestamp_ms, sample.value
        return 0
    points.insert(at, (sample.timestamp_ms, sample.value))
    return 1


def _age(exemplar: Exemplar) -> tuple[int, Labels, Labels]:
    return exemplar.timestamp_ms, exemplar.series, exemplar.labels
