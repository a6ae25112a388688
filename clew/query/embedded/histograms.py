"""Histograms put together from the series of their buckets. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from clew.query import Bucket, Histogram
from clew.query.embedded.quantiles import upper_bound
from clew.store import Exemplar, Labels

Vector = Sequence[tuple[Labels, float]]


def histograms_of(*, buckets: Vector, sums: Vector, exemplars: Iterable[Exemplar]) -> list[Histogram]:
    """
    One histogram per label set of *buckets* (cumulative counts by ``le``), sorted by labels. A count below that of the
    bucket before it (a scrape in mid-update) is taken for no observation.
    """
    sum_of = {_own(labels): value for labels, value in sums}
    by_series: dict[Labels, list[Exemplar]] = {}
    for exemplar in exemplars:
        by_series.setdefault(exemplar.series, []).append(exemplar)

    grouped: dict[Labels, list[tuple[float, float, Labels]]] = {}
    for labels, count in buckets:
        bound = upper_bound(dict(labels).get("le", ""))
        if bound is not None:
            grouped.setdefault(_own(labels), []).append((bound, count, labels))

    return [
        Histogram(labels, tuple(_parted(sorted(some), by_series)), sum_of.get(labels, 0.0))
        for labels, some in sorted(grouped.items())
    ]


def _parted(
    cumulative: Iterable[tuple[float, float, Labels]], exemplars: dict[Labels, list[Exemplar]]
) -> Iterable[Bucket]:
    lower, below = None, 0.0
    for upper, count, series in cumulative:
        newest_first = sorted(exemplars.get(series, ()), key=lambda exemplar: exemplar.timestamp_ms, reverse=True)
        if lower is None:
            # Nothing is measured below zero unless there is a bucket for it.
            lower = 0.0 if upper > 0 else -math.inf
        yield Bucket(lower, upper, max(0.0, count - below), tuple(newest_first))
        lower, below = upper, max(below, count)


def _own(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in ("__name__", "le"))
