"""
What visitors do. A journey is a generator: it asks, is sent the answer, and asks again or ends.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

PASSWORD = "a password for load only"
_SKUS = ("ball-of-thread", "lantern", "tea-earl-grey", "compass", "walking-stick")
_MOST_VISITORS = 200


@dataclass(frozen=True, slots=True)
class Ask:
    """
    One request. *expect*: the statuses with which the journey goes on; 429 is no surprise anywhere.
    """

    step: str
    method: str
    path: str
    expect: int
    body: Mapping[str, object] | None = None
    token: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """*status* 0: there was none, and *error* says why."""

    status: int
    body: Mapping[str, object]
    trace_id: str = ""
    error: str = ""

    def text(self, name: str) -> str:
        return str(self.body.get(name, ""))


Journey: TypeAlias = Generator[Ask, Answer, None]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in and has an order."""

    username: str
    user_id: str
    token: str
    order_id: str


class Visitors:
    """
    The newest 200 visitors of a run, known by *run* in their names. Safe in many threads.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self._visitors: deque[Visitor] = deque(maxlen=_MOST_VISITORS)
        self._lock = threading.Lock()

    def add(self, visitor: Visitor) -> None:
        with self._lock:
            self._visitors.append(visitor)

    def any(self, rng: random.Random) -> Visitor:
        """There must be one: see `first_visitors`."""
        with self._lock:
            # takes one number however many there are, so that what is chosen next does not depend on their count
            return self._visitors[int(rng.random() * len(self._visitors))]

    def __len__(self) -> int:
        return len(self._visitors)


def arrive(rng: random.Random, visitors: Visitors, name: str) -> Journey:
    """Register, log in, place an order: somebody new, whom later journeys meet again."""
    username = f"load-{visitors.run}-{name}"
    user = yield Ask(
        "register", "POST", "/api/users", 201, {"username": username, "password": PASSWORD, "name": "Load"}
    )
    session = yield Ask("log in", "POST", "/api/sessions", 201, {"username": username, "password": PASSWORD})
    token = session.text("token")
    order = yield _wish(rng, token)
    visitors.add(Visitor(username, user.text("id"), token, order.text("id")))


def browse(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """Look at an order, at oneself and at the user."""
    visitor = visitors.any(rng)
    yield Ask("order", "GET", f"/api/orders/{visitor.order_id}", 200, token=visitor.token)
    yield Ask("me", "GET", "/api/me", 200, token=visitor.token)
    yield Ask("user", "GET", f"/api/users/{visitor.user_id}", 200, token=visitor.token)


def order(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """Place an order and read it back."""
    visitor = visitors.any(rng)
    placed = yield _wish(rng, visitor.token)
    yield Ask("read back", "GET", f"/api/orders/{placed.text('id')}", 200, token=visitor.token)


def cancel(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """Place an order and cancel it."""
    visitor = visitors.any(rng)
    placed = yield _wish(rng, visitor.token)
    yield Ask("cancel", "POST", f"/api/orders/{placed.text('id')}/cancel", 200, token=visitor.token)


def wrong_password(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """Log in with a password that is not theirs: 401."""
    visitor = visitors.any(rng)
    yield Ask("log in", "POST", "/api/sessions", 401, {"username": visitor.username, "password": "not " + PASSWORD})


def unknown_order(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """Ask for an order that does not exist: 404."""
    visitor = visitors.any(rng)
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    absent = visitor.order_id[:-8] + "".join(rng.choices(letters, k=8))
    yield Ask("order", "GET", f"/api/orders/{absent}", 404, token=visitor.token)


def burst(rng: random.Random, visitors: Visitors, _name: str) -> Journey:
    """One of ten who all look at themselves in the same moment."""
    yield Ask("me", "GET", "/api/me", 200, token=visitors.any(rng).token)


@dataclass(frozen=True, slots=True)
class Kind:
    """
    :param requests: of one journey that goes as it should.
    :param weight: how often it is chosen unless said otherwise.
    :param together: so many begin in the same moment.
    """

    begin: Callable[[random.Random, Visitors, str], Journey]
    requests: int
    weight: float
    together: int = 1


JOURNEYS: Mapping[str, Kind] = {
    "browse": Kind(browse, 3, 10),
    "order": Kind(order, 2, 5),
    "register": Kind(arrive, 3, 1),
    "cancel": Kind(cancel, 2, 1),
    "wrong-password": Kind(wrong_password, 1, 1),
    "unknown-order": Kind(unknown_order, 1, 2),
    "burst": Kind(burst, 1, 0.5, together=10),
}
"""By the name that the command line and the result use. Passwords cost the services most, so few log in."""


def _wish(rng: random.Random, token: str) -> Ask:
    items = [
        {"sku": sku, "quantity": rng.randint(1, 4), "unit_amount": rng.randint(100, 5000)}
        for sku in rng.sample(_SKUS, rng.randint(1, 3))
    ]
    key = f"{rng.getrandbits(128):032x}"
    return Ask("place", "POST", "/api/orders", 201, {"items": items, "currency": "EUR"}, token, key)
