"""Ask twice, order once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.services.conftest import ORDER, World


def order(world: World, token: str, key: str, wish: Any = ORDER) -> Any:
    return world.call("POST", "/api/orders", json=wish, token=token, headers={"Idempotency-Key": key})


def test_the_same_key_and_body_get_the_same_answer(world: World) -> None:
    world.register()
    token = world.log_in()
    first = order(world, token, "one")
    assert world.call("POST", f"/api/orders/{first.get_json()['id']}/cancel", token=token).status_code == 200
    again = order(world, token, "one", dict(reversed(ORDER.items())))
    assert (again.status_code, again.get_json()) == (first.status_code, first.get_json()) == (201, first.get_json())
    assert again.headers["Location"] == first.headers["Location"]
    assert world.seen["order"].value("orders_total", outcome="placed") == 1
    assert world.seen["order"].value("orders_total", outcome="replayed") == 1
    assert len(world.events("order", "order.placed")) == len(world.events("order", "order.replayed")) == 1


def test_the_same_key_with_another_body_is_a_conflict(world: World) -> None:
    world.register()
    token = world.log_in()
    order(world, token, "one")
    answer = order(world, token, "one", ORDER | {"currency": "USD"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")


def test_a_key_belongs_to_one_user(world: World) -> None:
    world.register("ada")
    world.register("eve")
    placed = [order(world, world.log_in(name), "one").get_json()["user_id"] for name in ("ada", "eve")]
    assert len(set(placed)) == 2


def test_a_refused_order_leaves_its_key_free(world: World) -> None:
    world.register()
    token = world.log_in()
    assert order(world, token, "one", {"items": []}).status_code == 400
    assert order(world, token, "one").status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "caf\u00e9"])
def test_a_malformed_key_is_refused_at_the_gateway(key: str, world: World) -> None:
    world.register()
    answer = order(world, world.log_in(), key)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid")
    assert world.seen["order"].access_lines == []


def test_orders_that_come_at_once_under_one_key_are_one_order(world: World) -> None:
    world.register()
    token = world.log_in()
    start = Barrier(8)

    def ask(_: int) -> Any:
        start.wait(10)
        return order(world, token, "one")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert len(world.call("GET", "/api/orders", token=token).get_json()["orders"]) == 1
