"""Nobody works for a caller who has gone, and nobody waits longer than the caller does."""

from __future__ import annotations

import socket
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from flask import Flask

from observability import problem_details
from services.shared.breaker import MOST_FAILURES
from services.shared.deadline import keep_deadlines, time_left
from services.shared.ids import new_id
from tests.services.conftest import ORDER, PASSWORD, PATIENCE_S, World
from tests.services.processes import running
from tests.support.wsgi_transport import Answering, hanging

HEADER = "X-Request-Timeout-Ms"


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_is_what_was_given_less_what_was_used_and_a_reserve() -> None:
    clock = Clock()
    app = keep_deadlines(problem_details(Flask("any")), clock=clock)
    seen: list[float | None] = []

    @app.get("/")
    def view() -> str:
        for used in (0.0, 0.4, 0.5, 1.0):
            clock.now += used
            seen.append(time_left())
        return ""

    assert app.test_client().get("/", headers={HEADER: "1000"}).status_code == 200
    assert seen == pytest.approx([0.9, 0.5, 0.08, 0.0])
    assert app.test_client().get("/").status_code == 200
    assert seen[4:] == [None] * 4
    assert time_left() is None


@pytest.mark.parametrize("service", ["gateway", "user", "order"])
@pytest.mark.parametrize("raw", ["", "-1", "1.5", "soon", "1e3", "\u0661", "600001", "9" * 5000, "1, 2"])
def test_a_malformed_deadline_is_refused(service: str, raw: str, world: World) -> None:
    answer = world.client(service).get("/healthz", headers={HEADER: raw.encode("utf-8").decode("latin-1")})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid")


def test_a_request_that_is_late_already_is_not_begun(world: World) -> None:
    answer = world.call("GET", f"/api/users/{new_id('usr')}", headers={HEADER: "0"})
    assert (answer.status_code, answer.mimetype) == (504, "application/problem+json")
    assert answer.get_json()["code"] == "timeout"
    assert world.seen["user"].access_lines == []


def test_the_services_behind_are_told_what_remains(world: World) -> None:
    world.peers["user"] = user = Answering(b"{}")
    usual = range(int(900 * PATIENCE_S), int(1000 * PATIENCE_S) + 1)
    for given, told in ((None, usual), ("500", range(300, 401)), ("60000", usual)):
        world.call("GET", f"/api/users/{new_id('usr')}", headers={HEADER: given} if given else {})
        assert int(user.asked[-1]["HTTP_X_REQUEST_TIMEOUT_MS"]) in told


def test_a_spent_deadline_is_not_passed_on(world: World) -> None:
    world.peers["user"] = user = Answering(b"{}")
    answer = world.call("GET", f"/api/users/{new_id('usr')}", headers={HEADER: "1"})
    assert (answer.status_code, answer.get_json()["code"], user.asked) == (504, "timeout", [])


def test_an_order_that_there_is_no_time_for_is_not_placed(world: World) -> None:
    user = world.register()
    headers = {HEADER: "1", "X-User-Id": user["id"]}
    answer = world.client("order").post("/orders", json=ORDER, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (504, "timeout")
    listed = world.client("order").get(f"/orders?user_id={user['id']}")
    assert listed.get_json()["orders"] == []


def test_a_busy_database_is_waited_for_no_longer_than_the_caller_waits(world: World, tmp_path: Path) -> None:
    """Somebody else is writing to the file, for longer than that."""
    with closing(sqlite3.connect(tmp_path / "data" / "user.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        wish = {"username": "ada", "password": PASSWORD, "name": "Ada"}
        answer = world.client("user").post("/users", json=wish, headers={HEADER: "300"})
        assert time.monotonic() - began < 1.5, "the usual wait is 2 s"
        assert (answer.status_code, answer.get_json()["code"]) == (504, "timeout")
        assert len(world.events("user", "dependency.failed")) == 1
    assert world.register()["username"] == "ada", "the next one has its own time"


def test_callers_in_a_hurry_do_not_open_the_breaker_for_everybody(world: World) -> None:
    world.peers["user"] = hanging
    for _ in range(2 * MOST_FAILURES):
        assert world.call("GET", f"/api/users/{new_id('usr')}", headers={HEADER: "100"}).status_code == 504
    assert world.events("gateway", "breaker.opened") == []


def test_with_a_slow_user_service_the_breaker_opens_and_orders_are_degraded_at_once(world: World) -> None:
    world.register()
    token = world.log_in()
    order = world.place(token)
    healthy = world.peers["user"]
    world.peers["user"] = hanging
    for _ in range(MOST_FAILURES):
        assert world.call("GET", f"/api/orders/{order['id']}", token=token).get_json()["degraded"] == ["user"]
    assert len(world.events("order", "breaker.opened")) == 1
    assert world.seen["order"].value("circuit_breaker_open", peer="user") == 1
    world.peers["user"] = healthy
    before = len(world.seen["user"].access_lines)
    assert world.call("GET", f"/api/orders/{order['id']}", token=token).get_json()["degraded"] == ["user"]
    refused = world.call("POST", "/api/orders", json=ORDER, token=token)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert len(world.seen["user"].access_lines) == before


@pytest.mark.slow
@pytest.mark.parametrize("deadline_ms", [150, 400])
def test_over_sockets_no_answer_comes_later_than_its_deadline(tmp_path: Path, deadline_ms: int) -> None:
    """
    The user service takes every connection and never answers. What a busy machine adds is not ours: the quickest of a
    few has to be in time, and none may take the patience that calls have without a deadline.
    """
    took = []
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        user = f"http://127.0.0.1:{silent.getsockname()[1]}"
        services = stack.enter_context(running(tmp_path, "order", USER_URL=user, CALL_TIMEOUT="5"))
        for _ in range(3):
            began = time.perf_counter()
            url = f"{services['order'].url}/orders"
            headers = {HEADER: str(deadline_ms), "X-User-Id": new_id("usr")}
            answer = requests.post(url, json=ORDER, headers=headers, timeout=5)
            assert answer.status_code == 503
            took.append(time.perf_counter() - began)
    assert min(took) < deadline_ms / 1000 + 0.05
    assert max(took) < 4
