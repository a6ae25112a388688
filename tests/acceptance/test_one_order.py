"""One order through the gateway: the same id in the lines, the spans and the exemplars of three services."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.support.lines import whole_lines
from tests.support.running import LINES, ORDER, SERVICES, Answer, Buyer, Running, is_uuid7
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

DURATION = "flask_http_request_duration_seconds"
ROUTES = {"gateway": ("POST", "/api/orders"), "order": ("POST", "/orders"), "user": ("GET", "/users/<user_id>")}


@dataclass(frozen=True)
class Placed:
    """An order that was just placed, with the scrape that followed, and everything about it has arrived."""

    answer: Answer
    dossier: Any

    @property
    def order_id(self) -> str:
        return str(self.answer.json["id"])

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [row for row in self.dossier["rows"] if row["row"] == "span"]

    def server(self, service: str) -> dict[str, Any]:
        return next(span for span in self.spans if (span["service"], span["kind"]) == (service, "server"))


@pytest.fixture
def placed(running: Running, buyer: Buyer) -> Placed:
    answer = running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers)
    assert answer.status == 201, answer

    def with_exemplars() -> Any:
        """A request is counted a moment after its answer, which a busy machine may make long."""
        running.scrape()
        dossier = running.dossier(answer.trace_id)
        assert {row["service"] for row in dossier["exemplars"] if row["route"]} == set(SERVICES)
        return dossier

    return Placed(answer, eventually(with_exemplars, what="everything about the order, exemplars too"))


def test_the_answer_names_the_trace_and_the_request(placed: Placed) -> None:
    assert is_uuid7(placed.answer.request_id)
    assert placed.dossier["trace_id"] == placed.answer.trace_id
    assert placed.dossier["title"] == "POST /api/orders"
    assert placed.dossier["status_code"] == 201
    assert {fact["value"] for fact in placed.dossier["facts"]} >= {
        placed.answer.trace_id, placed.answer.request_id, placed.order_id, placed.answer.json["user_id"],
    }


def test_the_trace_id_is_in_app_and_access_lines_of_three_services(running: Running, placed: Placed) -> None:
    """In the store, in the files that the services wrote, and on the page of log lines."""
    stored = running.lines(placed.answer.trace_id)
    written = [
        line for line in whole_lines(running.home.logs.glob("*.jsonl"))
        if line.get("trace", {}).get("id") == placed.answer.trace_id
    ]
    shown = running.explorer(f"/logs.json?trace={placed.answer.trace_id}")["lines"]

    assert sorted((line["service"]["name"], line["event"]["action"]) for line in stored) == LINES
    assert sorted(line["event"]["id"] for line in written) == sorted(line["event"]["id"] for line in stored)
    assert sorted((line["service"], line["action"]) for line in shown) == LINES
    for line in stored:
        assert line["span"]["id"] == placed.server(line["service"]["name"])["span_id"]
    access = [line for line in stored if line["event"]["action"] == "request.finished"]
    assert {line["http"]["request"]["id"] for line in access} == {placed.answer.request_id}
    assert [line["order"]["id"] for line in stored if "order" in line] == [placed.order_id]


def test_the_spans_lead_from_the_gateway_to_order_to_user(running: Running, placed: Placed) -> None:
    """Server and client span at each step, each the parent of the next; statements hang below the server spans."""
    spans = [span for span in placed.spans if "db.system.name" not in span["attributes"]]
    statements = [span for span in placed.spans if span not in spans]
    chain = [(span["service"], span["kind"], span["name"]) for span in spans]

    assert chain == [
        ("gateway", "server", "POST /api/orders"),
        ("gateway", "client", "POST"),
        ("order", "server", "POST /orders"),
        ("order", "client", "GET"),
        ("user", "server", "GET /users/<user_id>"),
    ]
    assert spans[0]["parent_span_id"] is None
    for above, below in pairwise(spans):
        assert below["parent_span_id"] == above["span_id"]
        assert above["offset_ms"] <= below["offset_ms"]
    assert [span["attributes"].get("peer.service") for span in spans] == [None, "order", None, "user", None]
    assert {(span["service"], span["name"]) for span in statements} == {
        ("order", "INSERT orders"), ("user", "SELECT users"),
    }
    for span in statements:
        assert span["parent_span_id"] == placed.server(span["service"])["span_id"]
    stored = running.rows("spans", "SELECT span_id FROM span WHERE trace_id = ?", placed.answer.trace_id)
    assert sorted(span_id for (span_id,) in stored) == sorted(span["span_id"] for span in placed.spans)


@pytest.mark.parametrize("service", SERVICES)
def test_the_exemplar_of_the_bucket_is_the_span(running: Running, placed: Placed, service: str) -> None:
    """On /metrics and in the store: in the bucket that the duration falls into, within 1 ms of the span's duration."""
    method, route = ROUTES[service]
    span = placed.server(service)
    status = str(span["attributes"]["http.response.status_code"])
    labels = {"method": method, "url_rule": route, "status": status}
    buckets = [sample for sample in running.samples(service) if sample.name == f"{DURATION}_bucket"]
    series = [sample for sample in buckets if labels.items() <= sample.labels.items()]
    exemplars = {float(s.labels["le"]): s.exemplar for s in series if s.exemplar}
    bound = next(le for le, exemplar in exemplars.items() if exemplar.labels["span_id"] == span["span_id"])
    bound_below = max([float(s.labels["le"]) for s in series if float(s.labels["le"]) < bound], default=0.0)

    assert exemplars[bound].labels["trace_id"] == placed.answer.trace_id
    assert bound_below < exemplars[bound].value <= bound
    assert abs(exemplars[bound].value - span["duration_ms"] / 1000) <= 0.001

    stored = [row for row in placed.dossier["exemplars"] if (row["service"], row["route"]) == (service, route)]
    assert [(row["span_id"], row["status"]) for row in stored] == [(span["span_id"], status)]
    assert stored[0]["bucket_ms"] == bound * 1000
    assert abs(stored[0]["value_ms"] - span["duration_ms"]) <= 1


def test_the_dossier_marks_the_bucket_of_this_request(placed: Placed) -> None:
    histogram = placed.dossier["histogram"]
    marked = [bucket for bucket in histogram["buckets"] if bucket["this"]]

    assert (histogram["service"], histogram["method"], histogram["route"]) == ("gateway", *ROUTES["gateway"])
    assert len(marked) == 1
    assert marked[0]["count"] >= 1
    assert marked[0]["lower_ms"] < histogram["exemplar"]["value_ms"] <= marked[0]["upper_ms"]
    assert histogram["exemplar"]["span_id"] == placed.server("gateway")["span_id"]
    assert placed.dossier["gaps"] == []


def test_every_id_leads_to_the_same_document_on_the_page_and_in_the_terminal(running: Running, placed: Placed) -> None:
    """`clew follow ID --json` is ``/requests/ID.json``, apart from the time at which the histogram was read."""
    for any_id in (placed.order_id, placed.answer.trace_id, placed.answer.request_id):
        said = running.clew("follow", any_id, "--json")
        assert (said.returncode, said.stderr) == (0, "")
        mine, page = json.loads(said.stdout), running.explorer(f"/requests/{any_id}.json")
        for document in (mine, page):
            document["histogram"].pop("at")
        assert mine == page
        assert mine["asked"] == any_id
        assert mine["trace_id"] == placed.answer.trace_id


def test_the_order_id_opens_the_trace_that_placed_it_and_lists_the_later_ones(
    running: Running, buyer: Buyer, placed: Placed
) -> None:
    reads = [running.gateway("GET", f"/api/orders/{placed.order_id}", headers=buyer.headers) for _ in range(2)]
    assert [(read.status, read.json["user"]["username"]) for read in reads] == [(200, buyer.username)] * 2
    for read in reads:
        running.dossier(read.trace_id)

    found = running.explorer(f"/requests/{placed.order_id}.json")
    assert found["trace_id"] == placed.answer.trace_id
    assert [other["trace_id"] for other in found["also"]] == [read.trace_id for read in reads]


def test_a_callers_request_id_is_kept_if_it_is_one(running: Running, buyer: Buyer) -> None:
    kept = running.gateway("GET", "/api/me", headers={**buyer.headers, "X-Request-Id": "till-7.order_0815"})
    replaced = running.gateway("GET", "/api/me", headers={**buyer.headers, "X-Request-Id": "till 7; order 0815"})

    assert kept.request_id == "till-7.order_0815"
    assert is_uuid7(replaced.request_id)
    assert {line["http"]["request"]["id"] for line in access_lines(running, kept)} == {"till-7.order_0815"}


def test_a_callers_trace_goes_on(running: Running, buyer: Buyer) -> None:
    theirs, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    answer = running.gateway("GET", "/api/me", headers={**buyer.headers, "traceparent": f"00-{theirs}-{parent}-01"})

    assert answer.trace_id == theirs
    found = running.dossier(theirs, gaps=("spans",))
    first = next(row for row in found["rows"] if row["row"] == "span")
    assert (first["service"], first["kind"], first["parent_span_id"]) == ("gateway", "server", parent)


def access_lines(running: Running, answer: Answer) -> list[dict[str, Any]]:
    def arrived() -> list[dict[str, Any]]:
        lines = [x for x in running.lines(answer.trace_id) if x["event"]["action"] == "request.finished"]
        assert {line["service"]["name"] for line in lines} == set(SERVICES)
        return lines

    return eventually(arrived, what="the access lines of three services")
