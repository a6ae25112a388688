"""A database that is slow, gone, or back again; and connections that belong to one process only."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from observability import Problem, Settings, observe, problem_details
from observability.testing import Capture, capture
from services.shared.database import Database
from services.shared.deadline import HEADER, keep_deadlines
from services.user.store import MIGRATIONS
from tests.real.postgres import Postgres


@pytest.fixture
def seen(settings: Settings) -> Iterator[Capture]:
    with capture(settings) as seen:
        yield seen


@pytest.fixture
def there(settings: Settings, seen: Capture) -> Iterator[Database]:
    database = Database.from_settings(settings, seen.telemetry, name="user")
    database.prepare(MIGRATIONS)
    yield database
    database.close()


def backend(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_a_statement_that_takes_too_long_is_given_up_and_the_next_one_works(there: Database, seen: Capture) -> None:
    with pytest.raises(Problem) as refused, there.transaction() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    assert refused.value.word == "unavailable"
    assert "canceling statement due to statement timeout" in str(seen.events("dependency.failed"))
    assert backend(there) > 0


def test_a_statement_lasts_no_longer_than_the_caller_waits(there: Database, seen: Capture) -> None:
    app = keep_deadlines(problem_details(observe(Flask("user"), seen.telemetry)))

    @app.get("/x")
    def x() -> str:
        with there.transaction() as connection:
            connection.execute(text("SELECT pg_sleep(30)"))
        return "never"

    began = time.monotonic()
    answer = app.test_client().get("/x", headers={HEADER: "300"})
    assert (answer.status_code, answer.get_json()["code"]) == (504, "timeout")
    assert time.monotonic() - began < 0.9, "without a deadline it would be a second"
    with there.transaction() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "1s", "the next one has its own time"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_of_the_database_is_not_noticed_by_the_next_request(
    there: Database, postgres: Postgres, how: int
) -> None:
    before = backend(there)
    postgres.stop(how)
    postgres.start()
    assert backend(there) != before


def test_while_the_database_is_gone_every_request_is_unavailable_and_counted_right(
    there: Database, postgres: Postgres, seen: Capture
) -> None:
    backend(there)
    postgres.stop()
    try:
        for _ in range(3):
            with pytest.raises(Problem) as refused:
                backend(there)
            assert refused.value.word == "unavailable"
        with pytest.raises(Problem):
            there.ping("users")
        assert seen.value("db_client_connection_count") == 0
    finally:
        postgres.start()
    there.ping("users")
    assert seen.value("db_client_connection_count", state="idle") == 1


def test_a_connection_that_dies_within_a_transaction_is_unavailable_not_a_crash(
    there: Database, postgres: Postgres, seen: Capture
) -> None:
    def use_it_after_its_end() -> None:
        with there.transaction() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            postgres.execute(f"SELECT pg_terminate_backend({pid})")
            connection.execute(text("SELECT 1"))

    with pytest.raises(Problem) as refused:
        use_it_after_its_end()
    assert refused.value.word == "unavailable"
    assert seen.value("db_client_connection_count") == 0
    assert backend(there) > 0


def test_a_forked_process_gets_connections_of_its_own_and_leaves_the_parent_its(there: Database) -> None:
    before = backend(there)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(backend(there)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        theirs = int(answer.read())
    os.waitpid(child, 0)
    assert theirs != before
    assert backend(there) == before


def test_a_span_names_the_server_and_the_code_of_a_failure_but_no_value(
    there: Database, seen: Capture, postgres: Postgres, database: str
) -> None:
    app = observe(Flask("user"), seen.telemetry)

    @app.get("/x")
    def x() -> str:
        values = {"id": "usr_1", "username": "ada-the-secret", "name": "Ada", "password_hash": "h", "created_at": "now"}
        for _ in range(2):
            with there.transaction() as connection:
                names = ", ".join(values)
                places = ", ".join(f":{name}" for name in values)
                connection.execute(text(f"INSERT INTO users ({names}) VALUES ({places})"), values)
        return "never"

    app.test_client().get("/x")
    succeeded, failed = [span for span in seen.spans if span.name == "INSERT users"]
    assert dict(succeeded.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": database,
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
        "db.operation.name": "INSERT",
        "db.collection.name": "users",
        "db.query.summary": "INSERT users",
        "db.query.text": succeeded.attributes["db.query.text"],
    }
    assert re.fullmatch(
        r"INSERT INTO users \(id, username, name, password_hash, created_at\) VALUES \(%\(id\)s.*\)",
        str(succeeded.attributes["db.query.text"]),
    )
    assert failed.attributes["error.type"] == "psycopg.errors.UniqueViolation"
    assert failed.attributes["db.response.status_code"] == "23505"
    assert "ada-the-secret" not in succeeded.to_json() + failed.to_json()
