"""The stores on SQLite, and what only concerns the database of a service without ``DATABASE_URL``."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from observability import Problem, Settings, SettingsError, Telemetry
from observability.testing import capture
from services.shared.database import Database, _use_wal
from services.user.store import SqlUsers
from tests.services.store_suite import *  # noqa: F403
from tests.services.store_suite import user


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_no_connection_is_open_once_the_tables_are_there(settings: Settings, tmp_path: Path) -> None:
    """A forked worker must not inherit one: SQLite's locks and Postgres' protocol would break."""
    before = {os.readlink(f"/proc/self/fd/{number}") for number in _open_files()}
    SqlUsers(Database.from_settings(settings, Telemetry.off(), name="user"))
    after = {os.readlink(f"/proc/self/fd/{number}") for number in _open_files()}
    assert not [name for name in after - before if str(tmp_path) in name]


def _open_files() -> list[str]:
    return [name for name in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{name}")]


def test_a_new_file_that_another_process_is_setting_up_is_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not wait here by itself, whatever its busy timeout is."""
    with closing(sqlite3.connect(tmp_path / "user.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(_use_wal.retry, "sleep", lambda _: other.execute("COMMIT"))  # type: ignore[attr-defined]
        SqlUsers(Database.from_settings(settings, Telemetry.off(), name="user"))
        assert not other.in_transaction


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database_url": "no url at all"}, "DATABASE_URL is no SQLAlchemy URL"),
        ({"database_url": "nosuch://host/db"}, "DATABASE_URL is no SQLAlchemy URL"),
        ({"data_dir": Path("/proc/nowhere")}, "DATA_DIR /proc/nowhere cannot be made"),
        ({"database_url": "sqlite:////proc/nowhere/x.db"}, "unable to open database file. See DATA_DIR and DATABASE"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_at_the_start(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        SqlUsers(Database.from_settings(Settings(service_name="user", **changes), Telemetry.off(), name="user"))  # type: ignore[arg-type]


def test_a_database_that_fails_later_is_unavailable_and_logged_without_any_value(
    settings: Settings, tmp_path: Path
) -> None:
    with capture(settings) as seen:
        database = Database.from_settings(settings, seen.telemetry, name="user")
        users = SqlUsers(database)
        with sqlite3.connect(tmp_path / "user.db") as other:
            other.execute("DROP TABLE users")
        with pytest.raises(Problem, match="database does not answer") as refused:
            users.add(user(name="Ada Lovelace"), "$argon2id$the-hash")
        assert refused.value.word == "unavailable"
        assert seen.events("dependency.failed")[0]["labels"]["dependency"] == "database"
        with pytest.raises(Problem):
            users.ping()
        assert b"Lovelace" not in b"".join(seen.raw_lines)
        assert b"the-hash" not in b"".join(seen.raw_lines)
        database.close()
