from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.services.conftest import World
from tests.support.wsgi_transport import hanging

CHECKS = {"gateway": ["order", "user"], "order": ["database", "user"], "user": ["database"]}


@pytest.mark.parametrize("service", CHECKS)
def test_a_service_with_everything_it_needs_is_alive_and_ready_and_says_so_quietly(service: str, world: World) -> None:
    client = world.client(service)
    assert (client.get("/healthz").status_code, client.get("/healthz").get_json()) == (200, {"status": "ok"})
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert ready.get_json()["checks"] == dict.fromkeys(CHECKS[service], "ok")
    for seen in world.seen.values():
        assert seen.lines == seen.spans == []


@pytest.mark.parametrize("peer", [None, hanging])
def test_a_service_without_its_peer_is_alive_but_not_ready(peer: object, world: World) -> None:
    world.peers["user"] = peer
    for service in ("gateway", "order"):
        assert world.client(service).get("/healthz").status_code == 200
        answer = world.client(service).get("/readyz")
        assert (answer.status_code, answer.get_json()["status"]) == (503, "not ready")
        assert answer.get_json()["checks"] == dict.fromkeys(CHECKS[service], "ok") | {"user": "failed"}
        (line,) = world.events(service, "dependency.failed")
        assert line["labels"]["dependency"] == "user"
        assert world.events(service, "peer.failed") == []


@pytest.mark.parametrize(("service", "table"), [("user", "users"), ("order", "orders")])
def test_a_service_without_its_database_is_not_ready_and_tells_no_details(
    service: str, table: str, world: World, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "data" / f"{service}.db") as database:
        database.execute(f"DROP TABLE {table}")
    answer = world.client(service).get("/readyz")
    assert (answer.status_code, answer.get_json()["checks"]["database"]) == (503, "failed")
    assert table not in answer.text
    assert world.events(service, "dependency.failed")[0]["labels"]["dependency"] == "database"
