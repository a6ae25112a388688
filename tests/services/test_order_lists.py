"""Lists of orders and cancelled orders, through the gateway."""

from __future__ import annotations

from services.shared.ids import new_id
from tests.services.conftest import World


def test_a_list_is_read_page_by_page_while_orders_come_in(world: World) -> None:
    world.register()
    token = world.log_in()
    placed = [world.place(token)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = world.call("GET", f"/api/orders?limit=2{cursor and '&cursor='}{cursor}", token=token).get_json()
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]
        world.place(token)
    assert seen == placed[::-1]


def test_a_list_has_ones_own_orders_only(world: World) -> None:
    ada = world.register("ada")
    world.place(world.log_in("ada"))
    eve = world.register("eve")
    assert world.call("GET", "/api/orders", token=world.log_in("eve")).get_json()["orders"] == []
    foreign = world.client("order").get(f"/orders?user_id={ada['id']}", headers={"X-User-Id": eve["id"]})
    assert foreign.status_code == 404


def test_a_page_that_cannot_be_is_refused_by_name(world: World) -> None:
    world.register()
    token = world.log_in()
    for query, field in (("limit=0", "limit"), ("limit=ten", "limit"), ("cursor=1", "cursor"), ("cursor=", "cursor")):
        answer = world.call("GET", f"/api/orders?{query}", token=token)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (400, field)


def test_an_order_is_cancelled_as_often_as_one_likes_and_counted_once(world: World) -> None:
    world.register()
    token = world.log_in()
    order = world.place(token)
    for _ in range(2):
        answer = world.call("POST", f"/api/orders/{order['id']}/cancel", token=token)
        assert (answer.status_code, answer.get_json()) == (200, order | {"status": "cancelled"})
    assert world.call("GET", f"/api/orders/{order['id']}", token=token).get_json()["status"] == "cancelled"
    assert world.seen["order"].value("orders_total", outcome="cancelled") == 1
    assert len(world.events("order", "order.cancelled")) == 1


def test_an_order_of_somebody_else_cannot_be_cancelled_and_looks_like_none_at_all(world: World) -> None:
    world.register("ada")
    ada = world.log_in("ada")
    order = world.place(ada)
    world.register("eve")
    eve = world.log_in("eve")
    for order_id in (order["id"], new_id("ord"), "1", ".."):
        assert world.call("POST", f"/api/orders/{order_id}/cancel", token=eve).status_code == 404
    assert world.call("GET", f"/api/orders/{order['id']}", token=ada).get_json()["status"] == "placed"
    assert world.client("order").post(f"/orders/{order['id']}/cancel").status_code == 400
