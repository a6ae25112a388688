from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability import Problem, Settings, Telemetry
from services.order.currencies import CURRENCIES
from services.order.listing import Place
from services.order.once import LIFETIME, Once
from services.order.orders import (
    CANCELLED,
    DEAREST,
    MOST_ITEMS,
    MOST_OF_ONE,
    PLACED,
    Buyer,
    Order,
    Wish,
    cancel,
    existing,
    listed,
    place,
)
from services.order.store import SqlOrders
from services.shared.database import Database
from services.shared.ids import new_id
from services.shared.peers import PeerFailed

NOW = datetime(2026, 11, 21, 9, 42, tzinfo=UTC)
ADA = Buyer(new_id("usr"), "ada", "Ada Lovelace")
WISH = {"items": [{"sku": "tea", "quantity": 2, "unit_amount": 450}], "currency": "EUR"}


class MemoryOrders:
    """Orders in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, Order] = {}
        self.keys: dict[tuple[str, str], tuple[str, Once]] = {}

    def add(self, order: Order, once: Once | None = None) -> bool:
        if once is not None:
            if self.placed_as(order.user_id, once.key, now=order.created_at):
                return False
            self.keys[order.user_id, once.key] = order.id, once
        self.kept[order.id] = order
        return True

    def placed_as(self, user_id: str, key: str, *, now: datetime) -> tuple[Order, str] | None:
        order_id, once = self.keys.get((user_id, key), ("", None))
        return (self.kept[order_id], once.fingerprint) if once and once.expires_at > now else None

    def cancel(self, order_id: str) -> bool:
        order = self.kept[order_id]
        self.kept[order_id] = replace(order, status=CANCELLED)
        return order.status == PLACED

    def get(self, order_id: str) -> Order | None:
        return self.kept.get(order_id)

    def of_user(self, user_id: str, *, limit: int, after: Place | None = None) -> Sequence[Order]:
        newest = sorted(self.kept.values(), key=lambda order: (order.created_at, order.id), reverse=True)
        there = (after.created_at, after.order_id) if after else (datetime.max.replace(tzinfo=UTC), "")
        return [each for each in newest if each.user_id == user_id and (each.created_at, each.id) < there][:limit]


class OnlyAda:
    """A world with one user."""

    def find(self, user_id: str) -> Buyer | None:
        return ADA if user_id == ADA.id else None


class NobodyCanSay:
    """A user service that is down."""

    def find(self, user_id: str) -> Buyer | None:
        raise PeerFailed("user", "unavailable", "The user service cannot be reached.")


items = st.lists(
    st.fixed_dictionaries(
        {
            "sku": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
            "quantity": st.integers(1, MOST_OF_ONE),
            "unit_amount": st.integers(0, DEAREST),
        }
    ),
    min_size=1,
    max_size=MOST_ITEMS,
)


@given(items, st.sampled_from(sorted(CURRENCIES)))
def test_the_total_of_an_order_is_the_sum_of_its_lines(lines: list[dict[str, Any]], currency: str) -> None:
    orders = MemoryOrders()
    order, _ = place(Wish.read({"items": lines, "currency": currency}), ADA.id, users=OnlyAda(), orders=orders, now=NOW)
    assert order.total_amount == sum(line["quantity"] * line["unit_amount"] for line in lines)
    assert order.as_json()["items"] == lines
    assert orders.get(order.id) == order


def test_the_dearest_possible_order_is_exact_for_every_reader_of_json() -> None:
    """RFC 8259 section 6: integers are interoperable below 2**53."""
    line = {"sku": "a", "quantity": MOST_OF_ONE, "unit_amount": DEAREST}
    assert Wish.read({"items": [line] * MOST_ITEMS, "currency": "EUR"}).total_amount < 2**53


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, "items[0].quantity"),
        ({"quantity": MOST_OF_ONE + 1}, "items[0].quantity"),
        ({"quantity": True}, "items[0].quantity"),
        ({"quantity": 1.5}, "items[0].quantity"),
        ({"quantity": "2"}, "items[0].quantity"),
        ({"unit_amount": -1}, "items[0].unit_amount"),
        ({"unit_amount": 10**30}, "items[0].unit_amount"),
        ({"unit_amount": 4.5}, "items[0].unit_amount"),
        ({"sku": ""}, "items[0].sku"),
        ({"sku": "tea\n"}, "items[0].sku"),
        ({"sku": "../tea"}, "items[0].sku"),
        ({"sku": "x" * 65}, "items[0].sku"),
        ({"colour": "red"}, "items[0].colour"),
    ],
)
def test_a_malformed_item_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as refused:
        Wish.read(WISH | {"items": [WISH["items"][0] | change]})  # type: ignore[operator, index]
    assert [error["field"] for error in refused.value.extra["errors"]] == [field]


@pytest.mark.parametrize("currency", ["eur", "EURO", "XYZ", "", "XAU", 978, None, ["EUR"]])
def test_a_currency_is_a_code_in_use(currency: object) -> None:
    with pytest.raises(Problem) as refused:
        Wish.read(WISH | {"currency": currency})
    assert [error["field"] for error in refused.value.extra["errors"]] == ["currency"]


def test_an_order_of_a_user_who_does_not_exist_is_refused_and_not_kept() -> None:
    orders = MemoryOrders()
    with pytest.raises(Problem) as refused:
        place(Wish.read(WISH), new_id("usr"), users=OnlyAda(), orders=orders, now=NOW)
    assert (refused.value.word, orders.kept) == ("unprocessable", {})


def test_an_order_waits_when_nobody_can_say_whether_the_user_exists() -> None:
    orders = MemoryOrders()
    with pytest.raises(Problem) as refused:
        place(Wish.read(WISH), ADA.id, users=NobodyCanSay(), orders=orders, now=NOW)
    assert (refused.value.word, orders.kept) == ("unavailable", {})


def test_an_order_of_somebody_else_looks_like_no_order_at_all() -> None:
    orders = MemoryOrders()
    order, _ = place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW)
    assert existing(order.id, orders=orders, for_user=ADA.id) == existing(order.id, orders=orders) == order
    with pytest.raises(Problem) as of_another:
        existing(order.id, orders=orders, for_user=new_id("usr"))
    with pytest.raises(Problem) as none_at_all:
        existing(new_id("ord"), orders=orders, for_user=ADA.id)
    assert (of_another.value.word, of_another.value.detail) == (none_at_all.value.word, none_at_all.value.detail)


moments = st.lists(st.integers(0, 5000), min_size=1, max_size=25)


@given(moments, moments, st.integers(1, 7))
def test_pages_together_are_the_list_of_before_whatever_is_placed_between_them(
    before: list[int], between: list[int], limit: int
) -> None:
    """Many orders share a millisecond, some a microsecond."""
    orders = MemoryOrders()
    for moment in before:
        place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW + timedelta(microseconds=moment))
    whole = [order.id for order in orders.of_user(ADA.id, limit=100)]
    seen: list[str] = []
    after: Place | None = None
    coming = iter(between)
    while True:
        page, after = listed(ADA.id, limit=limit, after=after, orders=orders)
        seen += [order.id for order in page]
        if after is None:
            break
        assert len(page) == limit
        assert Place.read(str(after)) == after
        for moment in coming:
            later = NOW + timedelta(seconds=1, microseconds=moment)
            place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=later)
            break
    assert seen == whole


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{1,20}\.ord_[0-9a-z]{26}", fullmatch=True))
def test_a_cursor_is_a_place_or_none(text: str) -> None:
    found = Place.read(text)
    assert found is None or Place.read(str(found)) == found


def test_under_one_key_there_is_one_order_with_one_answer_even_after_it_was_cancelled() -> None:
    orders = MemoryOrders()
    first, is_new = place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW, key="k")
    cancel(first.id, ADA.id, orders=orders)
    again, is_newer = place(Wish.read(WISH), ADA.id, users=NobodyCanSay(), orders=orders, now=NOW, key="k")
    assert (is_new, is_newer, again.as_json(), len(orders.kept)) == (True, False, first.as_json(), 1)


def test_a_key_means_something_else_for_another_wish_another_user_and_after_a_day() -> None:
    orders = MemoryOrders()
    place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW, key="k")
    with pytest.raises(Problem) as refused:
        place(Wish.read(WISH | {"currency": "USD"}), ADA.id, users=OnlyAda(), orders=orders, now=NOW, key="k")
    assert refused.value.word == "conflict"
    _, is_new = place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW + LIFETIME, key="k")
    assert (is_new, len(orders.kept)) == (True, 2)
    assert orders.placed_as(new_id("usr"), "k", now=NOW) is None


def test_an_order_is_cancelled_once_and_only_by_whom_it_belongs_to() -> None:
    orders = MemoryOrders()
    order, _ = place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW)
    with pytest.raises(Problem):
        cancel(order.id, new_id("usr"), orders=orders)
    assert cancel(order.id, ADA.id, orders=orders) == (replace(order, status=CANCELLED), True)
    assert cancel(order.id, ADA.id, orders=orders) == (replace(order, status=CANCELLED), False)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(0, 1), st.sampled_from([None, "k"]), st.sampled_from(["EUR", "USD"])),
        st.tuples(st.just("cancel"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("list"), st.integers(0, 1), st.integers(1, 3), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.sampled_from([0.001, 5.0, LIFETIME.total_seconds()])),
    ),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=20)
@given(steps)
def test_orders_in_a_database_behave_like_orders_in_a_dictionary(steps: list[tuple[Any, ...]]) -> None:
    """The dictionary is what the rules above are tested with, so it has to be true to the real thing."""
    with TemporaryDirectory() as directory:
        database = Database.from_settings(Settings(data_dir=Path(directory)), Telemetry.off(), name="order")
        real, model, now = SqlOrders(database), MemoryOrders(), NOW
        users, placed = (new_id("usr"), new_id("usr")), [new_id("ord")]
        for step in steps:
            now += timedelta(microseconds=1)
            if step[0] == "place":
                _, user, key, currency = step
                wish = Wish.read(WISH | {"currency": currency})
                order = Order(new_id("ord"), users[user], wish.items, currency, wish.total_amount, PLACED, now)
                once = Once(key, wish.fingerprint, now + LIFETIME) if key else None
                assert real.add(order, once) == model.add(order, once)
                placed.append(order.id)
                if key:
                    assert real.placed_as(users[user], key, now=now) == model.placed_as(users[user], key, now=now)
            elif step[0] == "cancel":
                order_id = placed[step[2] % len(placed)]
                assert real.get(order_id) == model.get(order_id)
                assert real.cancel(order_id) == (model.get(order_id) is not None and model.cancel(order_id))
            elif step[0] == "list":
                _, user, limit, index = step
                at = model.get(placed[index % len(placed)])
                after = Place(at.created_at, at.id) if at else None
                found = [store.of_user(users[user], limit=limit, after=after) for store in (real, model)]
                assert found[0] == found[1]
            else:
                now += timedelta(seconds=step[1])
        database.close()
