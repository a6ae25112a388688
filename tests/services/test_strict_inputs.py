"""Whatever is sent to whichever service, the answer is a clear problem and never a 500."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from services.shared.body import LARGEST
from services.shared.ids import new_id
from services.shared.sessions import Sessions
from tests.services.conftest import ORDER, PASSWORD, SECRET, World

DOORS = [
    ("gateway", "/api/users"), ("gateway", "/api/sessions"), ("gateway", "/api/orders"),
    ("user", "/users"), ("user", "/sessions"), ("order", "/orders"),
]
USER = {"username": "ada", "password": PASSWORD, "name": "Ada"}
GOOD: dict[str, Any] = {"users": USER, "sessions": {"username": "ada", "password": PASSWORD}, "orders": ORDER}
BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"username=ada",
    "an array": b"[]",
    "null": b"null",
    "NaN": b'{"username": NaN}',
    "an infinite number": b'{"username": 1e999}',
    "a huge number": b'{"username": ' + b"9" * 10_000 + b"}",
    "a name twice": b'{"username": "ada", "username": "eve"}',
    "a lone surrogate": b'{"username": "\\ud83d"}',
    "a lone surrogate as a name": b'{"\\ud83d": 1}',
    "a NUL": b'{"username": "a\\u0000b", "password": "a\\u0000bcdefgh", "name": "\\u0000"}',
    "invalid UTF-8": b'{"username": "\xc3\x28"}',
    "nested very deeply": b"[" * 60_000,
    "unknown fields": b'{"__proto__": {}, "card_number": "4111111111111111"}',
    "wrong types": b'{"username": true, "password": [], "name": {}, "items": {}, "currency": 5}',
    "wrong types inside": b'{"items": [1, null, [], {"sku": {}, "quantity": true, "unit_amount": 1e3}]}',
}


def post(world: World, service: str, path: str, body: bytes, content_type: str = "application/json") -> Any:
    user_id = new_id("usr")
    token, _ = Sessions(SECRET).open(user_id)
    headers = {"X-User-Id": user_id, "Authorization": f"Bearer {token}"}
    return world.client(service).post(path, data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(("service", "path"), DOORS)
def test_a_body_that_makes_no_sense_is_refused_at_every_door(service: str, path: str, world: World) -> None:
    for what, body in BODIES.items():
        answer = post(world, service, path, body)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), (what, answer.text)
        problem = answer.get_json()
        assert problem["code"] == "invalid"
        assert problem["detail"].endswith(".")
        assert "4111111111111111" not in answer.text


@pytest.mark.parametrize(("service", "path"), DOORS)
def test_a_body_that_does_not_say_it_is_json_is_refused_at_every_door(service: str, path: str, world: World) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"):
        answer = post(world, service, path, b"{}", content_type)
        assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("service", "path"), DOORS)
def test_a_body_that_is_too_large_is_refused_at_every_door(service: str, path: str, world: World) -> None:
    for size in (LARGEST + 1, 10_000_000):
        answer = post(world, service, path, b'{"username": "' + b"a" * size + b'"}')
        assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")
        assert str(LARGEST) in answer.get_json()["detail"]


def test_bodies_with_random_damage_never_crash_a_service(world: World) -> None:
    dice = random.Random(20261121)
    for service, path in DOORS:
        whole = json.dumps(GOOD[path.rsplit("/", 1)[-1]]).encode()
        for _ in range(40):
            broken = bytearray(whole)
            for _ in range(dice.randint(1, 4)):
                broken[dice.randrange(len(broken))] = dice.randrange(256)
            assert post(world, service, path, bytes(broken)).status_code < 500
    for seen in world.seen.values():
        assert seen.events("request.crashed") == []


@pytest.mark.parametrize("service", ["gateway", "user", "order"])
def test_unknown_routes_and_methods_are_problems(service: str, world: World) -> None:
    client = world.client(service)
    for method, path, status in (
        ("GET", "/nowhere", 404), ("GET", "/static/x", 404), ("GET", "/%ff%00", 404), ("BREW", "/healthz", 405),
        ("DELETE", "/readyz", 405),
    ):
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.get_json()["trace_id"] == answer.headers["X-Trace-Id"]
