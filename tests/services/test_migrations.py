"""Schemas: from nothing, from what the first release made, by many processes at once, and never backwards."""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from observability import Settings, SettingsError, Telemetry
from services.order import store as order_store
from services.shared.database import Database
from services.shared.migrations import migrate, revisions
from services.user import store as user_store

STORES = {"order": order_store, "user": user_store}
FIRST_RELEASE = {
    "order": (
        "CREATE TABLE orders (id VARCHAR(30) NOT NULL, user_id VARCHAR(30) NOT NULL, items JSON NOT NULL,"
        " currency VARCHAR(3) NOT NULL, total_amount BIGINT NOT NULL, status VARCHAR(20) NOT NULL,"
        " created_at VARCHAR(27) NOT NULL, PRIMARY KEY (id))",
        "CREATE INDEX orders_of_user ON orders (user_id, created_at, id)",
        "INSERT INTO orders VALUES ('ord_1', 'usr_1', '[]', 'EUR', 0, 'placed', '2026-11-21T09:42:00.000000Z')",
    ),
    "user": (
        "CREATE TABLE users (id VARCHAR(30) NOT NULL, username VARCHAR(32) NOT NULL, name TEXT NOT NULL,"
        " password_hash VARCHAR(200) NOT NULL, created_at VARCHAR(27) NOT NULL, PRIMARY KEY (id), UNIQUE (username))",
        "INSERT INTO users VALUES ('usr_1', 'ada', 'Ada', 'hash', '2026-11-21T09:42:00.000000Z')",
    ),
}
NEXT = '''
import sqlalchemy as sa
from alembic import op

revision = "r0002_next"
down_revision = "r0001_first"


def upgrade() -> None:
    op.create_table("second", sa.Column("id", sa.Integer, primary_key=True))
'''
FIRST = NEXT.replace('"r0001_first"', "None").replace("r0002_next", "r0001_first").replace("second", "first")


def database(tmp_path: Path, name: str) -> Database:
    return Database.from_settings(Settings(data_dir=tmp_path), Telemetry.off(), name=name)


def engine(tmp_path: Path, name: str = "order") -> Engine:
    return create_engine(f"sqlite:///{tmp_path / name}.db")


def version(tmp_path: Path, name: str) -> str:
    with sqlite3.connect(tmp_path / f"{name}.db") as connection:
        return str(connection.execute(f"SELECT version_num FROM {name}_schema_version").fetchone()[0])


def differences(of: Engine, metadata: MetaData, name: str) -> list[object]:
    with of.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "version_table": f"{name}_schema_version"},
        )
        return list(compare_metadata(context, metadata))


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "r0001_first.py").write_text(FIRST)
    return directory


@pytest.mark.parametrize("name", STORES)
def test_an_empty_database_gets_exactly_the_tables_that_the_code_declares(tmp_path: Path, name: str) -> None:
    database(tmp_path, name).prepare(STORES[name].MIGRATIONS)
    assert differences(engine(tmp_path, name), STORES[name].metadata, name) == []
    assert version(tmp_path, name) == revisions(STORES[name].MIGRATIONS)[-1]


@pytest.mark.parametrize("name", STORES)
def test_a_database_of_the_first_release_keeps_its_rows_and_learns_its_version(tmp_path: Path, name: str) -> None:
    with sqlite3.connect(tmp_path / f"{name}.db") as connection:
        for statement in FIRST_RELEASE[name]:
            connection.execute(statement)
    database(tmp_path, name).prepare(STORES[name].MIGRATIONS)
    assert differences(engine(tmp_path, name), STORES[name].metadata, name) == []
    assert version(tmp_path, name) == revisions(STORES[name].MIGRATIONS)[-1]
    with sqlite3.connect(tmp_path / f"{name}.db") as connection:
        assert connection.execute(f"SELECT count(*) FROM {name}s").fetchone() == (1,)


@pytest.mark.parametrize("name", STORES)
def test_the_files_of_a_service_are_one_line_of_revisions_in_the_order_of_their_names(name: str) -> None:
    """What a start compares without Alembic is what Alembic sees."""
    directory = STORES[name].MIGRATIONS
    scripts = ScriptDirectory(str(directory), version_locations=[str(directory)])
    assert [script.revision for script in scripts.walk_revisions()][::-1] == revisions(directory)
    assert max(map(len, revisions(directory))) <= 32, "Alembic's column has room for 32 characters"


def test_a_database_of_a_newer_version_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    database(tmp_path, "order").prepare(order_store.MIGRATIONS)
    with sqlite3.connect(tmp_path / "order.db") as connection:
        connection.execute("UPDATE order_schema_version SET version_num = 'r9999_from_the_future'")
    with pytest.raises(SettingsError, match=r"newer version of the order service: its schema is r9999_from_the_future"):
        database(tmp_path, "order").prepare(order_store.MIGRATIONS)
    assert version(tmp_path, "order") == "r9999_from_the_future"


def test_what_is_missing_is_applied_and_nothing_twice(tmp_path: Path, scripts: Path) -> None:
    there = engine(tmp_path)
    for _ in range(2):
        migrate(there, scripts, service="order")
    (scripts / "r0002_next.py").write_text(NEXT)
    for _ in range(2):
        migrate(there, scripts, service="order")
    assert set(inspect(there).get_table_names()) == {"first", "second", "order_schema_version"}
    assert version(tmp_path, "order") == "r0002_next"


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, scripts: Path) -> None:
    migrate(engine(tmp_path), scripts, service="order")
    (scripts / "r0002_next.py").write_text(NEXT + "    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(DBAPIError, match="nowhere"):
        migrate(engine(tmp_path), scripts, service="order")
    assert set(inspect(engine(tmp_path)).get_table_names()) == {"first", "order_schema_version"}
    assert version(tmp_path, "order") == "r0001_first"


def test_two_services_may_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    for name, store in STORES.items():
        Database.from_settings(Settings(database_url=url), Telemetry.off(), name=name).prepare(store.MIGRATIONS)
    with sqlite3.connect(tmp_path / "shared.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"orders", "users", "order_schema_version", "user_schema_version"} <= tables


def _migrate(tmp_path: Path, scripts: Path, start: multiprocessing.synchronize.Barrier, results: object) -> None:
    start.wait(20)
    migrate(engine(tmp_path), scripts, service="order")
    results.put(version(tmp_path, "order"))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_processes_that_start_at_once_apply_each_migration_once(tmp_path: Path, scripts: Path) -> None:
    """A second application of `create_table` would fail."""
    (scripts / "r0002_next.py").write_text(NEXT)
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(6), fork.Queue()
    workers = [fork.Process(target=_migrate, args=(tmp_path, scripts, start, results)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=30) for _ in workers] == ["r0002_next"] * 6
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0


@pytest.mark.slow
def test_a_start_that_has_nothing_to_apply_does_not_load_alembic(tmp_path: Path) -> None:
    database(tmp_path, "order").prepare(order_store.MIGRATIONS)
    program = (
        "import sys; from pathlib import Path; from sqlalchemy import create_engine\n"
        "from services.shared.migrations import migrate\n"
        "migrate(create_engine('sqlite:///' + sys.argv[1]), Path(sys.argv[2]), service='order')\n"
        "print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "order.db"), str(order_store.MIGRATIONS)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_an_empty_version_table_means_that_nothing_was_applied(tmp_path: Path, scripts: Path) -> None:
    with engine(tmp_path).begin() as connection:
        connection.execute(text("CREATE TABLE order_schema_version (version_num VARCHAR(32) NOT NULL)"))
    migrate(engine(tmp_path), scripts, service="order")
    assert version(tmp_path, "order") == "r0001_first"
