"""The user service hangs, or is gone: orders degrade as specified, all three signals say so, and it recovers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.books import books
from tests.support.running import ORDER, PROBLEM, Answer, Buyer, Running, ask
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PATIENCE_S = 2.5
"""How long the gateway waits for the order service: twice CALL_TIMEOUT, and half a second for its answer."""


@dataclass(frozen=True)
class Outage:
    """
    What clients got while the user service was away, and what the stack knows of it afterwards.

    :param status: what `http_client_request_duration_seconds` calls a call without an answer.
    """

    status: str
    error: str
    took_s: float
    placing: Answer
    reading: Answer
    readiness: Answer
    counted: float
    placed: Any
    read: Any
    exemplars_of_placing: Any
    exemplars_of_reading: Any


def ride_out(running: Running, buyer: Buyer, how: str) -> Outage:
    order = running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers).json
    status, error = ("timeout", "ReadTimeout") if how == "asleep" else ("error", "ConnectionError")
    before = calls_without_an_answer(running, status)
    with getattr(running, how)("user"), ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        placing = pool.submit(running.gateway, "POST", "/api/orders", ORDER, headers=buyer.headers)
        reading = pool.submit(running.gateway, "GET", f"/api/orders/{order['id']}", headers=buyer.headers)
        readiness = pool.submit(ask, running.port("order"), "GET", "/readyz")
        placed, read = placing.result(), reading.result()
        took_s = time.monotonic() - began
        counted = calls_without_an_answer(running, status) - before
        dossiers = [running.dossier(answer.trace_id, "gateway", "order") for answer in (placed, read)]
    running.until_well()
    running.scrape()
    exemplars = [running.dossier(answer.trace_id, "gateway", "order")["exemplars"] for answer in (placed, read)]
    return Outage(status, error, took_s, placed, read, readiness.result(), counted, *dossiers, *exemplars)


def calls_without_an_answer(running: Running, status: str) -> float:
    return running.total("order", "http_client_request_duration_seconds_count", peer="user", status=status)


@pytest.fixture(scope="module", params=["asleep", "dead"])
def outage(request: pytest.FixtureRequest, shared: Running) -> Iterator[Outage]:
    """*asleep*: every process of it is stopped, it hangs. *dead*: every process of it was killed, it refuses."""
    shared.until_well()
    yield ride_out(shared, shared.buyer(), request.param)
    shared.until_well()


def test_placing_an_order_is_refused_within_its_time_limit(outage: Outage) -> None:
    assert outage.placing.status == 503
    assert outage.placing.headers["content-type"] == PROBLEM
    assert outage.placing.headers["retry-after"] == "1"
    assert outage.placing.json["code"] == "unavailable"
    assert outage.placing.json["trace_id"] == outage.placing.trace_id
    assert "Nothing was ordered" in outage.placing.json["detail"]
    assert outage.took_s < PATIENCE_S


def test_reading_an_order_shows_it_without_its_user(outage: Outage) -> None:
    assert outage.reading.status == 200
    assert outage.reading.json["user"] is None
    assert outage.reading.json["degraded"] == ["user"]
    assert outage.reading.json["total_amount"] == 900


def test_the_order_service_says_that_it_is_not_ready(outage: Outage) -> None:
    assert outage.readiness.status == 503
    assert outage.readiness.json == {"status": "not ready", "checks": {"database": "ok", "user": "failed"}}


def test_the_log_lines_say_so(outage: Outage) -> None:
    refused, degraded = lines(outage.placed), lines(outage.read)

    assert ("order", "warning", "peer.failed") in degraded
    assert ("order", "warning", "order.degraded") in degraded
    assert ("gateway", "info", "request.finished") in degraded
    assert ("order", "warning", "peer.failed") in refused
    assert ("order", "error", "request.finished") in refused
    assert ("gateway", "error", "request.finished") in refused
    shown = next(row["document"] for row in outage.read["rows"] if row.get("action") == "order.degraded")
    assert shown["order"]["id"] == outage.reading.json["id"]
    (error,) = [
        row["document"]["error"] for row in outage.placed["rows"]
        if (row["service"], row.get("action")) == ("order", "peer.failed")
    ]
    assert outage.error in error["type"]
    assert "Traceback" in error["stack_trace"]


def test_the_spans_say_so(outage: Outage) -> None:
    for dossier, failed in ((outage.placed, True), (outage.read, False)):
        spans = {(row["service"], row["kind"]): row for row in dossier["rows"] if row["row"] == "span"}
        call = spans["order", "client"]
        assert call["status"] == "error"
        assert outage.error in call["attributes"]["error.type"]
        assert call["attributes"]["peer.service"] == "user"
        assert "exception" in [event["name"] for event in call["events"]]
        assert (spans["order", "server"]["status"] == "error") is failed
        assert (spans["gateway", "server"]["status"] == "error") is failed
        assert dossier["failed"] is failed
        assert ("user", "server") not in spans


def test_the_metrics_say_so(outage: Outage) -> None:
    """
    A call that took too long is not repeated, one that was refused is tried three times; each attempt counts, with an
    exemplar: of the newer one, if both fell into one bucket.
    """
    assert outage.counted == {"timeout": 2, "error": 6}[outage.status]
    exemplars = [*outage.exemplars_of_placing, *outage.exemplars_of_reading]
    assert ("user", outage.status) in {(row["peer"], row["status"]) for row in exemplars}
    doors = {row["service"]: row["status"] for row in outage.exemplars_of_placing if row["route"]}
    assert (doors["gateway"], doors["order"]) == ("503", "503")


def test_it_recovers_by_itself(outage: Outage, running: Running, buyer: Buyer) -> None:
    placed = running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers)
    assert placed.status == 201
    read = running.gateway("GET", f"/api/orders/{placed.json['id']}", headers=buyer.headers)

    assert (read.status, read.json["user"]["id"]) == (200, buyer.user_id)
    assert "degraded" not in read.json
    running.dossier(read.trace_id)


def test_the_degraded_reading_is_listed_under_the_orders_id(outage: Outage, running: Running) -> None:
    found = running.explorer(f"/requests/{outage.reading.json['id']}.json")

    assert [other["trace_id"] for other in found["also"]] == [outage.reading.trace_id]


def test_the_books_of_processes_that_were_killed_are_still_kept(outage: Outage, running: Running) -> None:
    """Whoever wrote a line has an account on /metrics and in the ledger, and it adds up."""

    def add_up() -> bool:
        now = books(running)
        assert set(now.written) <= set(now.emitted)
        for key, row in now.ledger.items():
            assert row["emitted"] == now.emitted[key] == row["stored"] + row["dropped"] + row["missing"], row
        return True

    eventually(add_up, timeout_s=20, what="the books add up")


def lines(dossier: Any) -> set[tuple[str, str, str]]:
    return {(row["service"], row["level"], row["action"]) for row in dossier["rows"] if row["row"] == "line"}
