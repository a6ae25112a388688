"""
One order from click to trace: what `clew up` does first, through the front door and with nothing faked.
"""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_S = 5.0

ITEMS = (
    {"sku": "ball-of-thread", "quantity": 1, "unit_amount": 1990},
    {"sku": "lantern", "quantity": 2, "unit_amount": 3450},
)
"""What is ordered; amounts in cents."""


class JourneyError(Exception):
    """A step failed; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What came of it. *trace_id* is the trace that placed the order."""

    username: str
    user_id: str
    order_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: Mapping[str, object]


def travel(gateway_url: str, *, token: Callable[[int], str] = secrets.token_hex) -> Journey:
    """
    Register a new user, log in, place an order of two items and read it back, all through the gateway.

    :param token: random text of that many bytes, for the user's name and password.
    :raises JourneyError: naming the first step that did not do what it should.
    """
    username = f"ada-{token(4)}"
    password = token(16)
    with _connection(gateway_url) as connection:
        user = _step(connection, "Registering a user", "POST", "/api/users", {
            "username": username, "password": password, "name": "Ada",
        })
        session = _step(connection, "Logging in", "POST", "/api/sessions", {"username": username, "password": password})
        bearer = {"Authorization": f"Bearer {_text(session, 'token', 'Logging in')}"}
        placed = _step(
            connection, "Placing an order", "POST", "/api/orders", {"items": list(ITEMS), "currency": "EUR"}, bearer
        )
        order_id = _text(placed, "id", "Placing an order")
        _step(connection, "Reading the order", "GET", f"/api/orders/{order_id}", None, bearer, expected=200)
    return Journey(
        username=username,
        user_id=_text(user, "id", "Registering a user"),
        order_id=order_id,
        trace_id=placed.headers.get("x-trace-id", ""),
    )


def scrape_now(explorer_url: str) -> None:
    """
    Have the stack scrape all targets now instead of at its next round.

    :raises JourneyError: the stack did not do it.
    """
    with _connection(explorer_url) as connection:
        _step(connection, "Scraping the metrics", "POST", "/-/scrape", None, expected=200)


@contextmanager
def _connection(url: str) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
    try:
        yield connection
    finally:
        connection.close()


def _step(
    connection: http.client.HTTPConnection, what: str, method: str, path: str, body: Mapping[str, object] | None,
    headers: Mapping[str, str] | None = None, *, expected: int = 201,
) -> _Answer:
    payload = json.dumps(body) if body is not None else None
    kind = {"Content-Type": "application/json"} if body is not None else {}
    where = f"{method} http://{connection.host}:{connection.port}{path}"
    try:
        connection.request(method, path, payload, {**kind, **(headers or {})})
        response = connection.getresponse()
        raw = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise JourneyError(f"{what} failed: {where} gave no answer ({error or type(error).__name__}).") from None
    try:
        document = json.loads(raw or b"{}")
    except ValueError:
        document = {}
    answer = _Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()},
        document if isinstance(document, dict) else {},
    )
    if answer.status != expected:
        detail = answer.body.get("detail") or answer.body.get("title") or "no explanation"
        trace = answer.headers.get("x-trace-id")
        follow = f" Follow it: clew follow {trace}" if trace else ""
        raise JourneyError(f"{what} failed: {where} answered {answer.status}, {detail}{follow}")
    return answer


def _text(answer: _Answer, name: str, what: str) -> str:
    value = answer.body.get(name)
    if not isinstance(value, str):
        raise JourneyError(f"{what} failed: the answer has no {name}.")
    return value
