"""The three services on one Postgres: an order followed, and the database stopped and started under them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.postgres import Postgres
from tests.support.running import ORDER, PROBLEM, Answer, Running, ask
from tests.support.waiting import eventually


@pytest.fixture
def running(postgres: Postgres, database: str, tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path / "home", "--no-journey", DATABASE_URL=postgres.url(database))
    try:
        yield one.until_up()
    finally:
        one.stop()


def test_an_order_is_placed_followed_and_survives_an_outage_of_the_database(
    running: Running, postgres: Postgres, database: str
) -> None:
    buyer = running.buyer()

    def place() -> Answer:
        return running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers)

    def levels(answer: Answer) -> set[str]:
        return {line["log"]["level"] for line in running.lines(answer.trace_id)}

    placed = place()
    assert placed.status == 201
    assert postgres.execute("SELECT user_id FROM orders", database) == [(buyer.user_id,)]
    statements = [
        (row["service"], row["name"], row["attributes"]["server.port"])
        for row in running.dossier(placed.json["id"])["rows"]
        if row["row"] == "span" and row["attributes"].get("db.system.name") == "postgresql"
    ]
    assert sorted(statements) == [("order", "INSERT orders", postgres.port), ("user", "SELECT users", postgres.port)]

    postgres.stop()
    try:
        failed = [place() for _ in range(4)]
        assert {answer.status for answer in failed} <= {502, 503}
        assert {answer.headers["content-type"] for answer in failed} == {PROBLEM}
        ready = {name: ask(running.port(name), "GET", "/readyz") for name in ("user", "order")}
        assert [answer.status for answer in ready.values()] == [503, 503]
        assert ready["order"].json["checks"]["database"] == "failed"
        for answer in failed:
            eventually(lambda answer=answer: "error" in levels(answer), what="a line that says so")  # type: ignore[misc]
    finally:
        postgres.start()

    running.until_well()
    eventually(lambda: place().status == 201, timeout_s=30, what="orders are placed again")
    assert running.gateway("GET", f"/api/orders/{placed.json['id']}", headers=buyer.headers).status == 200
    crashed = "SELECT count(*) FROM line WHERE document LIKE '%request.crashed%'"
    assert running.rows("logs", crashed) == [(0,)]
