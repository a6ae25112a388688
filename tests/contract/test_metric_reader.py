"""
The promises of `MetricReader`. Expected rates and quantiles are Prometheus' own, from its query-test scripts
(functions.test, histograms.test, staleness.test of the Prometheus project).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from clew.query import MetricReader, QueryError, TimeRange
from clew.query.embedded import readers_of
from clew.query.embedded.metrics import MAX_MOMENTS
from clew.query.embedded.quantiles import bucket_quantile
from clew.query.embedded.rates import total
from clew.store import STALE, Exemplar, Labels, Matcher, Sample, Stores, labels_of
from tests.contract.make import series

MIN = 60_000


@pytest.fixture
def metrics(stores: Stores) -> MetricReader:
    return readers_of(stores).metrics


def load(stores: Stores, labels: Labels, values: Iterable[float | None], *, step_ms: int = 5 * MIN) -> None:
    """One value per step from moment 0 on; None is a gap."""
    stores.samples.append(
        Sample(labels, at * step_ms, float(value)) for at, value in enumerate(values) if value is not None
    )


def counter(start: float, step: float, times: int) -> list[float]:
    return [start + step * n for n in range(times + 1)]


def rates(
    metrics: MetricReader,
    metric: str,
    *,
    at_ms: int,
    window_ms: int,
    by: Iterable[str] = (),
    where: Iterable[Matcher] = (),
) -> dict[str, float]:
    """The rates at one moment, by the values of the labels *by*."""
    found = metrics.rate(metric, by=list(by), where=list(where), at=TimeRange(at_ms, at_ms, 1), window_ms=window_ms)
    return {"/".join(value for _, value in match.labels): match.points[0][1] for match in found}


# ---- rate (functions.test) -----------------------------------------------------------------------------------------


def test_a_counter_that_restarts_in_the_middle_has_lost_nothing(stores: Stores, metrics: MetricReader) -> None:
    load(stores, series("c"), counter(0, 27, 4) + counter(0, 27, 5))

    assert rates(metrics, "c", at_ms=50 * MIN, window_ms=50 * MIN) == {"": pytest.approx(0.08)}


def test_one_point_in_the_window_is_no_rate(stores: Stores, metrics: MetricReader) -> None:
    """The window is open on the left, so of two points five minutes apart a window of five minutes has one."""
    load(stores, series("c"), counter(0, 10, 10))

    assert rates(metrics, "c", at_ms=50 * MIN, window_ms=5 * MIN) == {}
    assert rates(metrics, "c", at_ms=50 * MIN, window_ms=5 * MIN + 1) == {"": pytest.approx(10 / 300)}


def test_a_restart_at_the_end_of_the_window_is_no_growth(stores: Stores, metrics: MetricReader) -> None:
    load(stores, series("c"), [*counter(0, 10, 9), 0, 10])

    assert rates(metrics, "c", at_ms=50 * MIN, window_ms=6 * MIN) == {"": 0.0}


@pytest.mark.parametrize(
    ("at_min", "expected"),
    [
        (10, {"0m": 0.5, "1m": 0.55, "2m": 0.6, "3m": 0.6, "4m": 0.6, "5m": 0.6}),
        (50, {"0m": 0.6, "1m": 0.6, "2m": 0.6, "3m": 0.6, "4m": 0.6, "5m": 0.6}),
    ],
)
def test_extrapolation_stops_where_the_counter_was_zero(
    stores: Stores, metrics: MetricReader, at_min: int, expected: dict[str, float]
) -> None:
    for minute in range(6):
        load(stores, series("c", start=f"{minute}m"), counter(60 * minute, 240, 10), step_ms=4 * MIN)

    found = rates(metrics, "c", at_ms=at_min * MIN, window_ms=20 * MIN, by=["start"])

    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "window_min", "increase"),
    [
        (counter(0, 10, 10), 50, 100),
        (counter(0, 18, 5) + counter(0, 18, 4), 50, 160),
        (counter(10, 10, 10), 50, 100),
        (counter(0, 10, 10), 100, 100),
        (counter(0, 18, 5) + counter(0, 18, 4), 100, 162),
        (counter(10, 10, 10), 100, 105),
        (counter(1, 10, 10), 100, 101),
    ],
)
def test_growth_is_extrapolated_to_the_edges_of_the_window(
    stores: Stores, metrics: MetricReader, values: list[float], window_min: int, increase: float
) -> None:
    load(stores, series("c"), values)

    found = rates(metrics, "c", at_ms=50 * MIN, window_ms=window_min * MIN)

    assert found == {"": pytest.approx(increase / (window_min * 60))}


def test_rates_are_summed_by_the_labels_asked_for(stores: Stores, metrics: MetricReader) -> None:
    for job, status, step in (("order", "200", 10), ("order", "500", 20), ("user", "200", 30)):
        load(stores, series("c_total", job=job, status=status), counter(0, step, 10))
    per_s = 1 / 300

    def found(*by: str, where: Iterable[Matcher] = ()) -> dict[str, float]:
        return rates(metrics, "c_total", at_ms=50 * MIN, window_ms=50 * MIN, by=by, where=where)

    assert found() == {"": pytest.approx(60 * per_s)}
    assert found("job") == pytest.approx({"order": 30 * per_s, "user": 30 * per_s})
    assert found("status") == pytest.approx({"200": 40 * per_s, "500": 20 * per_s})
    assert found("job", "no such label") == pytest.approx({"order": 30 * per_s, "user": 30 * per_s})
    assert found("status", where=[Matcher("job", "=", "user")]) == pytest.approx({"200": 30 * per_s})
    assert found(where=[Matcher("job", "=", "gateway")]) == {}


def test_a_moment_without_data_has_no_point(stores: Stores, metrics: MetricReader) -> None:
    load(stores, series("c"), [0, 60, 120, None, None, None, 300, 360], step_ms=MIN)

    (found,) = metrics.rate("c", by=[], at=TimeRange(0, 8 * MIN, MIN), window_ms=2 * MIN)

    assert found.labels == ()
    assert [moment // MIN for moment, _ in found.points] == [1, 2, 7]


def test_stale_markers_are_no_points_of_a_window(stores: Stores, metrics: MetricReader) -> None:
    load(stores, series("c"), [0, 60, STALE, 180], step_ms=MIN)

    assert rates(metrics, "c", at_ms=3 * MIN, window_ms=4 * MIN) == {"": pytest.approx(180 / 240)}


def test_a_sum_keeps_what_small_rates_add(stores: Stores) -> None:
    assert total([1e16, 1.0, -1e16]) == 1.0
    assert total([math.inf, 1.0]) == math.inf
    assert math.isnan(total([1.0, math.nan]))


@pytest.mark.parametrize(
    "at", [TimeRange(0, MAX_MOMENTS, 1), TimeRange(0, 10, 0)], ids=["too many moments", "no step"]
)
def test_a_question_without_bounds_is_refused(metrics: MetricReader, at: TimeRange) -> None:
    with pytest.raises(QueryError, match="longer"):
        metrics.rate("c", by=[], at=at, window_ms=MIN)


def test_a_broken_expression_is_told_to_who_asked(metrics: MetricReader) -> None:
    with pytest.raises(QueryError, match="label 'job' is broken"):
        metrics.latest("up", where=[Matcher("job", "=~", "(")], at_ms=0)


# ---- quantiles (histograms.test) -----------------------------------------------------------------------------------

HISTOGRAMS = {
    "testhistogram": [
        ({"start": "positive"}, {"0.1": 5, ".2": 7, "1e0": 11, "+Inf": 12}),
        ({"start": "negative"}, {"-.2": 1, "-0.1": 2, "0.3": 2, "+Inf": 3}),
    ],
    "testhistogram2": [({}, {"0": 0, "2": 1, "4": 2, "6": 3, "+Inf": 3})],
    "testhistogram3": [
        ({"start": "positive"}, {"0": 0, "0.1": 5, ".2": 7, "1e0": 11, "+Inf": 11}),
        ({"start": "negative"}, {"-.25": 0, "-.2": 1, "-0.1": 2, "0.3": 2, "+Inf": 2}),
    ],
    "request_duration_seconds": [
        ({"job": "job1", "instance": "ins1"}, {"0.1": 1, "0.2": 3, "+Inf": 4}),
        ({"job": "job1", "instance": "ins2"}, {"0.1": 2, "0.2": 5, "+Inf": 6}),
        ({"job": "job2", "instance": "ins1"}, {"0.1": 3, "0.2": 4, "+Inf": 6}),
        ({"job": "job2", "instance": "ins2"}, {"0.1": 4, "0.2": 7, "+Inf": 9}),
    ],
    "mixed": [
        ({"instance": "ins1"}, {"0.1": 1, "0.2": 1, "2e-1": 1, "2.0e-1": 1, "+Inf": 4}),
        ({"instance": "ins2"}, {"+inf": 0, "+Inf": 0}),
    ],
    "nonmonotonic": [({}, {"0.1": 2, "1": 1, "10": 5, "100": 4, "1000": 9, "+Inf": 8})],
}


@pytest.mark.parametrize(
    ("q", "metric", "by", "expected"),
    [
        (0.2, "testhistogram", ["start"], {"positive": 0.048, "negative": -0.2}),
        (0.5, "testhistogram", ["start"], {"positive": 0.15, "negative": -0.15}),
        (0.8, "testhistogram", ["start"], {"positive": 0.72, "negative": 0.3}),
        (0, "testhistogram3", ["start"], {"positive": 0, "negative": -0.25}),
        (0.25, "testhistogram3", ["start"], {"positive": 0.055, "negative": -0.225}),
        (0.75, "testhistogram3", ["start"], {"positive": 0.45, "negative": -0.15}),
        (1, "testhistogram3", ["start"], {"positive": 1, "negative": -0.1}),
        (-0.1, "testhistogram", ["start"], {"positive": -math.inf, "negative": -math.inf}),
        (1.01, "testhistogram", ["start"], {"positive": math.inf, "negative": math.inf}),
        (1 / 6, "testhistogram2", [], {"": 1}),
        (0.5, "testhistogram2", [], {"": 3}),
        (5 / 6, "testhistogram2", [], {"": 5}),
        (0.3, "request_duration_seconds", [], {"": 0.075}),
        (0.5, "request_duration_seconds", [], {"": 0.1277777777777778}),
        (0.3, "request_duration_seconds", ["instance"], {"ins1": 0.075, "ins2": 0.075}),
        (0.5, "request_duration_seconds", ["instance"], {"ins1": 0.1333333333, "ins2": 0.125}),
        (0.3, "request_duration_seconds", ["job"], {"job1": 0.1, "job2": 0.0642857142857143}),
        (0.5, "request_duration_seconds", ["job"], {"job1": 0.14, "job2": 0.1125}),
        (0.3, "request_duration_seconds", ["job", "instance"],
         {"ins1/job1": 0.11, "ins2/job1": 0.09, "ins1/job2": 0.06, "ins2/job2": 0.0675}),
        (0.5, "mixed", ["instance"], {"ins1": 0.15, "ins2": math.nan}),
        (0.75, "mixed", ["instance"], {"ins1": 0.2, "ins2": math.nan}),
        (1, "mixed", ["instance"], {"ins1": 0.2, "ins2": math.nan}),
        (0.01, "nonmonotonic", [], {"": 0.0045}),
        (0.5, "nonmonotonic", [], {"": 8.5}),
        (0.99, "nonmonotonic", [], {"": 979.75}),
    ],
)  # fmt: skip
def test_quantiles_are_those_of_prometheus(
    stores: Stores, metrics: MetricReader, q: float, metric: str, by: list[str], expected: dict[str, float]
) -> None:
    for labels, buckets in HISTOGRAMS[metric]:
        for le, step in buckets.items():
            load(stores, series(f"{metric}_bucket", le=le, **labels), counter(0, step, 10))

    found = metrics.quantile(q, metric, by=by, at=TimeRange(50 * MIN, 50 * MIN, 1), window_ms=10 * MIN)

    assert {
        "/".join(value for _, value in match.labels): match.points[0][1] for match in found
    } == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("q", "buckets"),
    [
        (math.nan, [(1.0, 1.0), (math.inf, 1.0)]),
        (0.5, []),
        (0.5, [(math.inf, 1.0)]),
        (0.5, [(1.0, 1.0), (2.0, 2.0)]),
        (0.5, [(1.0, 0.0), (math.inf, 0.0)]),
        (0.5, [(1.0, 0.0), (math.inf, math.nan)]),
    ],
)
def test_a_quantile_of_nothing_is_not_a_number(q: float, buckets: list[tuple[float, float]]) -> None:
    assert math.isnan(bucket_quantile(q, buckets))


def test_noise_of_floating_point_is_no_observation() -> None:
    assert bucket_quantile(0.5, [(1.0, 10.0), (2.0, 10.0 + 1e-12), (math.inf, 10.0 - 1e-12)]) == 0.5


# ---- instant vectors (staleness.test) ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [(10, [1.0]), (20, []), (30, [2.0]), (40, [2.0]), (329, [2.0]), (330, [])],
)
def test_a_sample_is_seen_for_five_minutes_or_until_its_series_ends(
    stores: Stores, metrics: MetricReader, at_s: int, expected: list[float]
) -> None:
    load(stores, series("metric"), [0, 1, STALE, 2], step_ms=10_000)

    assert metrics.latest("metric", at_ms=at_s * 1000) == [(series("metric"), value) for value in expected]


def test_last_over_time_also_sees_series_that_have_ended(stores: Stores, metrics: MetricReader) -> None:
    load(stores, series("metric", job="a"), [1, 2, STALE], step_ms=10_000)
    load(stores, series("metric", job="b"), [3], step_ms=10_000)

    def found(at_ms: int, window_ms: int) -> dict[str, float]:
        return {
            dict(labels)["job"]: value
            for labels, value in metrics.last_over_time("metric", at_ms=at_ms, window_ms=window_ms)
        }

    assert found(60 * MIN, 61 * MIN) == {"a": 2.0, "b": 3.0}
    assert found(10_000, 10_000) == {"a": 2.0}


# ---- histograms and exemplars --------------------------------------------------------------------------------------


def test_histograms_show_their_buckets_with_the_newest_exemplars(stores: Stores, metrics: MetricReader) -> None:
    def of(name: str, **labels: str) -> Labels:
        return series(f"latency_{name}", job="order", **labels)

    for le, value in (("0.1", 5), ("1", 8), ("+Inf", 9)):
        load(stores, of("bucket", le=le), [0, value], step_ms=MIN)
    load(stores, of("sum"), [0, 4.5], step_ms=MIN)
    load(stores, series("latency_bucket", job="user", le="+Inf"), [0, 0], step_ms=MIN)
    exemplars = [
        Exemplar(of("bucket", le="1"), labels_of({"trace_id": f"{n:032x}"}), n * 1000, 0.5) for n in range(1, 8)
    ]
    stores.samples.append([], [*exemplars, Exemplar(of("bucket", le="0.1"), exemplars[0].labels, 2 * MIN, 0.05)])

    order, user = metrics.histograms("latency", at_ms=MIN + 1)

    assert (order.labels, order.sum, order.count) == ((("job", "order"),), 4.5, 9)
    assert [(b.lower, b.upper, b.count) for b in order.buckets] == [(0.0, 0.1, 5), (0.1, 1.0, 3), (1.0, math.inf, 1)]
    assert [len(bucket.exemplars) for bucket in order.buckets] == [0, 5, 0]
    assert [exemplar.timestamp_ms for exemplar in order.buckets[1].exemplars] == [7000, 6000, 5000, 4000, 3000]
    assert (user.count, user.sum) == (0, 0.0)
    assert metrics.histograms("latency", where=[Matcher("job", "=", "user")], at_ms=MIN) == [user]


def test_exemplars_are_found_by_series_and_by_trace(stores: Stores, metrics: MetricReader) -> None:
    bucket = series("latency_bucket", le="1")
    one = Exemplar(bucket, labels_of({"trace_id": "a" * 32}), 1000, 0.5)
    stores.samples.append([], [one])

    assert metrics.exemplars("latency_bucket", from_ms=0, to_ms=1000) == [one]
    assert metrics.exemplars("latency_bucket", from_ms=0, to_ms=999) == []
    assert metrics.find_exemplars("a" * 32) == [one]
