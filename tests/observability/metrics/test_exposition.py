"""
What a scraper gets to read.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as ForeignCounter
from prometheus_client import Gauge as ForeignGauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from observability.metrics import Metrics, MetricsCollector, exposition
from tests.observability.metrics.support import (
    OPENMETRICS,
    emitted,
    exemplar,
    families,
    killed_child,
    make,
    samples,
    value,
)

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    metrics = make(tmp_path)
    metrics.counter("orders", "Orders\nby outcome", ("outcome",)).labels('pla"ced\\').inc(3)
    metrics.gauge("queue", "Queue").set(1.5)
    metrics.histogram("wait_seconds", "Wait", buckets=(1.0,)).observe(0.5, exemplar(1, 1763717000.5))
    return metrics


@pytest.mark.parametrize("accept", [OPENMETRICS, PROMETHEUS_3, "application/openmetrics-text"])
def test_who_asks_for_openmetrics_gets_it_with_exemplars(metrics: Metrics, accept: str) -> None:
    body, content_type = exposition(metrics, accept)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert body.endswith(b"# EOF\n")
    assert b' # {span_id="' in body
    assert len(list(openmetrics(body.decode()))) > 5


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain; version=0.0.4", "text/json;q=x", ",;,="])
def test_everybody_else_gets_the_text_format_without_exemplars(metrics: Metrics, accept: str) -> None:
    body, content_type = exposition(metrics, accept)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"trace_id" not in body
    assert b"# EOF" not in body
    assert len(list(classic(body.decode()))) > 5


@pytest.mark.parametrize("version", ["1.x", "x", "1..0", "0.0.1"])
def test_a_version_that_does_not_exist_does_not_break_the_scrape(metrics: Metrics, version: str) -> None:
    body, content_type = exposition(metrics, f"application/openmetrics-text; version={version}")
    assert body
    assert content_type.startswith(("text/plain", "application/openmetrics-text"))


def test_both_formats_say_the_same(metrics: Metrics) -> None:
    def read(families: object) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families  # type: ignore[attr-defined]
            for sample in family.samples
            if not sample.name.startswith("process_")
        }

    new = read(openmetrics(exposition(metrics, OPENMETRICS)[0].decode()))
    old = read(classic(exposition(metrics, "")[0].decode()))
    assert new == old
    assert new["orders_total", frozenset({("outcome", 'pla"ced\\')})] == 3
    assert new["wait_seconds_bucket", frozenset({("le", "1.0")})] == 1


def test_no_sample_name_occurs_in_two_families(metrics: Metrics) -> None:
    emitted(metrics).labels("logs").inc()
    names = [family.name for family in families(metrics).values()]
    assert len(names) == len(set(names))
    seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples(metrics)]
    assert len(seen) == len(set(seen))


def test_a_strangers_registry_is_rendered_too(metrics: Metrics) -> None:
    registry = CollectorRegistry()
    ForeignCounter("imports", "Imports", registry=registry).inc(2)
    body, _ = exposition(metrics, OPENMETRICS, registry)

    found = {family.name: family for family in openmetrics(body.decode())}
    assert found["imports"].samples[0].value == 2
    assert "orders" in found


def test_a_strangers_metric_that_takes_our_name_is_left_out_with_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    metrics = make(tmp_path, warn=warnings.append)
    metrics.counter("orders", "Orders").inc()
    registry = CollectorRegistry()
    ForeignGauge("orders_total", "Theirs", registry=registry).set(99)
    ForeignGauge("process_open_fds", "Of one process; silently ours", registry=registry).set(99)
    for _ in range(2):
        body, _ = exposition(metrics, OPENMETRICS, registry)
        assert b" 99.0" not in body
    assert warnings == ["orders_total of the extra registry is not exported: that name is ours."]


def test_a_strangers_collector_that_raises_does_not_cost_us_ours(tmp_path: Path) -> None:
    class Broken(CollectorRegistry):
        def collect(self) -> object:  # type: ignore[override]
            raise RuntimeError("no database")

    warnings: list[str] = []
    metrics = make(tmp_path, warn=warnings.append)
    metrics.counter("orders", "Orders").inc()
    body, _ = exposition(metrics, OPENMETRICS, Broken())
    assert b"orders_total 1.0" in body
    assert len(warnings) == 1


def test_ours_can_be_collected_by_any_registry(metrics: Metrics) -> None:
    registry = CollectorRegistry()
    registry.register(MetricsCollector(metrics))
    assert registry.get_sample_value("queue") == 1.5


def test_new_buckets_keep_the_old_counts(tmp_path: Path) -> None:
    """The next release measures in other buckets: an old observation counts where it is sure to belong."""
    old = make(tmp_path)
    killed_child(
        lambda: [old.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0, 4.0)).observe(s) for s in (0.5, 1.5, 3, 9)]
    )
    new = make(tmp_path)
    new.histogram("wait_seconds", "Wait", buckets=(0.5, 2.0)).observe(0.1)

    buckets = {s.labels["le"]: s.value for s in samples(new) if s.name == "wait_seconds_bucket"}
    assert buckets == {"0.5": 1, "2.0": 3, "+Inf": 5}
    assert value(new, "wait_seconds_sum") == pytest.approx(14.1)


def test_a_name_that_meant_something_else_to_the_last_release_is_left_out_with_a_warning(tmp_path: Path) -> None:
    old = make(tmp_path)
    killed_child(lambda: (old.gauge("depth", "x").set(1), old.counter("hits", "Hits", ("path",)).labels("/").inc(5)))
    warnings: list[str] = []
    new = make(tmp_path, warn=warnings.append)
    new.counter("hits", "Hits", ("route",)).labels("/").inc(1)

    assert [s.labels for s in samples(new) if s.name == "hits_total"] == [{"route": "/"}]
    assert len(warnings) == 1
    assert "hits_total is not exported as a counter with the labels ('path',)" in warnings[0]


def test_a_histogram_below_zero_has_no_sum(tmp_path: Path) -> None:
    """OpenMetrics 1.0 forbids a sum where it could go down."""
    metrics = make(tmp_path)
    metrics.histogram("drift_seconds", "Drift", buckets=(-1.0, 1.0)).observe(-0.5)
    assert value(metrics, "drift_seconds_bucket", le="1.0") == 1
    assert value(metrics, "drift_seconds_sum") is None
