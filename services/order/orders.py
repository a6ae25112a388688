"""What an order is, and what may go wrong when one is placed or read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from observability import Problem
from services.order.currencies import CURRENCIES
from services.shared.fields import Fields
from services.shared.ids import is_id, new_id
from services.shared.peers import PeerFailed
from services.shared.times import rfc3339

MOST_ITEMS = 100
MOST_OF_ONE = 10_000
DEAREST = 10**9
"""Minor units. With the two limits above a total stays below 2**53, which every JSON reader holds (RFC 8259)."""
SKU = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
SKU_SAYS = "must have 1 to 64 characters: letters a to z, digits, dot, dash or underscore; the first a letter or digit"


@dataclass(frozen=True, slots=True)
class Item:
    """*quantity* pieces of one thing at *unit_amount* minor units (cents, say) each."""

    sku: str
    quantity: int
    unit_amount: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to order, in order."""

    items: tuple[Item, ...]
    currency: str

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Wish:
        """
        :raises Problem: ``invalid``, with everything that is wrong.
        """
        fields = Fields(values)
        items = tuple(
            Item(
                item.text("sku", longest=64, pattern=SKU, says=SKU_SAYS),
                item.whole("quantity", least=1, most=MOST_OF_ONE),
                item.whole("unit_amount", least=0, most=DEAREST),
            )
            for item in fields.objects("items", most=MOST_ITEMS)
        )
        currency = fields.choice("currency", CURRENCIES, says="must be a currency code of ISO 4217, such as EUR")
        fields.check()
        return cls(items, currency)

    @property
    def total_amount(self) -> int:
        return sum(item.quantity * item.unit_amount for item in self.items)


@dataclass(frozen=True, slots=True)
class Order:
    """A placed order."""

    id: str
    user_id: str
    items: tuple[Item, ...]
    currency: str
    total_amount: int
    status: str
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "user_id": self.user_id,
            "items": [asdict(item) for item in self.items],
            "currency": self.currency,
            "total_amount": self.total_amount,
            "status": self.status,
            "created_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Buyer:
    """As much of a user as an order shows."""

    id: str
    username: str
    name: str


class Users(Protocol):
    """Who can say whether a user exists."""

    def find(self, user_id: str) -> Buyer | None:
        """
        The user, or None when there is none.

        :raises PeerFailed: when nobody can say.
        """


class Orders(Protocol):
    """Where orders are kept."""

    def add(self, order: Order) -> None:
        """
        Keep *order*. When this returns, everybody sees it.
        """

    def get(self, order_id: str) -> Order | None:
        """
        The order with that id, if there is one.
        """

    def of_user(self, user_id: str, *, limit: int) -> Sequence[Order]:
        """
        The newest *limit* orders of that user, newest first.
        """


def place(wish: Wish, user_id: str, *, users: Users, orders: Orders, now: datetime) -> Order:
    """
    A new order of an existing user.

    :raises Problem: ``unprocessable`` when the user does not exist, ``unavailable`` when nobody can say.
    """
    try:
        user = users.find(user_id)
    except PeerFailed as failed:
        detail = "Nobody can say right now whether the user exists. Nothing was ordered; try again."
        raise Problem("unavailable", detail, headers={"Retry-After": "1"}) from failed
    if user is None:
        raise Problem("unprocessable", "The user who orders does not exist.")
    order = Order(
        new_id("ord", clock=now.timestamp), user_id, wish.items, wish.currency, wish.total_amount, "placed", now
    )
    orders.add(order)
    return order


def existing(order_id: str, *, orders: Orders, for_user: str | None = None) -> Order:
    """
    The order with that id; with *for_user*, only if it is that user's.

    :raises Problem: ``not_found``, the same whether there is no such order or it is somebody else's.
    """
    order = orders.get(order_id) if is_id("ord", order_id) else None
    if order is None or (for_user is not None and order.user_id != for_user):
        raise Problem("not_found", "There is no such order.")
    return order
