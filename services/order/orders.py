"""What an order is, and what may go wrong when one is placed or read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Protocol

from observability import Problem
from services.order.currencies import CURRENCIES
from services.order.listing import Place
from services.order.once import LIFETIME, Once
from services.shared.fields import Fields
from services.shared.ids import is_id, new_id
from services.shared.peers import PeerFailed
from services.shared.times import rfc3339

MOST_ITEMS = 100
MOST_OF_ONE = 10_000
DEAREST = 10**9
"""Minor units. With the two limits above a total stays below 2**53, which every JSON reader holds (RFC 8259)."""
PLACED, CANCELLED = "placed", "cancelled"
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
    def fingerprint(self) -> str:
        """
        The same for two wishes exactly when they are the same, however they were written.
        """
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

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

    def add(self, order: Order, once: Once | None = None) -> bool:
        """
        Keep *order*, and with it the key it was placed under; both or none. When this returns, everybody sees it.
        False, and nothing kept, when that user has used that key already and it has not expired by the order's time.
        """

    def placed_as(self, user_id: str, key: str, *, now: datetime) -> tuple[Order, str] | None:
        """
        The order that this user placed under that key, and the fingerprint of what was wished for; None when there is
        none or the key has expired.
        """

    def get(self, order_id: str) -> Order | None:
        """
        The order with that id, if there is one.
        """

    def of_user(self, user_id: str, *, limit: int, after: Place | None = None) -> Sequence[Order]:
        """
        The newest *limit* orders of that user, newest first; only those that come after the place *after*.
        """

    def cancel(self, order_id: str) -> bool:
        """
        Make a placed order a cancelled one. False, and nothing changed, when it is not a placed one.
        """


def place(
    wish: Wish, user_id: str, *, users: Users, orders: Orders, now: datetime, key: str | None = None
) -> tuple[Order, bool]:
    """
    A new order of an existing user, and True. Under a *key* there is one order, however often and however many at once
    ask for it: whoever comes later gets that order as it was placed, and False.

    :raises Problem: ``unprocessable`` when the user does not exist, ``unavailable`` when nobody can say, ``timeout``
        when there is no time left to ask, ``conflict`` when something else was ordered under that key.
    """
    once = Once(key, wish.fingerprint, now + LIFETIME) if key is not None else None
    earlier = _earlier(once, user_id, orders=orders, now=now)
    if earlier is not None:
        return earlier, False
    try:
        user = users.find(user_id)
    except PeerFailed as failed:
        if failed.late:
            raise
        detail = "Nobody can say right now whether the user exists. Nothing was ordered; try again."
        raise Problem("unavailable", detail, headers={"Retry-After": "1"}, peer=failed.peer) from failed
    if user is None:
        raise Problem("unprocessable", "The user who orders does not exist.")
    order = Order(
        new_id("ord", clock=now.timestamp), user_id, wish.items, wish.currency, wish.total_amount, PLACED, now
    )
    if orders.add(order, once):
        return order, True
    earlier = _earlier(once, user_id, orders=orders, now=now)
    if earlier is None:  # the key was there, and has expired between the two looks
        raise Problem("unavailable", "The key has just expired. Try again.", headers={"Retry-After": "1"})
    return earlier, False


def _earlier(once: Once | None, user_id: str, *, orders: Orders, now: datetime) -> Order | None:
    found = orders.placed_as(user_id, once.key, now=now) if once is not None else None
    if once is None or found is None:
        return None
    order, fingerprint = found
    if fingerprint != once.fingerprint:
        raise Problem("conflict", "Something else was ordered under this Idempotency-Key. Use a new key.")
    return replace(order, status=PLACED)  # the same answer as the first time, whatever became of the order since


def cancel(order_id: str, user_id: str, *, orders: Orders) -> tuple[Order, bool]:
    """
    That user's order, cancelled, and whether this call did it: an order that is cancelled already stays so.

    :raises Problem: ``not_found``, as `existing` says it.
    """
    order = existing(order_id, orders=orders, for_user=user_id)
    return replace(order, status=CANCELLED), orders.cancel(order.id)


def listed(
    user_id: str, *, limit: int, after: Place | None, orders: Orders
) -> tuple[Sequence[Order], Place | None]:
    """
    One page of that user's orders, newest first, and the place after which the next page begins; None at the end.

    Orders that are placed meanwhile stand before the first page, so that no page repeats or leaves out any.
    """
    found = orders.of_user(user_id, limit=limit + 1, after=after)
    page = found[:limit]
    return page, Place(page[-1].created_at, page[-1].id) if len(found) > limit else None


def existing(order_id: str, *, orders: Orders, for_user: str | None = None) -> Order:
    """
    The order with that id; with *for_user*, only if it is that user's.

    :raises Problem: ``not_found``, the same whether there is no such order or it is somebody else's.
    """
    order = orders.get(order_id) if is_id("ord", order_id) else None
    if order is None or (for_user is not None and order.user_id != for_user):
        raise Problem("not_found", "There is no such order.")
    return order
