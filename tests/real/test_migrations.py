"""Schemas on Postgres: from nothing, from the first release, by many processes at once, and never backwards."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import DBAPIError

from observability import Settings, SettingsError, Telemetry
from services.shared.database import Database
from services.shared.migrations import migrate, revisions
from tests.real.postgres import Postgres
from tests.services.test_migrations import FIRST, FIRST_RELEASE, NEXT, STORES, differences


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "r0001_first.py").write_text(FIRST)
    (tmp_path / "r0002_next.py").write_text(NEXT)
    return tmp_path


def prepare(settings: Settings, name: str) -> None:
    Database.from_settings(settings, Telemetry.off(), name=name).prepare(STORES[name].MIGRATIONS)


def version(postgres: Postgres, database: str, name: str) -> list[tuple[object, ...]]:
    return postgres.execute(f"SELECT version_num FROM {name}_schema_version", database)


@pytest.mark.parametrize("name", STORES)
def test_an_empty_database_gets_exactly_the_tables_that_the_code_declares(settings: Settings, name: str) -> None:
    prepare(settings, name)
    assert differences(create_engine(settings.database_url), STORES[name].metadata, name) == []


@pytest.mark.parametrize("name", STORES)
def test_a_database_of_the_first_release_keeps_its_rows_and_learns_its_version(
    settings: Settings, postgres: Postgres, database: str, name: str
) -> None:
    for statement in FIRST_RELEASE[name]:
        postgres.execute(statement, database)
    prepare(settings, name)
    assert differences(create_engine(settings.database_url), STORES[name].metadata, name) == []
    assert version(postgres, database, name) == [(revisions(STORES[name].MIGRATIONS)[-1],)]
    assert postgres.execute(f"SELECT count(*) FROM {name}s", database) == [(1,)]


def test_both_services_may_share_a_database(settings: Settings, postgres: Postgres, database: str) -> None:
    prepare(settings, "order")
    prepare(settings, "user")
    tables = set(inspect(create_engine(settings.database_url)).get_table_names())
    assert {"orders", "users", "order_schema_version", "user_schema_version"} <= tables


def test_a_database_of_a_newer_version_is_refused_by_name_without_its_password(
    settings: Settings, postgres: Postgres, database: str
) -> None:
    prepare(settings, "order")
    postgres.execute("UPDATE order_schema_version SET version_num = 'r9999_later'", database)
    with_password = settings.database_url.replace("clew@", "clew:secret@")
    with pytest.raises(SettingsError, match="newer version of the order service: its schema is r9999_later") as refused:
        prepare(Settings(database_url=with_password), "order")
    assert "secret" not in str(refused.value)


def test_a_migration_that_fails_leaves_the_database_as_it_was(settings: Settings, scripts: Path) -> None:
    (scripts / "r0002_next.py").write_text(NEXT + "    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    engine = create_engine(settings.database_url)
    with pytest.raises(DBAPIError, match="nowhere"):
        migrate(engine, scripts, service="order")
    assert inspect(engine).get_table_names() == []


def _migrate(url: str, scripts: Path, start: Any, results: Any) -> None:
    start.wait(20)
    migrate(create_engine(url), scripts, service="order")
    results.put("done")


def test_processes_that_start_at_once_apply_each_migration_once(
    settings: Settings, postgres: Postgres, database: str, scripts: Path
) -> None:
    """A second application of `create_table` would fail."""
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(6), fork.Queue()
    arguments = (settings.database_url, scripts, start, results)
    workers = [fork.Process(target=_migrate, args=arguments) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert version(postgres, database, "order") == [("r0002_next",)]
