from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import Problem
from services.order.currencies import CURRENCIES
from services.order.orders import DEAREST, MOST_ITEMS, MOST_OF_ONE, Buyer, Order, Wish, existing, place
from services.shared.ids import new_id
from services.shared.peers import PeerFailed

NOW = datetime(2026, 11, 21, 9, 42, tzinfo=UTC)
ADA = Buyer(new_id("usr"), "ada", "Ada Lovelace")
WISH = {"items": [{"sku": "tea", "quantity": 2, "unit_amount": 450}], "currency": "EUR"}


class MemoryOrders:
    """Orders in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, Order] = {}

    def add(self, order: Order) -> None:
        self.kept[order.id] = order

    def get(self, order_id: str) -> Order | None:
        return self.kept.get(order_id)

    def of_user(self, user_id: str, *, limit: int) -> Sequence[Order]:
        return [order for order in reversed(self.kept.values()) if order.user_id == user_id][:limit]


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
    order = place(Wish.read({"items": lines, "currency": currency}), ADA.id, users=OnlyAda(), orders=orders, now=NOW)
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
        ({"quantity": 1.0}, "items[0].quantity"),
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
    order = place(Wish.read(WISH), ADA.id, users=OnlyAda(), orders=orders, now=NOW)
    assert existing(order.id, orders=orders, for_user=ADA.id) == existing(order.id, orders=orders) == order
    with pytest.raises(Problem) as of_another:
        existing(order.id, orders=orders, for_user=new_id("usr"))
    with pytest.raises(Problem) as none_at_all:
        existing(new_id("ord"), orders=orders, for_user=ADA.id)
    assert (of_another.value.word, of_another.value.detail) == (none_at_all.value.word, none_at_all.value.detail)
