"""
One database per service: a SQLite file unless ``DATABASE_URL`` says otherwise.

A crash of the process loses nothing that was committed. With SQLite, a power cut may take the last moments
(``synchronous=NORMAL``); a transaction is whole or absent in any case.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from observability import Problem, Settings, SettingsError, Telemetry
from services.shared.migrations import migrate

BUSY_S = 2.0
"""Longest wait for another writer of the same SQLite file."""


class Database:
    """
    Transactions on one engine; safe to share between threads, and before a fork as long as `prepare` came last.
    """

    def __init__(self, engine: Engine, telemetry: Telemetry, *, name: str) -> None:
        self._engine = engine
        self._name = name
        self._telemetry = telemetry

    @classmethod
    def from_settings(cls, settings: Settings, telemetry: Telemetry, *, name: str) -> Database:
        """
        The database of the service *name*: a file of that name where no URL is set. Nothing is opened yet.

        :raises SettingsError: when ``DATABASE_URL`` cannot be used.
        """
        file = settings.data_dir / f"{name}.db"
        try:
            engine = _engine(settings.database_url or f"sqlite:///{file}")
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(["DATABASE_URL is no SQLAlchemy URL whose driver is installed here."]) from None
        if not settings.database_url:
            _make_directory(settings.data_dir)
        return cls(engine, telemetry, name=name)

    def prepare(self, migrations: Path) -> None:
        """
        Apply what is missing of the files in *migrations*, however many processes do so at once. Afterwards no
        connection is open, so that this process may fork.

        :raises SettingsError: when the database cannot be opened, or a newer version of this service has changed it.
        """
        try:
            migrate(self._engine, migrations, service=self._name)
        except DBAPIError as error:
            where = self._engine.url.render_as_string(hide_password=True)
            said = str(error.orig).strip().split("\n")[0]
            complaint = f"The database {where} cannot be used: {said}. See DATA_DIR and DATABASE_URL."
            raise SettingsError([complaint]) from None
        finally:
            self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """
        All or nothing: committed at the end of the block, rolled back when it raises.

        :raises Problem: ``unavailable`` when the database does not answer; logged as ``dependency.failed``.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, PoolTimeoutError) as error:
            said = "The database did not answer."
            labels = {"dependency": "database"}
            self._telemetry.log("dependency.failed", said, level="error", error=error, labels=labels)
            raise _unavailable() from error

    def ping(self, table: str) -> None:
        """
        :raises Problem: ``unavailable`` when *table* cannot be read. Nothing is logged.
        """
        try:
            with self._engine.connect() as connection:
                connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))
        except (OperationalError, PoolTimeoutError) as error:
            raise _unavailable() from error

    def close(self) -> None:
        """
        Close every connection.
        """
        self._engine.dispose()


def _unavailable() -> Problem:
    return Problem("unavailable", "The database does not answer right now. Try again.", headers={"Retry-After": "1"})


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"DATA_DIR {path} cannot be made: {error.strerror}."]) from None


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...


def _engine(url: str) -> Engine:
    # without hide_parameters, every database error would carry names and password hashes into the log
    if not url.startswith("sqlite"):
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_timeout=BUSY_S)
    engine = create_engine(url, hide_parameters=True, pool_timeout=BUSY_S, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor: _Cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
