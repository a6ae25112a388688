from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from observability import Problem, Settings, SettingsError, Telemetry
from observability.testing import capture
from services.order.listing import Place
from services.order.once import Once
from services.order.orders import Item, Order
from services.order.store import SqlOrders
from services.shared.database import Database
from services.shared.ids import new_id
from services.user.store import SqlUsers
from services.user.users import User

NOW = datetime(2026, 11, 21, 9, 42, 0, 123456, UTC)


def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def users(tmp_path: Path) -> Iterator[SqlUsers]:
    database = Database.from_settings(settings(tmp_path), Telemetry.off(), name="user")
    yield SqlUsers(database)
    database.close()


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[SqlOrders]:
    database = Database.from_settings(settings(tmp_path), Telemetry.off(), name="order")
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


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    ada = user()
    for _ in range(2):
        database = Database.from_settings(settings(tmp_path), Telemetry.off(), name="user")
        users = SqlUsers(database)
        users.add(ada, "a hash")
        assert users.get(ada.id) == ada
        database.close()


def _open_and_add(tmp_path: Path, start: multiprocessing.synchronize.Barrier, results: object) -> None:
    start.wait(20)
    users = SqlUsers(Database.from_settings(settings(tmp_path), Telemetry.off(), name="user"))
    results.put(users.add(user(f"user-{os.getpid()}"), "a hash"))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(6), fork.Queue()
    workers = [fork.Process(target=_open_and_add, args=(tmp_path, start, results)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=30) for _ in workers] == [True] * 6
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0


def test_no_connection_is_open_once_the_tables_are_there(tmp_path: Path) -> None:
    """A forked worker must not inherit one: SQLite's locks and Postgres' protocol would break."""
    before = {os.readlink(f"/proc/self/fd/{number}") for number in _open_files()}
    SqlUsers(Database.from_settings(settings(tmp_path), Telemetry.off(), name="user"))
    after = {os.readlink(f"/proc/self/fd/{number}") for number in _open_files()}
    assert not [name for name in after - before if str(tmp_path) in name]


def _open_files() -> list[str]:
    return [name for name in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{name}")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database_url": "no url at all"}, "DATABASE_URL is no SQLAlchemy URL"),
        ({"database_url": "nosuch://host/db"}, "DATABASE_URL is no SQLAlchemy URL"),
        ({"data_dir": Path("/proc/nowhere")}, "DATA_DIR /proc/nowhere cannot be made"),
        ({"database_url": "sqlite:////proc/nowhere/x.db"}, "unable to open database file. See DATA_DIR and DATABASE"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_at_the_start(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        SqlUsers(Database.from_settings(Settings(service_name="user", **changes), Telemetry.off(), name="user"))  # type: ignore[arg-type]


def test_a_database_that_fails_later_is_unavailable_and_logged_without_any_value(tmp_path: Path) -> None:
    with capture(settings(tmp_path)) as seen:
        database = Database.from_settings(settings(tmp_path), seen.telemetry, name="user")
        users = SqlUsers(database)
        with sqlite3.connect(tmp_path / "user.db") as other:
            other.execute("DROP TABLE users")
        with pytest.raises(Problem, match="database does not answer") as refused:
            users.add(user(name="Ada Lovelace"), "$argon2id$the-hash")
        assert refused.value.word == "unavailable"
        assert seen.events("dependency.failed")[0]["labels"]["dependency"] == "database"
        with pytest.raises(Problem):
            users.ping()
        assert b"Lovelace" not in b"".join(seen.raw_lines)
        assert b"the-hash" not in b"".join(seen.raw_lines)
        database.close()
