"""The page about oneself, put together from two services; half of it is better than none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from observability import Problem
from services.shared.peers import PeerFailed

NEWEST_ORDERS = 20


class Users(Protocol):
    """Who knows users."""

    def get(self, user_id: str) -> dict[str, object]:
        """
        The user.

        :raises Problem: ``not_found``, or `PeerFailed`.
        """


class Orders(Protocol):
    """Who knows orders."""

    def of_user(self, user_id: str, *, limit: int) -> list[object]:
        """
        The newest *limit* orders of that user, newest first.

        :raises PeerFailed: when nobody can say.
        """


def me(user_id: str, *, users: Users, orders: Orders) -> dict[str, object]:
    """
    ``user`` and ``orders``. A part whose service fails is null and named in ``degraded``.

    :raises Problem: ``unavailable`` when both fail.
    """
    parts: dict[str, Callable[[], object]] = {
        "user": lambda: users.get(user_id),
        "orders": lambda: orders.of_user(user_id, limit=NEWEST_ORDERS),
    }
    page: dict[str, object] = {}
    degraded: list[str] = []
    for name, ask in parts.items():
        try:
            page[name] = ask()
        except PeerFailed:
            page[name] = None
            degraded.append(name)
    if len(degraded) == len(parts):
        raise Problem("unavailable", "Neither user nor orders can be shown right now.", headers={"Retry-After": "1"})
    return page | {"degraded": degraded} if degraded else page
