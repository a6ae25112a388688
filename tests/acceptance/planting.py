"""Send the same texts in every place where a request can carry one, to services that succeed and that fail."""

from __future__ import annotations

import base64
import re
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from urllib.parse import quote, urlencode

from tests.acceptance.wire import request, speak
from tests.support.running import ORDER, Answer, Buyer, Running, ask
from tests.support.waiting import eventually


def fresh(prefix: str) -> str:
    """A text that needs quoting of every kind and stands nowhere else."""
    return f"{prefix}{secrets.token_hex(5)}/+ &ü%={secrets.token_hex(5)}"


@dataclass(frozen=True)
class Secrets:
    """What must not be found anywhere. *token* is a real session's, the others are made up."""

    password: str
    wrong_password: str
    basic_password: str
    token: str
    other_token: str
    api_key: str
    cookie: str
    email: str
    card: str
    grouped_card: str

    def all(self) -> Mapping[str, str]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def card() -> str:
    """A number of 16 digits with a right check digit (ISO/IEC 7812-1, annex B)."""
    digits = "4539" + "".join(secrets.choice("0123456789") for _ in range(11))
    for check in "0123456789":
        doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits + check)]
        if sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0:
            return digits + check
    raise AssertionError("one of ten digits is right")


def make(token: str) -> Secrets:
    return Secrets(
        password=fresh("Pa55"), wrong_password=fresh("Wr0ng"), basic_password=fresh("Ba51c"), token=token,
        other_token=secrets.token_urlsafe(32), api_key=secrets.token_urlsafe(24), cookie=secrets.token_urlsafe(24),
        email=f"jane.{secrets.token_hex(5)}@mail.example", card=card(),
        grouped_card=re.sub(r"(\d{4})(?=\d)", r"\1-", card()),
    )


def headers(planted: Secrets, canary: str, *, authorization: str = "") -> dict[str, str]:
    """Everything that a caller may say of himself."""
    return {
        "Authorization": authorization or f"Bearer {planted.other_token}",
        "Cookie": f"session={planted.cookie}; theme=dark; token={quote(planted.password)}",
        "X-Api-Key": planted.api_key,
        "X-Request-Id": planted.card,
        "Referer": f"http://shop.example/?token={planted.other_token}&email={planted.email}",
        "User-Agent": f"shop/1.0 ({planted.email}; card {planted.grouped_card}; api_key={planted.api_key}) {canary}",
        "baggage": f"token={planted.other_token},user.email={quote(planted.email)},password={quote(planted.password)}",
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "tracestate": f"shop={planted.email},card={planted.card}",
        "Forwarded": f"for={planted.email}",
    }


def query(planted: Secrets, canary: str) -> str:
    named = {
        "token": planted.token, "access_token": planted.other_token, "api_key": planted.api_key,
        "password": planted.password, "email": planted.email, "q": f"{planted.grouped_card} {planted.email}",
        "next": f"/login?password={quote(planted.password)}&to={planted.email}", "word": canary,
        "state": base64.urlsafe_b64encode(planted.email.encode()).decode().rstrip("="),
    }
    return urlencode(named)


def paths(planted: Secrets, canary: str) -> list[str]:
    encoded = base64.b64encode(planted.email.encode()).decode()
    return [
        f"/api/users/{quote(planted.email)}", f"/api/users/{planted.email}/{quote(canary)}",
        f"/api/orders/{planted.card}",
        f"/reset/password={quote(planted.password, safe='')}", f"/confirm/{encoded}", f"/{quote(quote(planted.email))}",
        f"/pay/{planted.grouped_card}/token={planted.other_token}",
    ]


def through_the_gateway(running: Running, buyer: Buyer, planted: Secrets, canary: str) -> list[Answer]:
    """Requests that succeed and requests that fail; what came back."""
    bearer = headers(planted, canary, authorization=f"Bearer {planted.token}")
    others = headers(planted, canary)
    basic = base64.b64encode(f"jane:{planted.basic_password}".encode()).decode()
    asked = f"?{query(planted, canary)}"
    username = f"jane-{secrets.token_hex(6)}"
    login = {"username": username, "password": planted.password}
    item = {"sku": f"card {planted.grouped_card}", "quantity": 1, "unit_amount": 1}

    def send(method: str, path: str, body: object = None, sent: Mapping[str, str] = others) -> Answer:
        return running.gateway(method, path, body, headers=sent)

    return [
        send("POST", f"/api/users{asked}", {**login, "name": f"{planted.email} {planted.card}"}),
        send("POST", "/api/users", {**login, "name": "Jane"}),
        send("POST", "/api/users", {**login, "username": planted.email, "name": "Jane", "card": planted.card}),
        send("POST", "/api/users", {**login, "password": planted.wrong_password[:6], "name": "Jane"}),
        send("POST", f"/api/sessions{asked}", login),
        send("POST", "/api/sessions", {**login, "password": planted.wrong_password}),
        send("POST", "/api/sessions", {"username": planted.password, "password": planted.wrong_password}),
        send("POST", "/api/sessions", {**login, planted.email: planted.card}),
        send("POST", f"/api/orders{asked}", ORDER, bearer),
        send("POST", "/api/orders", {"items": [item], "currency": planted.card}, bearer),
        send("POST", "/api/orders", f"{planted.card} of {planted.email}: {planted.password}".encode(), bearer),
        send("GET", f"/api/me{asked}", None, bearer),
        send("GET", f"/api/me{asked}", None),
        send("GET", "/api/me", None, {**others, "Authorization": f"Basic {basic}"}),
        send("GET", f"/api/users/{buyer.user_id}{asked}", None),
        send("GET", "/api/me", None, {"Authorization": f"Bearer {planted.token}x", "Host": planted.email}),
        *(send("GET", path + asked, None) for path in paths(planted, canary)),
        *speak(running.port("gateway"), request(b"get /x" + asked.encode())),
        *speak(running.port("gateway"), request(b"GET /\xff" + asked.encode())),
    ]


def while_the_database_is_locked(running: Running, planted: Secrets) -> Answer:
    """A real exception in the user service, about a statement that holds a name and the hash of a password."""
    wish = {"username": f"jane-{secrets.token_hex(6)}", "password": planted.password, "name": planted.email}

    sql = "SELECT 1 FROM line WHERE service = 'user' AND document ->> '$.error.message' LIKE '%database is locked%'"

    with closing(sqlite3.connect(running.home.data / "user.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        answer = running.gateway("POST", "/api/users", wish)
        eventually(lambda: running.rows("logs", sql), timeout_s=20, what="the user service says why it failed")
        database.execute("ROLLBACK")
    return answer


def to_the_stranger(port: int, planted: Secrets, canary: str) -> list[Answer]:
    told = {
        "password": planted.password, "token": planted.other_token, "api_key": planted.api_key, "email": planted.email,
        "card": planted.card, "grouped_card_number": planted.grouped_card, "canary": canary,
    }
    asked = f"?{query(planted, canary)}"
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers(planted, canary)}
    return [
        ask(port, "POST", f"/tell{asked}", told, headers=headers(planted, canary)),
        ask(port, "POST", f"/fail{asked}", told, headers=headers(planted, canary)),
        ask(port, "POST", "/form", urlencode(told).encode(), headers=form),
    ]
