"""The one door: who comes in, what is passed on, and what is said when there is nobody behind it."""

from __future__ import annotations

import pytest

from services.shared.ids import new_id
from services.shared.sessions import Sessions
from tests.services.conftest import ORDER, SECRET, World
from tests.support.wsgi_transport import Answering, hanging

NEEDS_SESSION = [
    ("POST", "/api/orders"), ("GET", f"/api/orders/{new_id('ord')}"), ("GET", "/api/me"), ("GET", "/api/orders"),
    ("POST", f"/api/orders/{new_id('ord')}/cancel"),
]


@pytest.mark.parametrize(("method", "path"), NEEDS_SESSION, ids=["place", "read", "me", "list", "cancel"])
def test_without_a_session_nobody_gets_past_the_gateway(method: str, path: str, world: World) -> None:
    for authorization in (None, "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5000):
        headers = {"Authorization": authorization} if authorization else {}
        answer = world.call(method, path, headers=headers, json=ORDER if method == "POST" else None)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="clew"')
    assert world.seen["order"].access_lines == world.seen["user"].access_lines == []


def test_an_expired_session_is_refused(world: World) -> None:
    token, _ = Sessions(SECRET, clock=lambda: 0.0).open(new_id("usr"))
    answer = world.call("GET", "/api/me", token=token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="clew", error="invalid_token"'


FORGED = {
    "X-User-Id": new_id("usr"),
    "X-Forwarded-User": "root",
    "Cookie": "admin=1",
    "Connection": "X-User-Id, close",
    "Proxy-Authorization": "Basic YTpi",
    "Te": "trailers",
    "Upgrade": "h2c",
    "Transfer-Encoding": "chunked",
    "X-Whatever": "kept out",
}


def test_no_header_of_a_caller_reaches_the_services_behind(world: World) -> None:
    user = world.register()
    token = world.log_in()
    order = Answering(b'{"id": "%s", "user_id": "x"}' % new_id("ord").encode(), "200 OK")
    world.peers["order"] = order
    world.call("GET", f"/api/orders/{new_id('ord')}", token=token, headers=FORGED)
    (asked,) = order.asked
    assert asked["HTTP_X_USER_ID"] == user["id"]
    assert "HTTP_AUTHORIZATION" not in asked
    for name in set(FORGED) - {"X-User-Id", "Connection"}:
        assert "HTTP_" + name.upper().replace("-", "_") not in asked
    assert asked["HTTP_CONNECTION"] == "keep-alive"


def test_a_caller_who_claims_to_be_somebody_orders_for_themselves(world: World) -> None:
    ada, eve = world.register("ada"), world.register("eve")
    answer = world.call("POST", "/api/orders", json=ORDER, token=world.log_in("eve"), headers={"X-User-Id": ada["id"]})
    assert answer.get_json()["user_id"] == eve["id"]


def test_a_caller_cannot_decide_whether_their_trace_is_kept(world: World) -> None:
    """The gateway is open to everyone; the trace id is taken over, the sampled flag is not."""
    world.call("GET", "/api/users/nobody", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-00"})
    assert len(world.seen["gateway"].server_spans) == 1


PEER_TROUBLE = {
    "down": (None, 503, "unavailable"),
    "slow": (hanging, 504, "timeout"),
    "crashing": (Answering(b"{}", "500 INTERNAL SERVER ERROR"), 502, "bad_gateway"),
    "talking nonsense": (Answering(b"<html>"), 502, "bad_gateway"),
    "answering without an id": (Answering(b"{}"), 502, "bad_gateway"),
    "refusing without a problem document": (Answering(b"{}", "400 BAD REQUEST"), 502, "bad_gateway"),
    "refusing with a lie": (Answering(b'{"code": "not_found", "detail": "x"}', "400 BAD REQUEST"), 502, "bad_gateway"),
    "not available": (Answering(b'{"detail": "Closed."}', "503 SERVICE UNAVAILABLE"), 503, "unavailable"),
}


@pytest.mark.parametrize(("peer", "status", "word"), PEER_TROUBLE.values(), ids=PEER_TROUBLE)
def test_trouble_behind_the_gateway_is_a_clear_problem_and_one_line_in_the_same_trace(
    peer: object, status: int, word: str, world: World
) -> None:
    world.peers["user"] = world.peers["order"] = peer
    token, _ = Sessions(SECRET).open(new_id("usr"))
    wish = {"username": "ada", "password": "correct horse", "name": "Ada"}
    asked = [
        ("POST", "/api/users", wish), ("POST", "/api/sessions", wish), ("GET", f"/api/users/{new_id('usr')}", None),
        ("POST", "/api/orders", ORDER), ("GET", f"/api/orders/{new_id('ord')}", None),
    ]
    for method, path, body in asked:
        answer = world.call(method, path, json=body, token=token)
        problem = answer.get_json()
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), path
        assert (problem["code"], problem["instance"]) == (word, path)
        line = world.events("gateway", "peer.failed")[-1]
        assert line["trace"]["id"] == problem["trace_id"] == answer.headers["X-Trace-Id"]
        assert line["labels"]["peer"] == ("order" if "orders" in path else "user")
        assert ("Retry-After" in answer.headers) == (status == 503)
    assert len(world.events("gateway", "peer.failed")) == len(asked)
    assert world.events("gateway", "request.crashed") == []


def test_the_page_about_oneself_has_user_and_orders(world: World) -> None:
    user = world.register()
    token = world.log_in()
    orders = [world.place(token) for _ in range(2)]
    page = world.call("GET", "/api/me", token=token).get_json()
    assert page["user"] == user
    assert [order["id"] for order in page["orders"]] == sorted((order["id"] for order in orders), reverse=True)
    assert list(page) == ["user", "orders"]


@pytest.mark.parametrize("away", ["user", "order"])
def test_half_a_page_about_oneself_is_better_than_none(away: str, world: World) -> None:
    user = world.register()
    token = world.log_in()
    del world.peers[away]
    answer = world.call("GET", "/api/me", token=token)
    part = {"user": "user", "order": "orders"}[away]
    rest = {"orders": []} if away == "user" else {"user": user}
    assert (answer.status_code, answer.get_json()) == (200, {part: None, "degraded": [part], **rest})


def test_no_page_about_oneself_is_not_called_a_page(world: World) -> None:
    world.register()
    token = world.log_in()
    del world.peers["user"], world.peers["order"]
    answer = world.call("GET", "/api/me", token=token)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")


def test_a_session_of_a_user_who_is_gone_is_no_session(world: World) -> None:
    token, _ = Sessions(SECRET).open(new_id("usr"))
    answer = world.call("GET", "/api/me", token=token)
    assert (answer.status_code, "invalid_token" in answer.headers["WWW-Authenticate"]) == (401, True)
