"""One order, followed through three services in the same process."""

from __future__ import annotations

from typing import Any

from tests.services.conftest import ORDER, World


def hop(span: Any) -> tuple[str, str, int]:
    return span.resource.attributes["service.name"], span.name, span.context.span_id


def test_one_order_is_one_trace_through_three_services_in_lines_spans_and_exemplars(world: World) -> None:
    world.register()
    answer = world.call("POST", "/api/orders", json=ORDER, token=world.log_in(), headers={"X-Request-Id": "my-request"})
    trace_id, order_id = answer.headers["X-Trace-Id"], answer.get_json()["id"]

    for seen in world.seen.values():
        (access,) = [line for line in seen.access_lines if line["trace"]["id"] == trace_id]
        assert access["http"]["request"]["id"] == answer.headers["X-Request-Id"] == "my-request"
    (placed,) = world.events("order", "order.placed")
    assert (placed["trace"]["id"], placed["order"]["id"]) == (trace_id, order_id)

    spans = [s for seen in world.seen.values() for s in seen.spans if format(s.context.trace_id, "032x") == trace_id]
    names = {span.context.span_id: hop(span) for span in spans}
    parents = {hop(span)[:2]: names[span.parent.span_id][:2] for span in spans if span.parent}
    assert parents == {
        ("gateway", "POST"): ("gateway", "POST /api/orders"),
        ("order", "POST /orders"): ("gateway", "POST"),
        ("order", "GET"): ("order", "POST /orders"),
        ("order", "INSERT orders"): ("order", "POST /orders"),
        ("user", "GET /users/<user_id>"): ("order", "GET"),
        ("user", "SELECT users"): ("user", "GET /users/<user_id>"),
    }

    for service, route in (("gateway", "/api/orders"), ("order", "/orders"), ("user", "/users/<user_id>")):
        exemplars = [
            sample.exemplar.labels["trace_id"]
            for sample in world.seen[service].samples
            if sample.exemplar and sample.labels.get("url_rule") == route
        ]
        assert trace_id in exemplars


def test_the_time_spent_at_a_peer_is_measured_by_its_name(world: World) -> None:
    world.register()
    world.place(world.log_in())
    calls = "http_client_request_duration_seconds_count"
    assert world.seen["gateway"].value(calls, peer="user", method="POST", status="201") == 2
    assert world.seen["gateway"].value(calls, peer="order", method="POST", status="201") == 1
    assert world.seen["order"].value(calls, peer="user", method="GET", status="200") == 1
