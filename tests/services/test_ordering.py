"""Place an order and read it: through the gateway, with order and user behind it."""

from __future__ import annotations

import pytest

from services.shared.ids import is_id, new_id
from tests.services.conftest import ORDER, World
from tests.support.wsgi_transport import Answering, hanging


def test_a_placed_order_is_answered_with_its_total(world: World) -> None:
    user = world.register()
    answer = world.call("POST", "/api/orders", json=ORDER, token=world.log_in())
    order = answer.get_json()
    assert answer.status_code == 201
    assert list(order) == ["id", "user_id", "items", "currency", "total_amount", "status", "created_at"]
    assert is_id("ord", order["id"])
    assert order["user_id"] == user["id"]
    assert (order["items"], order["currency"]) == (ORDER["items"], ORDER["currency"])
    assert (order["total_amount"], order["status"]) == (900, "placed")
    assert answer.headers["Location"] == f"/api/orders/{order['id']}"
    (line,) = world.events("order", "order.placed")
    assert (line["order"]["id"], line["user"]["id"]) == (order["id"], user["id"])
    assert world.seen["order"].value("orders_total", outcome="placed") == 1


def test_a_placed_order_is_shown_with_its_user(world: World) -> None:
    user = world.register()
    token = world.log_in()
    order = world.place(token)
    shown = world.call("GET", f"/api/orders/{order['id']}", token=token)
    assert shown.status_code == 200
    assert shown.get_json() == order | {"user": {key: user[key] for key in ("id", "username", "name")}}


def test_a_malformed_order_is_refused_in_the_order_services_words_under_the_gateways_address(world: World) -> None:
    world.register()
    answer = world.call("POST", "/api/orders", json={"items": [{"sku": "tea", "quantity": 0}]}, token=world.log_in())
    problem = answer.get_json()
    assert (answer.status_code, problem["code"], problem["instance"]) == (400, "invalid", "/api/orders")
    assert [error["field"] for error in problem["errors"]] == ["items[0].quantity", "items[0].unit_amount", "currency"]
    assert problem["trace_id"] == answer.headers["X-Trace-Id"]
    assert world.seen["order"].value("orders_total", outcome="refused") == 1
    assert world.events("order", "order.refused")[0]["labels"]["reason"] == "invalid"


def test_an_order_of_a_user_who_is_gone_cannot_be_placed(world: World) -> None:
    answer = world.client("order").post("/orders", json=ORDER, headers={"X-User-Id": new_id("usr")})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "unprocessable")
    assert world.seen["order"].value("orders_total", outcome="refused") == 1


def test_an_order_without_a_proper_user_in_the_header_is_refused(world: World) -> None:
    for header in (None, "", "ada", "usr_1", new_id("ord")):
        headers = {} if header is None else {"X-User-Id": header}
        answer = world.client("order").post("/orders", json=ORDER, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid")


NO_ANSWER = {
    "down": None,
    "slow": hanging,
    "crashing": Answering(b"{}", "500 INTERNAL SERVER ERROR"),
    "talking nonsense": Answering(b"<html>"),
    "naming another user": Answering(b'{"id": "usr_01kaqz5w8g3m9xv2r7c4e6t0ab", "username": "x", "name": "y"}'),
    "leaving out the name": Answering(b'{"id": 5}'),
    "refusing": Answering(b'{"detail": "no"}', "403 FORBIDDEN"),
}


@pytest.mark.parametrize("peer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_without_a_user_service_orders_are_shown_degraded_and_not_placed_and_it_recovers_by_itself(
    peer: object, world: World
) -> None:
    user = world.register()
    token = world.log_in()
    order = world.place(token)
    healthy = world.peers.pop("user")
    if peer is not None:
        world.peers["user"] = peer

    shown = world.call("GET", f"/api/orders/{order['id']}", token=token)
    assert (shown.status_code, shown.get_json()) == (200, order | {"user": None, "degraded": ["user"]})
    (line,) = world.events("order", "order.degraded")
    assert (line["log"]["level"], line["order"]["id"], line["user"]["id"]) == ("warning", order["id"], user["id"])
    assert line["trace"]["id"] == shown.headers["X-Trace-Id"]
    (failed,) = world.events("order", "peer.failed")
    assert (failed["trace"]["id"], failed["labels"]["peer"]) == (shown.headers["X-Trace-Id"], "user")

    placed = world.call("POST", "/api/orders", json=ORDER, token=token)
    assert (placed.status_code, placed.get_json()["code"]) == (503, "unavailable")
    assert placed.headers["Retry-After"] == "1"
    assert world.seen["order"].value("orders_total") == 1

    world.peers["user"] = healthy
    again = world.call("GET", f"/api/orders/{order['id']}", token=token).get_json()
    assert again["user"]["name"] == user["name"]
    assert "degraded" not in again


def test_an_order_of_somebody_else_is_not_found_and_looks_like_none_at_all(world: World) -> None:
    world.register("ada")
    order = world.place(world.log_in("ada"))
    world.register("eve")
    eve = world.log_in("eve")
    foreign = world.call("GET", f"/api/orders/{order['id']}", token=eve)
    none = world.call("GET", f"/api/orders/{new_id('ord')}", token=eve)
    assert foreign.status_code == none.status_code == 404
    hidden = {"instance": "", "trace_id": ""}
    assert foreign.get_json() | hidden == none.get_json() | hidden


def test_a_path_that_names_no_order_reaches_no_service(world: World) -> None:
    world.register()
    token = world.log_in()
    for order_id in ("1", "..", "%2e%2e", "ord_", "x" * 2000, "a%00b", new_id("usr")):
        assert world.call("GET", f"/api/orders/{order_id}", token=token).status_code == 404
    assert world.seen["order"].access_lines == []


def test_the_order_service_lists_a_users_orders_newest_first_and_bounded(world: World) -> None:
    user = world.register()
    token = world.log_in()
    placed = [world.place(token)["id"] for _ in range(3)]
    order = world.client("order")
    listed = order.get(f"/orders?user_id={user['id']}&limit=2").get_json()["orders"]
    assert [each["id"] for each in listed] == sorted(placed, reverse=True)[:2]
    assert order.get(f"/orders?user_id={new_id('usr')}").get_json() == {"orders": [], "next_cursor": None}
    for bad in ("limit=0", "limit=101", "limit=ten", "limit=-1", "limit=1.5", "limit=", "limit=٣", "user_id=ada"):
        answer = order.get(f"/orders?user_id={user['id']}&{bad}" if "limit" in bad else f"/orders?{bad}")
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid"), bad
    assert order.get("/orders").status_code == 400
