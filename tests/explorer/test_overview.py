"""The first sentence: what is wrong, since when, or that everything is fine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from clew.query import InstanceAccount
from clew.query.embedded import readers_of
from clew.query.freshness import Source
from clew.store import Sample, Stores, labels_of
from tests.explorer.conftest import Browser, explorer_of
from tests.support.story import BOUNDS, FAILED, MS, NOW, NOW_S, SECOND, log_line, placed, target


def _traffic(
    service: str, rate: float, *, failing: float = 0.0, failing_since_s: float = 0.0, typical: float = 0.04,
    slow: float = 0.0, slow_since_s: float = 0.0,
) -> Iterator[Sample]:
    """Half an hour of requests, *failing* of them per second for the last *failing_since_s* seconds; *slow* seconds."""
    for step in range(121):
        at_ms = (NOW - (1800 - 15 * step) * SECOND) // MS
        for status, per_s, since_s in (("200", rate, 1800.0), ("503", failing, failing_since_s)):
            seconds = max(0.0, 15.0 * step - (1800 - since_s))
            count = round(per_s * seconds)
            late = round(per_s * max(0.0, 15.0 * step - (1800 - slow_since_s)))
            labels = {**target(service), "method": "GET", "url_rule": "/x", "status": status}
            name = "flask_http_request_duration_seconds"
            for bound in (*BOUNDS, float("inf")):
                below = (count - late if bound >= typical else 0) + (late if bound >= (slow or typical) else 0)
                le = "+Inf" if bound == float("inf") else f"{bound}"
                yield _sample(at_ms, below, __name__=f"{name}_bucket", le=le, **labels)
            yield _sample(at_ms, count, __name__=f"{name}_count", **labels)


def _sample(at_ms: int, value: float, **labels: str) -> Sample:
    return Sample(labels_of(labels), at_ms, float(value))


def _verdict(stores: Stores, **more: Any) -> Mapping[str, Any]:
    browser = Browser(explorer_of(readers_of(stores), **more).test_client())
    twin = browser.json("/overview.json?last=30m")
    assert browser.page("/?last=30m").says(twin["verdict"]["summary"])
    return dict(twin["verdict"])


def test_all_is_well(stores: Stores) -> None:
    stores.samples.append(_traffic("gateway", 10.0))
    verdict = _verdict(stores)
    assert (verdict["state"], verdict["badge"]) == ("fine", "Everything is fine")
    assert verdict["summary"] == "gateway answers 10 req/s, 0 % fail, p95 is 49 ms."


def test_failing_requests_are_named_with_their_share_and_since_when(stores: Stores) -> None:
    stores.samples.append(_traffic("gateway", 9.0, failing=1.0, failing_since_s=300.0))
    stores.samples.append(_traffic("order", 9.0))
    verdict = _verdict(stores)
    assert (verdict["state"], verdict["badge"]) == ("bad", "Requests are failing")
    assert verdict["summary"] == "gateway fails 10 % of its requests."
    assert verdict["since"] == "2026-11-21T14:02:15.000000Z"


def test_what_failed_all_the_time_has_no_since(stores: Stores) -> None:
    stores.samples.append(_traffic("gateway", 9.0, failing=1.0, failing_since_s=1800.0))
    assert _verdict(stores)["since"] is None


def test_what_failed_and_recovered_is_fine_again(stores: Stores) -> None:
    samples = [
        sample for sample in _traffic("gateway", 9.0, failing=1.0, failing_since_s=900.0)
        if dict(sample.labels)["status"] == "200" or sample.timestamp_ms * MS < NOW - 400 * SECOND
    ]
    stores.samples.append(samples)
    assert _verdict(stores)["state"] == "fine"


def test_a_service_that_became_slow_is_named_with_its_normal(stores: Stores) -> None:
    stores.samples.append(_traffic("user", 8.0, slow=1.0, slow_since_s=240.0))
    verdict = _verdict(stores)
    assert (verdict["state"], verdict["badge"]) == ("warn", "Slow")
    assert verdict["summary"].startswith("user takes ")
    assert verdict["summary"].endswith(" at p95 instead of 49 ms.")


def test_a_silent_source_is_named_with_its_reason(stores: Stores) -> None:
    stores.samples.append(_traffic("gateway", 10.0))
    late = Source("metrics", "user", "scrape user:8081", NOW_S - 60, 15.0, "connection refused")
    verdict = _verdict(stores, freshness=lambda: (late,))
    assert verdict["badge"] == "A source is silent"
    assert verdict["summary"] == "No metrics come any more from scrape user:8081 (connection refused)."
    assert verdict["since"] == "2026-11-21T14:06:00.000000Z"


def test_lost_telemetry_is_a_warning(stores: Stores) -> None:
    stores.samples.append(_traffic("gateway", 10.0))
    account = InstanceAccount("order", "i", "logs", emitted=1010, stored=1000, dropped=4)
    verdict = _verdict(stores, ledger=lambda: (account,))
    assert verdict["summary"] == "4 lines and spans dropped, 6 lines and spans missing."


def test_the_first_requests_are_told_before_there_are_rates(stores: Stores) -> None:
    request = placed("ab" * 16, NOW - 5 * SECOND, "ord_1")
    stores.spans.append(request.spans)
    assert _verdict(stores)["summary"] == "1 request in this time, none failed; rates need a second scrape."


def test_the_newest_failure_is_offered_to_be_followed(browser: Browser) -> None:
    assert browser.json("/overview.json")["example"]["trace_id"] == FAILED
    assert f"/requests/{FAILED}" in browser.page("/").links


def test_exemplars_on_the_latency_chart_lead_to_their_requests(browser: Browser) -> None:
    panel = next(panel for panel in browser.json("/overview.json")["panels"] if panel["exemplars"])
    links = browser.page("/").links
    assert FAILED in [mark["trace_id"] for mark in panel["exemplars"]]
    for mark in panel["exemplars"]:
        assert f"/requests/{mark['trace_id']}" in links


@pytest.mark.parametrize("last", ["5m", "15m", "1h", "24h", "7d"])
def test_every_range_has_about_as_many_steps(browser: Browser, last: str) -> None:
    for panel in browser.json(f"/overview.json?last={last}")["panels"]:
        for line in panel["lines"]:
            assert len(line["values"]) == (panel["to_ms"] - panel["from_ms"]) / panel["step_ms"] + 1
            assert 60 <= len(line["values"]) <= 121


@pytest.mark.parametrize(("oldest_s", "last"), [(60, "5m"), (400, "15m"), (1000, "30m"), (None, "5m")])
def test_the_charts_of_a_young_stack_begin_when_it_did(
    empty: Browser, stores: Stores, oldest_s: int | None, last: str
) -> None:
    if oldest_s:
        stores.logs.append([log_line(NOW - oldest_s * SECOND, "info", "user", "x.started", "user takes requests.")])
    assert empty.json("/overview.json")["range"]["last"] == last
    assert empty.json("/overview.json?last=1h")["range"]["last"] == "1h"


def test_a_huge_ledger_is_cut_and_says_so(stores: Stores) -> None:
    accounts = [InstanceAccount("order", f"i{n:03}", "logs", 10, 10 - (n == 77), 0) for n in range(200)]
    browser = Browser(explorer_of(readers_of(stores), ledger=lambda: accounts).test_client())
    assert browser.page("/").says("40 of 200 accounts")
    assert browser.json("/overview.json")["ledger"][0]["instance"] == "i077"


def test_a_fault_that_somebody_switched_on_is_said_with_how_to_end_it(stores: Stores) -> None:
    """Whoever looks at red numbers first wants to know that they are an exercise."""
    said = "Fault on: user every route: 800 ms later, since 13:58:20Z (2 min)."
    browser = Browser(explorer_of(readers_of(stores), exercises=lambda: [said]).test_client())
    assert browser.json("/overview.json")["exercises"] == [said]
    assert browser.page("/").says(f"{said} End all: clew fault clear")
