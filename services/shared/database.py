"""
One database per service: a SQLite file unless ``DATABASE_URL`` says otherwise, for example
``postgresql+psycopg://clew@127.0.0.1/clew``.

A crash of the process loses nothing that was committed. With SQLite, a power cut may take the last moments
(``synchronous=NORMAL``); a transaction is whole or absent in any case. A database that goes away and comes back needs
no restart: each connection is tried before it is used again.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from observability import Problem, Settings, SettingsError, Telemetry
from services.shared.deadline import time_left
from services.shared.migrations import migrate

BUSY_S = 2.0
"""Longest wait for a connection, for another writer of the same SQLite file, and for a lock in Postgres."""

SHORTEST_S = 0.001
"""Less time than that is none: limits are whole milliseconds, and 0 would mean that there is no limit."""

DOWN = (OperationalError, InterfaceError, PoolTimeoutError)
"""What SQLAlchemy raises when the database is not there, too slow or too busy."""


class Database:
    """
    Transactions on one engine; safe to share between threads, and to take along into forked processes.
    """

    def __init__(self, engine: Engine, telemetry: Telemetry, *, name: str) -> None:
        self._engine = engine
        self._telemetry = telemetry
        self._name = name
        _leave_connections_to_parent(engine)

    @classmethod
    def from_settings(cls, settings: Settings, telemetry: Telemetry, *, name: str) -> Database:
        """
        The database of the service *name*: a file of that name where no URL is set. Nothing is opened yet.

        :raises SettingsError: when ``DATABASE_URL`` cannot be used.
        """
        file = settings.data_dir / f"{name}.db"
        try:
            engine = _engine(make_url(settings.database_url or f"sqlite:///{file}"), settings)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(["DATABASE_URL is no SQLAlchemy URL whose driver is installed here."]) from None
        if not settings.database_url:
            _make_directory(settings.data_dir)
        return cls(engine, telemetry, name=name)

    def prepare(self, migrations: Path) -> None:
        """
        Apply what is missing of the files in *migrations*, however many processes do so at once; observe what is done
        from then on. To be called once. Afterwards no connection is open.

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
        self._telemetry.observe_engine(self._engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """
        All or nothing: committed at the end of the block, rolled back when it raises. No statement of it waits
        for longer than the caller does.

        :raises Problem: ``unavailable`` when the database does not answer, ``timeout`` when our caller's time was too
            short for it; logged as ``dependency.failed``.
        """
        left, began = time_left(), time.monotonic()
        if left is not None and left < SHORTEST_S:
            raise Problem("timeout", "The time for this request was up before its data was asked for.")
        try:
            with self._engine.begin() as connection:
                _limit(connection, left, self._telemetry.settings.call_timeout_s)
                yield connection
        except DOWN as error:
            said = "The database did not answer."
            labels = {"dependency": "database"}
            self._telemetry.log("dependency.failed", said, level="error", error=error, labels=labels)
            if left is not None and time.monotonic() - began > 0.9 * left:
                raise Problem("timeout", "The database did not answer within the time for this request.") from error
            raise _unavailable() from error

    def ping(self, table: str) -> None:
        """
        :raises Problem: ``unavailable`` when *table* cannot be read. Nothing is logged.
        """
        try:
            with self._engine.connect() as connection:
                connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))
        except DOWN as error:
            raise _unavailable() from error

    def close(self) -> None:
        """
        Close every connection.
        """
        self._engine.dispose()


def _limit(connection: Connection, left_s: float | None, usual_s: float) -> None:
    """
    No statement of this transaction waits for longer than *left_s*, nor than usual. Not through SQLAlchemy: it is
    nobody's query, and shall be in no trace.
    """
    backend = connection.dialect.name
    if backend == "sqlite":
        limit_s = BUSY_S if left_s is None else min(BUSY_S, left_s)
        limit = f"PRAGMA busy_timeout = {int(limit_s * 1000)}"  # the connection keeps it: said anew each time
    elif backend == "postgresql" and left_s is not None and left_s < usual_s:
        limit = f"SET LOCAL statement_timeout = {int(left_s * 1000)}"
    else:
        return
    cursor: _Cursor = connection.connection.cursor()
    cursor.execute(limit)
    cursor.close()


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


def _engine(url: URL, settings: Settings) -> Engine:
    # a thread needs one connection at a time; without hide_parameters, errors would carry names and hashes into the log
    engine = create_engine(
        url, hide_parameters=True, pool_size=settings.threads, max_overflow=0, pool_timeout=BUSY_S,
        pool_pre_ping=url.get_backend_name() != "sqlite", connect_args=connect_arguments(url, settings),
    )
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def connect_arguments(url: URL, settings: Settings) -> dict[str, object]:
    """
    Time limits, unless the URL has its own: no statement outlasts the patience of whoever called the service.
    """
    if url.get_backend_name() == "sqlite":
        return {"timeout": BUSY_S}
    if url.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    call_ms, lock_ms = round(settings.call_timeout_s * 1000), round(BUSY_S * 1000)
    limits = {"statement_timeout": call_ms, "lock_timeout": lock_ms, "idle_in_transaction_session_timeout": 2 * call_ms}
    wanted: dict[str, object] = {
        "connect_timeout": math.ceil(BUSY_S),
        "tcp_user_timeout": call_ms,
        "application_name": settings.service_name,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    return {name: value for name, value in wanted.items() if name not in url.query}


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor: _Cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@retry(
    retry=retry_if_exception(lambda error: getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY),
    wait=wait_random(0.001, 0.01), stop=stop_after_delay(BUSY_S), reraise=True,
)
def _use_wal(cursor: _Cursor) -> None:
    """Of several processes that do this to a new file, SQLite refuses some at once, whatever its busy timeout is."""
    cursor.execute("PRAGMA journal_mode = WAL")


def _leave_connections_to_parent(engine: Engine) -> None:
    """
    SQLite's locks and Postgres' protocol would break if a forked process went on with its parent's connections.
    """
    reference = weakref.ref(engine)

    def forget() -> None:
        engine = reference()
        if engine is not None:
            engine.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
