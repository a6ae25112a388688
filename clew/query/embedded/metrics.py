"""Metric questions answered by a `SampleStore`, with PromQL's meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from clew.query import Histogram, QueryError, TimeRange
from clew.query.embedded.histograms import histograms_of
from clew.query.embedded.quantiles import bucket_quantile, upper_bound
from clew.query.embedded.rates import extrapolated_rate, total, windows
from clew.store import Exemplar, Labels, Matcher, SampleStore, SelectionError, Series, is_stale

LOOKBACK_MS = 300_000
"""An instant vector sees a sample for five minutes, as in Prometheus by default."""
MAX_MOMENTS = 11_000
"""The most moments in one question, as in Prometheus' HTTP API."""
MAX_POINTS = 2_000_000
"""The most samples one question may load: about 250 MB."""
EXEMPLARS_PER_BUCKET = 5

Sums = dict[Labels, dict[int, list[float]]]


class StoredMetrics:
    """`MetricReader` on a store."""

    def __init__(self, store: SampleStore) -> None:
        self._store = store

    def rate(
        self, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        sums = self._rates(metric, by, where, at, window_ms)
        return [
            Series(labels, tuple((moment, total(rates)) for moment, rates in sorted(moments.items())))
            for labels, moments in sorted(sums.items())
        ]

    def quantile(
        self, q: float, metric: str, *, by: Sequence[str], where: Sequence[Matcher] = (), at: TimeRange, window_ms: int
    ) -> Sequence[Series]:
        buckets: dict[Labels, dict[int, list[tuple[float, float]]]] = {}
        for labels, moments in self._rates(f"{metric}_bucket", ("le", *by), where, at, window_ms).items():
            bound = upper_bound(dict(labels).get("le", ""))
            if bound is None:
                continue
            group = buckets.setdefault(_without(labels, "le"), {})
            for moment, rates in moments.items():
                group.setdefault(moment, []).append((bound, total(rates)))
        return [
            Series(labels, tuple((moment, bucket_quantile(q, some)) for moment, some in sorted(moments.items())))
            for labels, moments in sorted(buckets.items())
        ]

    def latest(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[tuple[Labels, float]]:
        with _asking():
            found = self._store.last(_named(metric, where), from_ms=at_ms - LOOKBACK_MS + 1, to_ms=at_ms)
        return [(series.labels, series.points[0][1]) for series in found if not is_stale(series.points[0][1])]

    def last_over_time(
        self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int, window_ms: int
    ) -> Sequence[tuple[Labels, float]]:
        with _asking():
            found = self._store.last(_named(metric, where), from_ms=at_ms - window_ms + 1, to_ms=at_ms, skip_stale=True)
        return [(series.labels, series.points[0][1]) for series in found]

    def histograms(self, metric: str, *, where: Sequence[Matcher] = (), at_ms: int) -> Sequence[Histogram]:
        buckets = f"{metric}_bucket"
        with _asking():
            newest = self._store.exemplars(_named(buckets, where), from_ms=0, to_ms=at_ms, newest=EXEMPLARS_PER_BUCKET)
        return histograms_of(
            buckets=self.latest(buckets, where=where, at_ms=at_ms),
            sums=self.latest(f"{metric}_sum", where=where, at_ms=at_ms),
            exemplars=newest,
        )

    def exemplars(self, metric: str, *, where: Sequence[Matcher] = (), from_ms: int, to_ms: int) -> Sequence[Exemplar]:
        with _asking():
            return self._store.exemplars(_named(metric, where), from_ms=from_ms, to_ms=to_ms)

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        return self._store.find_exemplars(trace_id)

    def _rates(self, metric: str, by: Sequence[str], where: Sequence[Matcher], at: TimeRange, window_ms: int) -> Sums:
        """
        The rate of each series at each moment, gathered by the labels *by*.
        """
        _check(at, window_ms)
        group_of = _grouping(by)
        sums: Sums = {}
        first_ms = at.from_ms - window_ms + 1
        with _asking():
            found = self._store.select(
                _named(metric, where), from_ms=first_ms, to_ms=at.to_ms, max_points=MAX_POINTS
            )
        for series in found:
            points = [point for point in series.points if not is_stale(point[1])]
            group = sums.setdefault(group_of(series.labels), {})
            for moment, window in windows(points, at, window_ms):
                rate = extrapolated_rate(window, at_ms=moment, window_ms=window_ms)
                if rate is not None:
                    group.setdefault(moment, []).append(rate)
        return {labels: moments for labels, moments in sums.items() if moments}


@contextmanager
def _asking() -> Iterator[None]:
    """
    What the store finds wrong with the question is told as such.
    """
    try:
        yield
    except SelectionError as error:
        raise QueryError(str(error)) from error


def _check(at: TimeRange, window_ms: int) -> None:
    if at.step_ms <= 0 or window_ms <= 0:
        raise QueryError("step and window must be longer than 0 ms")
    moments = len(at.moments())
    if moments > MAX_MOMENTS:
        raise QueryError(f"{moments} moments are more than {MAX_MOMENTS}; take a longer step or a shorter range")


def _named(metric: str, where: Sequence[Matcher]) -> list[Matcher]:
    return [Matcher("__name__", "=", metric), *where]


def _grouping(by: Iterable[str]) -> Callable[[Labels], Labels]:
    wanted = frozenset(by)
    return lambda labels: tuple(pair for pair in labels if pair[0] in wanted)


def _without(labels: Labels, *names: str) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)
