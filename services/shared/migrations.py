"""
A database's schema, brought up to date by Alembic at the start of a service: no ``alembic.ini``, no command.

A service's migrations are the files of one directory, in order of their names; a file's name is its revision. Which
ones a database has seen stands in its table ``<service>_schema_version``, so that services may share a database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from observability import SettingsError

LOCK = 4_936_172_001
"""Any number: Postgres' advisory lock that lets one process at a time change a schema."""
LONGEST_WAIT_MS = 60_000
"""How long a process waits for another one that changes the same schema."""


def revisions(directory: Path) -> list[str]:
    """
    The names of the migrations in *directory*, the first one first.
    """
    return sorted(path.stem for path in directory.glob("r[0-9]*.py"))


def migrate(engine: Engine, directory: Path, *, service: str) -> None:
    """
    Apply what is missing, all of it or nothing. Any number of processes may do so at once: one works, the others wait.

    Alembic is loaded only when something is missing, so that a usual start does not pay for it.

    :raises SettingsError: when a newer version of the service has changed the database.
    :raises sqlalchemy.exc.DBAPIError: when the database cannot be used.
    """
    known = revisions(directory)
    with engine.connect() as connection:
        if _missing(connection, known, service):
            connection.rollback()
            with _alone(connection):
                if _missing(connection, known, service):
                    _upgrade(connection, directory, _table(service))


def _table(service: str) -> str:
    return f"{service}_schema_version"


def _missing(connection: Connection, known: list[str], service: str) -> bool:
    table = _table(service)
    if not inspect(connection).has_table(table):
        return True
    version = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()
    if version is not None and version not in known:
        where = connection.engine.url.render_as_string(hide_password=True)
        raise SettingsError(
            [
                f"The database {where} belongs to a newer version of the {service} service: its schema is {version}, "
                f"and this version knows none after {known[-1]}. Start the newer version, or choose another database "
                "with DATABASE_URL or DATA_DIR."
            ]
        )
    return version != known[-1]


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """
    A transaction that no other process can have at the same time, schema changes included.
    """
    if connection.dialect.name == "postgresql":
        with connection.begin():
            connection.execute(text(f"SET LOCAL statement_timeout = {LONGEST_WAIT_MS}"))
            connection.execute(text(f"SET LOCAL lock_timeout = {LONGEST_WAIT_MS}"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            yield
    elif connection.dialect.name == "sqlite":
        # Python's driver begins no transaction before a schema change: each would be one of its own
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {LONGEST_WAIT_MS}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
    else:
        with connection.begin():
            yield


def _upgrade(connection: Connection, directory: Path, table: str) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its notes say nothing about this service
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(directory), version_locations=[str(directory)])
    context = MigrationContext.configure(connection, opts={"version_table": table})
    pending = list(scripts.iterate_revisions("heads", context.get_current_revision() or "base"))
    with Operations.context(context):
        for script in reversed(pending):
            script.module.upgrade()
            context.stamp(scripts, script.revision)
