"""Scraping real HTTP servers: what is stored, and what a failing target leaves behind."""

from __future__ import annotations

import gzip
import math
import socket
import threading
import time

import pytest

from clew.intake.metrics import MetricIntake
from clew.intake.prometheus_config import read_prometheus_config
from clew.store import Matcher
from clew.store.memory import memory_stores
from tests.intake.scraped import BODY, Clock, Page, intake, points, raw_server, stale
from tests.support.waiting import eventually


def test_a_scrape_stores_samples_exemplars_and_what_it_was_like(server: str, page: Page) -> None:
    store, clock = memory_stores().samples, Clock()
    (status,) = intake(store, server, clock=clock).scrape_now()
    (series,) = store.select([Matcher("__name__", "=", "orders_total")], from_ms=0, to_ms=2**53)
    assert series.labels == (
        ("__name__", "orders_total"), ("instance", "order:8082"), ("job", "order"), ("outcome", "placed"),
    )  # fmt: skip
    assert series.points == ((1_795_246_900_000, 3.0),)
    (exemplar,) = store.find_exemplars("4bf92f3577b34da6a3ce929d0e0e4736")
    assert (exemplar.value, exemplar.timestamp_ms, dict(exemplar.series)["le"]) == (0.5, 1_795_246_863_000, "1.0")
    assert points(store, "up") == {"": [1.0]}
    assert points(store, "scrape_samples_scraped") == {"": [3.0]}
    assert points(store, "scrape_samples_post_metric_relabeling") == {"": [3.0]}
    assert points(store, "scrape_series_added") == {"": [3.0]}
    assert 0 < points(store, "scrape_duration_seconds")[""][0] < 5
    assert store.metadata()["orders"] == ("counter", "Placed orders.", "")
    assert (status.health, status.last_error, status.samples, status.last_scrape_s) == ("up", "", 3, clock.now)


def test_a_target_is_asked_as_prometheus_asks(server: str, page: Page) -> None:
    intake(memory_stores().samples, server, extra=", metrics_path: /m").scrape_now()
    (asked,) = page.asked
    assert asked["path"] == "/m"
    assert asked["host"] == "order:8082"
    assert asked["accept"].startswith("application/openmetrics-text;version=1.0.0;")
    assert asked["accept-encoding"] == "gzip"
    assert asked["x-prometheus-scrape-timeout-seconds"] == "20"


def test_the_connection_is_kept_and_made_anew_when_the_server_closed_it(server: str, page: Page) -> None:
    store = memory_stores().samples
    scraping = intake(store, server)
    scraping.scrape_now()
    scraping.scrape_now()
    assert len(page.connections) == 1
    page.close_after = True
    assert scraping.scrape_now()[0].health == "up"
    assert scraping.scrape_now()[0].health == "up"
    page.headers["Connection"] = "close"
    assert [scraping.scrape_now()[0].health for _ in range(2)] == ["up", "up"]


def test_a_gzipped_body_is_read(server: str, page: Page) -> None:
    page.body, page.headers = gzip.compress(BODY.encode()), {"Content-Encoding": "gzip"}
    (status,) = intake(memory_stores().samples, server).scrape_now()
    assert (status.health, status.samples) == ("up", 3)


def test_the_classic_format_is_read_by_its_content_type(server: str, page: Page) -> None:
    page.content_type, page.body = "text/plain; version=0.0.4", b"# a comment\na 1\n"
    store = memory_stores().samples
    intake(store, server).scrape_now()
    assert points(store, "a") == {"": [1.0]}


def test_a_series_that_vanishes_gets_one_stale_marker(server: str, page: Page) -> None:
    store, clock = memory_stores().samples, Clock()
    scraping = intake(store, server, clock=clock)
    for body in ("a{x=\"1\"} 1\na{x=\"2\"} 2\n# EOF\n", "a{x=\"1\"} 1\n# EOF\n", "a{x=\"1\"} 1\n# EOF\n"):
        page.body = body.encode()
        scraping.scrape_now()
        clock.now += 5
    first, second = points(store, "a")["x=1"], points(store, "a")["x=2"]
    assert first == [1.0, 1.0, 1.0]
    assert second[0] == 2.0
    assert [stale(value) for value in second] == [False, True]
    assert points(store, "scrape_series_added")[""] == [2.0, 0.0, 0.0]


def test_all_series_end_when_the_target_goes_down_and_return_with_it(server: str, page: Page) -> None:
    """One marker per series, `up` 0 as long as it lasts, and nobody has to guess why."""
    store, clock, reports = memory_stores().samples, Clock(), list[str]()
    scraping = intake(store, server, clock=clock, reports=reports)
    for status in (200, 503, 503, 200):
        page.status = status
        scraping.scrape_now()
        clock.now += 5
    values = points(store, "orders_total")["outcome=placed"]
    assert [stale(value) for value in values] == [False, True, False]
    assert points(store, "up")[""] == [1.0, 0.0, 0.0, 1.0]
    assert points(store, "scrape_samples_scraped")[""] == [3.0, 0.0, 0.0, 3.0]
    assert points(store, "scrape_series_added")[""] == [3.0, 0.0, 0.0, 0.0]
    assert reports == [
        f"Target order:8082 is down: order:8082 ({server}) answered 503 Service Unavailable.",
        "Target order:8082 is up again.",
    ]


def test_a_sample_with_a_timestamp_of_its_own_is_stored_there_and_gets_no_marker(server: str, page: Page) -> None:
    store, clock = memory_stores().samples, Clock()
    scraping = intake(store, server, clock=clock)
    page.body = b"a 1 1795246000.5\nb 1 1799999999\n# EOF\n"
    scraping.scrape_now()
    page.body = b"# EOF\n"
    clock.now += 5
    (status,) = scraping.scrape_now()
    (series,) = store.select([Matcher("__name__", "=", "a")], from_ms=0, to_ms=2**53)
    assert series.points == ((1_795_246_000_500, 1.0),)
    assert points(store, "b") == {}
    assert status.counts["dropped:future"] == 1


def test_a_series_twice_in_one_body_counts_once(server: str, page: Page) -> None:
    """The first one stands, as in Prometheus, whatever the order of the labels."""
    store = memory_stores().samples
    page.body = b'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n# EOF\n'
    (status,) = intake(store, server).scrape_now()
    assert points(store, "a") == {"x=1,y=2": [1.0]}
    assert (status.health, status.counts["dropped:duplicate"]) == ("up", 1)


def test_labels_that_clash_with_the_targets_step_aside(server: str, page: Page) -> None:
    page.body = b'a{job="mine",instance="i",exported_job="other"} 1\n# EOF\n'
    store = memory_stores().samples
    intake(store, server).scrape_now()
    (series,) = store.select([Matcher("__name__", "=", "a")], from_ms=0, to_ms=2**53)
    assert dict(series.labels) == {
        "__name__": "a", "job": "order", "instance": "order:8082", "exported_job": "other",
        "exported_exported_job": "mine", "exported_instance": "i",
    }  # fmt: skip


def test_with_honor_labels_the_exposed_labels_win(server: str, page: Page) -> None:
    page.body = b'a{job="mine"} 1\n# EOF\n'
    store = memory_stores().samples
    intake(store, server, extra=", honor_labels: true").scrape_now()
    (series,) = store.select([Matcher("__name__", "=", "a")], from_ms=0, to_ms=2**53)
    assert dict(series.labels) == {"__name__": "a", "job": "mine", "instance": "order:8082"}


def test_an_exemplar_that_stays_is_stored_once(server: str, page: Page) -> None:
    """With a timestamp or without: only another exemplar is a new one."""
    store, clock = memory_stores().samples, Clock()
    scraping = intake(store, server, clock=clock)
    too_long = b"x" * 200
    page.body = b'a{le="1"} 1 # {trace_id="aa"} 0.5\nb{le="1"} 1 # {trace_id="%s"} 1\n# EOF\n' % too_long
    for _ in range(3):
        (status,) = scraping.scrape_now()
        clock.now += 5
    assert [exemplar.timestamp_ms for exemplar in store.find_exemplars("aa")] == [1_795_246_900_000]
    assert status.counts["exemplars_stored"] == 1
    assert status.counts["dropped:exemplar_too_long"] >= 1


def test_a_nan_is_not_a_stale_marker(server: str, page: Page) -> None:
    page.body = b"a NaN\n# EOF\n"
    store = memory_stores().samples
    intake(store, server).scrape_now()
    (value,) = points(store, "a")[""]
    assert math.isnan(value)
    assert not stale(value)


def running(scraping: MetricIntake) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=scraping.run, args=(stop,))
    thread.start()
    return thread, stop


@pytest.mark.slow
def test_targets_are_scraped_at_their_interval_until_the_stop(server: str, page: Page) -> None:
    store = memory_stores().samples
    scraping = intake(store, server, timing="scrape_interval: 100ms")
    began = time.monotonic()
    thread, stop = running(scraping)
    try:
        eventually(lambda: len(points(store, "up").get("", [])) >= 4)
    finally:
        stop.set()
        thread.join(5)
    assert len(points(store, "up")[""]) <= (time.monotonic() - began) / 0.1 + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scrape-")]


def test_a_stop_breaks_off_a_scrape_that_hangs_and_stores_nothing_of_it(server: str, page: Page) -> None:
    page.go.clear()
    store = memory_stores().samples
    config = read_prometheus_config(
        f"scrape_configs: [{{job_name: a, scrape_interval: 100ms, static_configs: [{{targets: ['{server}']}}]}},"
        f" {{job_name: b, scrape_interval: 1h, scrape_timeout: 1h, static_configs: [{{targets: ['{server}']}}]}}]"
    )
    scraping = MetricIntake(config, store)
    hanging = threading.Thread(target=scraping.scrape_now)
    hanging.start()
    assert page.arrived.wait(5)
    eventually(lambda: len(page.asked) >= 2)
    thread, stop = running(scraping)
    began = time.monotonic()
    stop.set()
    thread.join(10)
    hanging.join(10)
    assert time.monotonic() - began < 5
    assert points(store, "up").get("", []) in ([], [0.0])


@pytest.mark.slow
def test_a_hanging_target_does_not_delay_the_others(server: str, page: Page) -> None:
    store = memory_stores().samples
    over = threading.Event()

    def hang(connection: socket.socket) -> None:
        over.wait(20)

    with raw_server(hang) as hanging:
        config = read_prometheus_config(
            "global: {scrape_interval: 100ms}\nscrape_configs:\n"
            f"- {{job_name: bad, scrape_interval: 1h, scrape_timeout: 1h, static_configs: [targets: ['{hanging}']]}}\n"
            f"- {{job_name: good, static_configs: [{{targets: ['{server}']}}]}}\n"
        )
        scraping = MetricIntake(config, store)
        thread, stop = running(scraping)
        stuck = threading.Thread(target=scraping.scrape_now)
        stuck.start()
        try:
            eventually(lambda: len(points(store, "up").get("", [])) >= 3)
        finally:
            stop.set()
            thread.join(10)
            stuck.join(10)
            over.set()
    assert scraping.status()[0].health == "unknown"
