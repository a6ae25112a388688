"""
What one process may rely on when it counts.
"""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest

from observability.metrics import Metrics
from tests.observability.metrics.support import families, make, samples, value


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    return make(tmp_path, series_limit=3)


def test_the_same_name_is_the_same_instrument(metrics: Metrics) -> None:
    assert metrics.counter("orders_total", "Orders", ("outcome",)) is metrics.counter("orders", "Orders", ("outcome",))
    assert metrics.gauge("queue", "Queue") is metrics.gauge("queue", "Queue")
    assert metrics.histogram("wait_seconds", "Wait") is metrics.histogram("wait_seconds", "Wait")


@pytest.mark.parametrize(
    "again",
    [
        lambda metrics: metrics.counter("orders_total", "Other help", ("outcome",)),
        lambda metrics: metrics.counter("orders_total", "Orders", ("result",)),
        lambda metrics: metrics.gauge("orders_total", "Orders", ("outcome",)),
        lambda metrics: metrics.gauge("orders", "Orders"),
        lambda metrics: metrics.gauge("wait_seconds_count", "A name that the histogram exports"),
        lambda metrics: metrics.histogram("wait_seconds", "Wait", buckets=(1.0,)),
    ],
)
def test_a_name_that_is_taken_by_another_metric_is_refused(metrics: Metrics, again: object) -> None:
    metrics.counter("orders_total", "Orders", ("outcome",))
    metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"exists already|would both export"):
        again(metrics)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda metrics: metrics.counter("1st", "x"), "not a metric name"),
        (lambda metrics: metrics.counter("with space", "x"), "not a metric name"),
        (lambda metrics: metrics.counter("größe", "x"), "not a metric name"),
        (lambda metrics: metrics.counter("process_things", "x"), "exported for you"),
        (lambda metrics: metrics.counter("x", "x", ("__name__",)), "label name"),
        (lambda metrics: metrics.counter("x", "x", ("a-b",)), "label name"),
        (lambda metrics: metrics.counter("x", "x", ("a", "a")), "occurs twice"),
        (lambda metrics: metrics.counter("x", "x", "outcome"), "write"),
        (lambda metrics: metrics.histogram("x", "x", ("le",)), "not le"),
        (lambda metrics: metrics.histogram("x", "x", buckets=(2, 1)), "ascending"),
        (lambda metrics: metrics.histogram("x", "x", buckets=(1, float("nan"))), "ascending"),
        (lambda metrics: metrics.gauge("x", "x", merge="average"), "sum or max"),
    ],
)
def test_a_definition_that_prometheus_would_not_take_is_refused(metrics: Metrics, wrong: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        wrong(metrics)  # type: ignore[operator]


def test_label_values_may_come_by_position_or_by_name_and_are_text(metrics: Metrics) -> None:
    total = metrics.counter("requests", "Requests", ("method", "status"))

    assert total.labels("GET", 200) is total.labels(status="200", method="GET")


@pytest.mark.parametrize(
    "labels",
    [
        lambda total: total.labels("GET"),
        lambda total: total.labels("GET", "200", "more"),
        lambda total: total.labels(method="GET"),
        lambda total: total.labels("GET", status="200"),
        lambda total: total.inc(),
    ],
)
def test_wrong_labels_are_refused_with_the_right_ones_in_the_message(metrics: Metrics, labels: object) -> None:
    total = metrics.counter("requests", "Requests", ("method", "status"))
    with pytest.raises(ValueError, match="'method', 'status'"):
        labels(total)  # type: ignore[operator]


def test_a_counter_does_not_go_down_and_nothing_takes_what_is_not_a_number(metrics: Metrics) -> None:
    counter, histogram = metrics.counter("orders", "Orders"), metrics.histogram("wait_seconds", "Wait")
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="only goes up"):
            counter.inc(wrong)
    with pytest.raises(ValueError, match="NaN"):
        histogram.observe(float("nan"))
    assert value(metrics, "orders_total") == 0
    assert value(metrics, "wait_seconds_count") == 0


def test_what_exists_is_exported_before_it_is_used(metrics: Metrics) -> None:
    """A counter that appears with its first increment hides that increment from rate()."""
    metrics.counter("orders", "Orders")
    metrics.counter("logins", "Logins", ("outcome",)).labels("failure")
    metrics.counter("empty", "No series yet", ("a",))

    exported = families(metrics)
    assert value(metrics, "orders_total") == 0
    assert value(metrics, "logins_total", outcome="failure") == 0
    assert (exported["empty"].type, exported["empty"].documentation) == ("counter", "No series yet")


def test_an_observation_on_the_border_belongs_to_the_lower_bucket(metrics: Metrics) -> None:
    """Prometheus: le is less than or equal."""
    histogram = metrics.histogram("wait_seconds", "Wait", buckets=(0.1, 1.0, float("inf")))
    for seconds in (0.1, 0.100001, 1.0, 7):
        histogram.observe(seconds)

    buckets = {s.labels["le"]: s.value for s in samples(metrics) if s.name == "wait_seconds_bucket"}
    assert buckets == {"0.1": 1, "1.0": 3, "+Inf": 4}
    assert value(metrics, "wait_seconds_count") == 4
    assert value(metrics, "wait_seconds_sum") == pytest.approx(8.200001)


def test_a_gauge_goes_up_and_down(metrics: Metrics) -> None:
    gauge = metrics.gauge("queue", "Queue", ("name",)).labels("mail")
    gauge.set(10)
    gauge.inc()
    gauge.dec(4)

    assert value(metrics, "queue", name="mail") == 7


def test_label_sets_beyond_the_limit_share_one_series_and_are_counted(metrics: Metrics) -> None:
    counter = metrics.counter("hits", "Hits", ("path", "method"))
    gauge = metrics.gauge("depth", "Depth", ("path",))
    histogram = metrics.histogram("wait_seconds", "Wait", ("path",))
    for number in range(50):
        counter.labels(f"/{number}", "GET").inc(2)
        gauge.labels(f"/{number}").set(number)
        histogram.labels(f"/{number}").observe(0.1)

    assert len([s for s in samples(metrics) if s.name == "hits_total"]) == 4
    assert value(metrics, "hits_total", path="/2", method="GET") == 2
    assert value(metrics, "hits_total", path="_OTHER", method="_OTHER") == 94
    assert value(metrics, "depth", path="_OTHER") == 49
    assert value(metrics, "wait_seconds_count", path="_OTHER") == 47
    assert value(metrics, "telemetry_dropped_total", signal="metrics", reason="series_limit") == 3 * 47


def test_a_label_value_that_is_no_unicode_does_not_break_the_scrape(metrics: Metrics) -> None:
    """A lone surrogate cannot be encoded; werkzeug and the file system both produce them."""
    metrics.counter("hits", "Hits", ("path",)).labels("/\udcff\"\n\\").inc()

    assert value(metrics, "hits_total", path='/?"\n\\') == 1


def test_threads_lose_no_update(metrics: Metrics) -> None:
    counter = metrics.counter("hits", "Hits", ("thread",))
    histogram = metrics.histogram("wait_seconds", "Wait")

    def work(number: int) -> None:
        for _ in range(2000):
            counter.labels(number % 2).inc()
            histogram.observe(0.25)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value(metrics, "hits_total", thread="0") == 6000
    assert value(metrics, "hits_total", thread="1") == 6000
    assert value(metrics, "wait_seconds_count") == 12000
    assert value(metrics, "wait_seconds_sum") == 3000


def test_a_finalizer_that_counts_while_we_count_neither_hangs_nor_loses_anything(tmp_path: Path) -> None:
    """The collector runs finalizers inside any allocation, also inside an update or while a series is being placed."""
    metrics = make(tmp_path)
    finalized = metrics.counter("finalized", "Finalized", ("number",))
    waits = metrics.histogram("wait_seconds", "Wait", ("number",))  # large: the store grows many times

    class Cycle:
        def __init__(self, number: int) -> None:
            self.itself = self
            self.number = number

        def __del__(self) -> None:
            finalized.labels(self.number).inc()

    before = gc.get_threshold()
    gc.set_threshold(3, 2, 2)
    try:
        for number in range(300):
            Cycle(number)
            waits.labels(number).observe(0.1)
    finally:
        gc.set_threshold(*before)
    gc.collect()

    exported = samples(metrics)
    assert sum(s.value for s in exported if s.name == "finalized_total") == 300
    assert sum(s.value for s in exported if s.name == "wait_seconds_count") == 300
