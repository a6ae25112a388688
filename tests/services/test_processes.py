"""The services as real processes: how they start, serve and stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.services.conftest import ORDER, PASSWORD
from tests.services.processes import Service, environment, running, start
from tests.support.ports import free_port
from tests.support.waiting import eventually

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
pytestmark = pytest.mark.slow


def post(service: Service, path: str, body: Any, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.post(service.url + path, json=body, headers=headers, timeout=5)
    assert answer.ok, answer.text
    return answer.json()


def test_an_order_goes_through_three_real_services_and_everything_is_gone_soon_after_sigterm(tmp_path: Path) -> None:
    """gunicorn's own variables have no say: two workers, no prefix, no access log."""
    gunicorns = {"GUNICORN_CMD_ARGS": "--workers 7 --access-logfile -", "WEB_CONCURRENCY": "", "SCRIPT_NAME": "/x"}
    with running(tmp_path, "user", "order", "gateway", **gunicorns) as services:
        gateway = services["gateway"]
        user = post(gateway, "/api/users", {"username": "ada", "password": PASSWORD, "name": "Ada"})
        token = post(gateway, "/api/sessions", {"username": "ada", "password": PASSWORD})["token"]
        order = post(gateway, "/api/orders", ORDER, token)
        assert order["user_id"] == user["id"]
        me = requests.get(gateway.url + "/api/me", headers={"Authorization": f"Bearer {token}"}, timeout=5).json()
        assert [each["id"] for each in me["orders"]] == [order["id"]]
        for service in services.values():
            assert requests.get(service.url + "/readyz", timeout=5).json()["status"] == "ready"
            assert len(service.workers()) == 2

        for service in services.values():
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < 2.0
            assert service.process.communicate() == ("", "")
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", service.port), timeout=1)
            actions = [line["event"].get("action") for line in service.lines()]
            assert actions.count("service.started") == actions.count("service.stopped") == 2
            loggers = [line["log"]["logger"] for line in service.lines()]
            assert "gunicorn.error" in loggers


def test_a_callers_wish_not_to_be_traced_ends_at_the_gateway(tmp_path: Path) -> None:
    """Every service keeps the trace that the caller's sampled flag would have switched off."""
    trace_id = "ab" * 16
    with running(tmp_path, "user", "order", "gateway") as services:
        gateway = services["gateway"]
        post(gateway, "/api/users", {"username": "ada", "password": PASSWORD, "name": "Ada"})
        token = post(gateway, "/api/sessions", {"username": "ada", "password": PASSWORD})["token"]
        headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{trace_id}-{'cd' * 8}-00"}
        assert requests.post(gateway.url + "/api/orders", json=ORDER, headers=headers, timeout=5).status_code == 201

        def kept(service: Service) -> bool:
            metrics = requests.get(service.url + "/metrics", headers={"Accept": OPENMETRICS}, timeout=5).text
            return f'trace_id="{trace_id}"' in metrics

        for service in services.values():
            eventually(partial(kept, service), what=f"an exemplar of {service.name}")


def test_a_request_in_flight_is_answered_before_a_service_ends(tmp_path: Path) -> None:
    """An order waits for a user service that takes its time; the order service gets SIGTERM meanwhile."""
    slow = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{slow.getsockname()[1]}"
    with slow, running(tmp_path, "order", CALL_TIMEOUT="0.6", USER_URL=url) as up:
        order = up["order"]
        answers: list[int] = []
        headers = {"X-User-Id": "usr_01kaqz5w8g3m9xv2r7c4e6t0ab"}
        ask = threading.Thread(
            target=lambda: answers.append(
                requests.post(order.url + "/orders", json=ORDER, headers=headers, timeout=5).status_code
            )
        )
        ask.start()
        connection, _ = slow.accept()
        order.process.send_signal(signal.SIGTERM)
        ask.join(5)
        ended = time.monotonic()
        assert answers == [503]
        assert order.process.wait(5) == 0
        assert time.monotonic() - ended < 2.0
        connection.close()


@pytest.mark.parametrize("sign", ["Starting gunicorn", "Booting worker", "takes requests"])
def test_a_service_that_is_told_to_stop_while_it_starts_stops(sign: str, tmp_path: Path) -> None:
    """A signal that comes between a worker's birth and its first look at signals is not forgotten."""
    with running(tmp_path, "user", wait=False) as up:
        user = up["user"]
        eventually(lambda: sign in user.text(), timeout_s=20, interval_s=0.002, what=sign)
        began = time.monotonic()
        assert user.stop() in (0, 128 + signal.SIGTERM)
        assert time.monotonic() - began < 2.0


def test_silent_connections_neither_block_a_service_nor_delay_its_end(tmp_path: Path) -> None:
    """Browsers open connections in advance; more of them than there are threads is normal."""
    with running(tmp_path, "user", WEB_CONCURRENCY="1", WEB_THREADS="2") as up:
        user = up["user"]
        silent = [socket.create_connection(("127.0.0.1", user.port)) for _ in range(10)]
        began = time.monotonic()
        assert requests.get(user.url + "/healthz", timeout=5).ok
        assert time.monotonic() - began < 1.0
        began = time.monotonic()
        assert user.stop() == 0
        assert time.monotonic() - began < 2.0
        for connection in silent:
            connection.close()


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path, "user") as up:
        user = up["user"]
        before = user.workers()
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: len(user.workers()) == 2 and before[0] not in user.workers(), what="a new worker")
        assert requests.get(user.url + "/readyz", timeout=5).ok
        assert user.stop() == 0


def test_a_large_body_is_answered_with_a_problem_and_not_with_a_broken_connection(tmp_path: Path) -> None:
    with running(tmp_path, "user") as up:
        for body in (b"x" * 10_000_000, iter([b"x" * 100_000] * 100)):
            headers = {"Content-Type": "application/json"}
            answer = requests.post(up["user"].url + "/users", data=body, headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def failed_start(name: str, tmp_path: Path, environ: dict[str, str]) -> str:
    """What a service says on standard error when it cannot start; it ends with 1 and says it once."""
    process = start(name, 0, tmp_path, environ).process
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Traceback" not in said
    return said


def test_a_taken_port_is_one_sentence_that_names_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        began = time.monotonic()
        said = failed_start("user", tmp_path, environment(tmp_path) | {"USER_PORT": str(port)})
        assert time.monotonic() - began < 5
    assert said == (
        f"user: Port {port} of 127.0.0.1 is taken. See who has it: ss -ltnp 'sport = :{port}'. Or set USER_PORT.\n"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"TOKEN_SECRET": ""}, "user: TOKEN_SECRET is not set"),
        ({"WEB_CONCURRENCY": "many", "USER_PORT": "http"}, "WEB_CONCURRENCY must be"),
        ({"BIND_HOST": "192.0.2.1"}, "user: Cannot listen on port"),
        ({"DATABASE_URL": "sqlite:////proc/nowhere/x.db"}, "user: The database sqlite:////proc/nowhere/x.db cannot"),
    ],
)
def test_what_is_missing_at_the_start_is_said_in_a_sentence(change: dict[str, str], said: str, tmp_path: Path) -> None:
    assert said in failed_start("user", tmp_path, environment(tmp_path) | {"USER_PORT": str(free_port())} | change)


def test_ctrl_c_ends_a_service_at_once(tmp_path: Path) -> None:
    with running(tmp_path, "user") as up:
        began = time.monotonic()
        assert up["user"].stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 2.0


def test_workers_do_not_outlive_a_killed_master(tmp_path: Path) -> None:
    with running(tmp_path, "user") as up:
        user = up["user"]
        workers = user.workers()
        user.stop(signal.SIGKILL)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="the workers are gone")


def test_a_service_imports_nothing_heavy_that_it_does_not_need() -> None:
    """
    Nine processes share a laptop; the gateway has no database, no service has a template engine for its pages. What the
    limits library brings along (asyncio) cannot be helped.
    """
    code = "import sys, services.gateway.main; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "argon2", "jsonschema", "clew", "grpc", "gunicorn"} & set(loaded)
