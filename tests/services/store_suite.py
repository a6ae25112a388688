"""
What both stores promise, whatever the database. Imported by a test module that says with its fixture ``settings`` which
database it is.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from observability import Settings, Telemetry
from services.order.listing import Place
from services.order.once import Once
from services.order.orders import Item, Order
from services.order.store import SqlOrders
from services.shared.database import Database
from services.shared.ids import new_id
from services.user.store import SqlUsers
from services.user.users import User

NOW = datetime(2026, 11, 21, 9, 42, 0, 123456, UTC)


@pytest.fixture
def users(settings: Settings) -> Iterator[SqlUsers]:
    database = Database.from_settings(settings, Telemetry.off(), name="user")
    yield SqlUsers(database)
    database.close()


@pytest.fixture
def orders(settings: Settings) -> Iterator[SqlOrders]:
    database = Database.from_settings(settings, Telemetry.off(), name="order")
    yield SqlOrders(database)
    database.close()


def user(username: str = "ada", name: str = "Ada") -> User:
    return User(new_id("usr"), username, name, NOW)


def order(user_id: str, at: datetime = NOW) -> Order:
    items = (Item("tea", 2, 450), Item("scone", 1, 2**40))
    return Order(new_id("ord", clock=at.timestamp), user_id, items, "EUR", 900 + 2**40, "placed", at)


def test_a_user_comes_back_as_it_was_kept(users: SqlUsers) -> None:
    ada = user(name="Zoë O’Brien 李 👩‍💻")
    assert users.add(ada, "a hash")
    assert users.get(ada.id) == ada
    assert users.find("ada") == (ada, "a hash")


def test_a_user_who_is_not_there_is_none(users: SqlUsers) -> None:
    assert users.get(new_id("usr")) is None
    assert users.find("nobody") is None


def test_a_username_is_kept_once(users: SqlUsers) -> None:
    ada = user()
    assert users.add(ada, "one")
    assert not users.add(user(), "two")
    assert users.find("ada") == (ada, "one")


def test_an_order_comes_back_as_it_was_kept(orders: SqlOrders) -> None:
    placed = order(new_id("usr"))
    orders.add(placed)
    assert orders.get(placed.id) == placed
    assert orders.get(new_id("ord")) is None


def test_the_orders_of_a_user_are_the_newest_first_and_no_more_than_asked_for(orders: SqlOrders) -> None:
    ada, other = new_id("usr"), new_id("usr")
    kept = [order(ada, NOW + timedelta(microseconds=at)) for at in range(5)]
    for each in (*kept, order(other)):
        orders.add(each)
    assert orders.of_user(ada, limit=3) == [kept[4], kept[3], kept[2]]
    assert len(orders.of_user(ada, limit=100)) == 5
    assert orders.of_user(new_id("usr"), limit=10) == []


def test_a_page_begins_after_its_place(orders: SqlOrders) -> None:
    ada = new_id("usr")
    kept = [order(ada, NOW + timedelta(microseconds=at // 2)) for at in range(6)]
    for each in kept:
        orders.add(each)
    newest = sorted(kept, key=lambda each: (each.created_at, each.id), reverse=True)
    for index, each in enumerate(newest):
        assert orders.of_user(ada, limit=2, after=Place(each.created_at, each.id)) == newest[index + 1 : index + 3]


def test_a_key_is_kept_with_its_order_until_it_expires(orders: SqlOrders) -> None:
    ada, expires = new_id("usr"), NOW + timedelta(hours=1)
    first, second = order(ada), order(ada)
    assert orders.add(first, Once("k", "a", expires))
    assert not orders.add(second, Once("k", "b", expires))
    assert orders.get(second.id) is None
    assert orders.placed_as(ada, "k", now=NOW) == (first, "a")
    assert orders.add(order(new_id("usr")), Once("k", "b", expires))
    assert orders.placed_as(ada, "k", now=expires) is None
    assert orders.add(order(ada, expires), Once("k", "c", expires + timedelta(hours=1)))
    assert orders.placed_as(ada, "k", now=expires)[1] == "c"  # type: ignore[index]


def test_an_order_is_cancelled_once(orders: SqlOrders) -> None:
    placed = order(new_id("usr"))
    orders.add(placed)
    assert [orders.cancel(placed.id), orders.cancel(placed.id), orders.cancel(new_id("ord"))] == [True, False, False]
    assert orders.get(placed.id).status == "cancelled"  # type: ignore[union-attr]


def test_what_was_kept_is_there_after_a_restart(settings: Settings) -> None:
    ada = user()
    for _ in range(2):
        database = Database.from_settings(settings, Telemetry.off(), name="user")
        users = SqlUsers(database)
        users.add(ada, "a hash")
        assert users.get(ada.id) == ada
        database.close()


def _open_and_add(settings: Settings, start: multiprocessing.synchronize.Barrier, results: object) -> None:
    start.wait(20)
    users = SqlUsers(Database.from_settings(settings, Telemetry.off(), name="user"))
    results.put(users.add(user(f"user-{os.getpid()}"), "a hash"))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_many_processes_may_open_a_new_database_at_once(settings: Settings) -> None:
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(6), fork.Queue()
    workers = [fork.Process(target=_open_and_add, args=(settings, start, results)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=30) for _ in workers] == [True] * 6
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
