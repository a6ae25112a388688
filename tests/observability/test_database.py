"""Database statements in traces and metrics, and the pool in metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from observability import Settings, Telemetry, observe
from observability.database import server_of
from observability.testing import Capture, capture

metadata = MetaData()
people = Table("people", metadata, Column("id", Integer, primary_key=True), Column("name", String))
SECONDS = "db_client_operation_duration_seconds"


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop")) as seen:
        yield seen


@pytest.fixture
def engine(seen: Capture, tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db", pool_size=1, max_overflow=1, pool_timeout=0.01)
    metadata.create_all(engine)
    engine.dispose()
    yield seen.telemetry.observe_engine(engine)
    engine.dispose()


def ask(seen: Capture, view: Callable[[], object], path: str = "/x", environ: dict[str, str] | None = None) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    app.add_url_rule(path, view_func=lambda: str(view()), endpoint="x")
    app.test_client().get(path, environ_overrides=environ or {})


def test_a_statement_is_a_client_span_of_its_request_with_its_shape_and_no_value(seen: Capture, engine: Engine) -> None:
    def view() -> None:
        with engine.begin() as connection:
            connection.execute(insert(people), {"id": 7, "name": "Ada Lovelace"})
            connection.execute(select(people).where(people.c.name == "Ada Lovelace")).all()

    ask(seen, view)
    server, inserted, selected = seen.span("GET /x"), seen.span("INSERT people"), seen.span("SELECT people")
    assert inserted.kind.name == selected.kind.name == "CLIENT"
    assert inserted.parent == selected.parent == server.context
    assert server.start_time <= inserted.start_time <= inserted.end_time <= selected.start_time
    assert selected.end_time <= server.end_time
    assert dict(inserted.attributes) == {
        "db.system.name": "sqlite",
        "db.operation.name": "INSERT",
        "db.collection.name": "people",
        "db.query.summary": "INSERT people",
        "db.query.text": "INSERT INTO people (id, name) VALUES (?, ?)",
    }
    assert "Ada" not in "".join(span.to_json() for span in seen.spans)


def test_a_statement_is_a_sample_whose_exemplar_is_its_span(seen: Capture, engine: Engine) -> None:
    def view() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    ask(seen, view)
    span = seen.span("SELECT")
    assert seen.value(f"{SECONDS}_count", operation="SELECT") == 1
    (exemplar,) = [s.exemplar for s in seen.samples if s.name == f"{SECONDS}_bucket" and s.exemplar]
    assert exemplar.labels["span_id"] == format(span.context.span_id, "016x")
    assert exemplar.value == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-6)


def test_a_statement_that_fails_says_why_by_class_and_code_but_not_by_message(seen: Capture, engine: Engine) -> None:
    """A message may quote a row."""

    def view() -> None:
        ada = insert(people), {"id": 7, "name": "Ada Lovelace"}
        with engine.begin() as connection:
            connection.execute(*ada)
            with pytest.raises(IntegrityError):
                connection.execute(*ada)

    ask(seen, view)
    _, failed = [span for span in seen.spans if span.name == "INSERT people"]
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "sqlite3.IntegrityError"
    assert failed.attributes["db.response.status_code"] == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert list(failed.events) == []
    assert seen.value(f"{SECONDS}_count", operation="INSERT") == 2


def test_a_statement_outside_of_any_span_leaves_nothing(seen: Capture, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert seen.spans == []
    assert seen.value(f"{SECONDS}_count") == 0


def test_a_statement_in_a_span_of_a_job_is_its_child(seen: Capture, engine: Engine) -> None:
    with trace.get_tracer("job").start_as_current_span("job"), engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert seen.span("SELECT").parent.span_id == seen.span("job").context.span_id


def test_a_health_check_leaves_no_span_and_no_sample_of_its_statements(seen: Capture, engine: Engine) -> None:
    def view() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    ask(seen, view, "/readyz")
    assert seen.spans == []
    assert seen.value(f"{SECONDS}_count") == 0


def test_a_statement_of_a_request_that_is_not_sampled_is_counted_without_exemplar(tmp_path: Path) -> None:
    with capture(Settings(service_name="shop", sampler="always_off")) as seen:
        engine = seen.telemetry.observe_engine(create_engine(f"sqlite:///{tmp_path}/shop.db"))

        def view() -> None:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))

        ask(seen, view)
        assert seen.spans == []
        assert seen.value(f"{SECONDS}_count", operation="SELECT") == 1
        assert not [s for s in seen.samples if s.name.startswith(SECONDS) and s.exemplar]
        engine.dispose()


def counts(seen: Capture) -> tuple[float, float]:
    name = "db_client_connection_count"
    return seen.value(name, state="idle"), seen.value(name, state="used")


def test_the_pool_says_how_many_connections_are_idle_and_used(seen: Capture, engine: Engine) -> None:
    assert counts(seen) == (0, 0)
    with engine.connect():
        assert counts(seen) == (0, 1)
        with engine.connect():
            assert counts(seen) == (0, 2)
        assert counts(seen) == (1, 1)
    assert counts(seen) == (1, 0)
    assert seen.value("db_client_connection_max") == 2
    engine.dispose()
    assert counts(seen) == (0, 0)


def test_a_connection_that_breaks_or_is_taken_out_of_the_pool_is_not_counted_any_more(
    seen: Capture, engine: Engine
) -> None:
    with engine.connect() as connection:
        connection.invalidate()
        assert counts(seen) == (0, 0)
    assert counts(seen) == (0, 0)
    with engine.connect() as connection:
        connection.detach()
        assert counts(seen) == (0, 0)
    assert counts(seen) == (0, 0)


def test_a_wait_for_a_connection_in_vain_is_counted(seen: Capture, engine: Engine) -> None:
    with engine.connect(), engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    assert seen.value("db_client_connection_timeouts_total") == 1


def test_a_connection_that_cannot_be_made_is_no_connection(seen: Capture) -> None:
    engine = seen.telemetry.observe_engine(create_engine("sqlite:////proc/nowhere/x.db"))
    with pytest.raises(OperationalError):
        engine.connect()
    assert counts(seen) == (0, 0)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "postgresql+psycopg://ada:secret@db.example/shop",
            {"db.system.name": "postgresql", "db.namespace": "shop", "server.address": "db.example"}
            | {"server.port": 5432},
        ),
        ("postgresql+psycopg:///shop", {"db.system.name": "postgresql", "db.namespace": "shop"}),
        ("sqlite:////tmp/shop.db", {"db.system.name": "sqlite"}),
    ],
)
def test_the_server_is_named_without_its_credentials(url: str, server: dict[str, object]) -> None:
    assert server_of(create_engine(url)) == server


def test_an_engine_without_telemetry_stays_as_it_is() -> None:
    engine = create_engine("sqlite://")
    assert Telemetry.off().observe_engine(engine) is engine
    assert "raw_connection" not in vars(engine)
