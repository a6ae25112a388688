"""Spans to a collector: delivered or counted, and never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from observability import Settings, Telemetry, observe
from observability.sender import Sender
from observability.spans import readable
from observability.testing import OPENMETRICS
from observability.transport import Endpoint
from tests.support.collector import Collector, refusing_url
from tests.support.waiting import eventually


def span(number: int) -> ReadableSpan:
    return readable(
        name=f"span {number}", context=SpanContext(1, number + 1, False, TraceFlags(1)), parent=None,
        kind=SpanKind.SERVER, start_ns=1, end_ns=2, attributes={"a": "x"}, events=(), links=(),
        status=Status(StatusCode.UNSET), resource=Resource({"service.instance.id": "i"}),
    )


class Account:
    def __init__(self, url: str, *, queue_size: int = 1000, timeout_s: float = 0.5, **more: str) -> None:
        self.dropped: Counter[str] = Counter()
        self.lost: list[str] = []
        self.delivered: list[float] = []
        self.states: list[bool] = []
        self.sender = Sender(
            Endpoint(f"{url}/v1/traces", timeout_s=timeout_s, **more), queue_size=queue_size, batch_size=64,
            on_drop=self._drop, on_lost=lambda spans: self.lost.extend(span.name for span in spans),
            on_delivered=self.delivered.append, on_state=lambda ok, why: self.states.append(ok),
        )

    def _drop(self, count: int, reason: str) -> None:
        self.dropped[reason] += count


@pytest.fixture
def healthy() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def test_every_span_arrives_and_the_moment_up_to_which_is_said(healthy: Collector) -> None:
    account = Account(healthy.url)
    account.sender.put([span(n) for n in range(200)], 7.0)
    eventually(lambda: len(healthy.spans) == 200)
    eventually(lambda: account.delivered == [7.0])
    account.sender.close(1.0)
    assert account.dropped == {}
    assert len(account.sender) == 0


def test_what_waits_is_sent_at_the_end(healthy: Collector) -> None:
    account = Account(healthy.url)
    account.sender.put([span(n) for n in range(300)], 1.0)
    account.sender.close(2.0)
    assert len(healthy.spans) == 300
    assert account.dropped == {}


@pytest.mark.parametrize("kind", ["refusing", "hanging"])
def test_a_dead_collector_costs_a_bounded_time_and_every_span_is_counted(kind: str) -> None:
    with Collector(hang=True) as hanging:
        account = Account(hanging.url if kind == "hanging" else refusing_url(), queue_size=100, timeout_s=5.0)
        account.sender.put([span(n) for n in range(150)], 1.0)
        account.sender.put([span(n) for n in range(10)], 1.0)
        started = time.monotonic()
        account.sender.close(0.5)
        assert time.monotonic() - started < 1.0
        assert sum(account.dropped.values()) == 160
        assert account.dropped["queue_full"] >= 50
        assert account.delivered == []


def test_a_collector_that_comes_back_gets_what_waited() -> None:
    with Collector(status=503) as collector:
        account = Account(collector.url)
        account.sender.put([span(1)], 3.0)
        eventually(lambda: account.states == [False])
        collector.status = 200
        eventually(lambda: len(collector.spans) == 1)
        eventually(lambda: account.states == [False, True])
        account.sender.close(1.0)
        assert account.dropped == {}


def test_spans_that_the_collector_rejects_are_counted_and_not_tried_again() -> None:
    with Collector(status=400) as collector:
        account = Account(collector.url)
        account.sender.put([span(1), span(2)], 3.0)
        eventually(lambda: account.dropped == {"rejected": 2})
        account.sender.close(1.0)
        assert collector.requests == 1
        assert account.lost == ["span 1", "span 2"]


def test_a_span_that_cannot_be_encoded_does_not_cost_the_others(healthy: Collector) -> None:
    account = Account(healthy.url)
    bad = span(2)
    bad._start_time = -1  # does not fit the wire format
    account.sender.put([span(1), bad, span(3)], 3.0)
    eventually(lambda: healthy.names() == ["span 1", "span 3"])
    account.sender.close(1.0)
    assert account.dropped == {"encoding": 1}
    assert account.lost == ["span 2"]


def test_what_is_put_after_the_end_is_counted(healthy: Collector) -> None:
    account = Account(healthy.url)
    account.sender.close(0.1)
    account.sender.put([span(1)], 1.0)
    assert account.dropped == {"shutdown": 1}


def test_the_last_mark_counts_although_the_one_before_still_waits(healthy: Collector) -> None:
    account = Account(healthy.url)
    account.sender.put([span(1)], 1.0)
    for until_s in (2.0, 3.0):
        account.sender.put([], until_s)
    eventually(lambda: account.delivered[-1:] == [3.0])
    account.sender.close(1.0)


def test_what_is_rejected_after_the_end_did_not_wait_for_it_is_counted_once() -> None:
    with Collector(hang=True) as collector:
        account = Account(collector.url, timeout_s=5.0)
        account.sender.put([span(1)], 1.0)
        eventually(lambda: collector.requests == 1)
        account.sender.close(0.05)
        account.sender._lose(1, [], "rejected")  # what the thread does when the answer comes after all
        assert account.dropped == {"shutdown": 1}


def test_a_certificate_that_cannot_be_read_is_a_state_and_not_the_end_of_the_thread(healthy: Collector) -> None:
    account = Account(healthy.url.replace("http:", "https:"), certificate="/no/such/file.pem")
    account.sender.put([span(1)], 1.0)
    eventually(lambda: account.states == [False])
    account.sender.close(0.2)
    assert account.dropped == {"shutdown": 1}


def test_without_a_thread_everything_is_sent_at_the_end(
    healthy: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on no thread can be started while the interpreter ends."""
    account = Account(healthy.url)
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "telemetry-sender":
            raise RuntimeError("can't start new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    account.sender.put([span(n) for n in range(100)], 1.0)
    account.sender.close(1.0)
    assert len(healthy.spans) == 100
    assert account.dropped == {}


def test_no_exemplar_names_a_span_that_was_lost() -> None:
    """Neither now nor, when a later span was delivered, after the worker is gone."""
    with Collector(status=400) as collector:
        telemetry = Telemetry(Settings(service_name="shop", otlp_endpoint=collector.url, log_stdout=False))
        app = observe(Flask("shop"), telemetry)
        app.add_url_rule("/x", view_func=lambda: "x")
        try:
            lost = app.test_client().get("/x").headers["X-Trace-Id"]
            eventually(lambda: collector.requests == 1)
            eventually(lambda: lost not in exposition(telemetry))
            collector.status = 200
            kept = app.test_client().get("/x").headers["X-Trace-Id"]
            eventually(lambda: len(collector.spans) == 1)
            assert kept in exposition(telemetry)
        finally:
            telemetry.stop()


def exposition(telemetry: Telemetry) -> str:
    return telemetry.exposition(OPENMETRICS)[0].decode()
