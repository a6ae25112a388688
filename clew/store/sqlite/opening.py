"""Opening a database file: is it ours, is it of this version, and how it is set up."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from clew.store import StoreError
from clew.store.sqlite.errors import PURGE
from clew.store.sqlite.functions import add_functions
from clew.store.sqlite.schema import Schema

BUSY_TIMEOUT_MS = 5000


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """
    A connection in autocommit mode; *mode* is ``ro``, ``rw`` or ``rwc`` (https://www.sqlite.org/uri.html).
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA temp_store = MEMORY")
    add_functions(connection)
    return connection


def verify(path: Path, schema: Schema, *, must_exist: bool) -> None:
    """
    StoreError unless the file at *path* holds *schema*, or (unless it *must_exist*) is yet to be made. It is only read.
    """
    if not path.exists() or path.stat().st_size == 0:
        if must_exist:
            raise StoreError(f"there is no store at {path}; `clew up` makes one")
        return
    connection = connect(path, mode="ro")
    try:
        application_id, version, tables = (
            int(connection.execute(question).fetchone()[0])
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
        )
    finally:
        connection.close()
    if application_id == version == tables == 0:
        if must_exist:
            raise StoreError(f"the store at {path} is just being made; try again")
    elif application_id != schema.application_id:
        raise StoreError(f"{path}: this database is not a store of {schema.name}; move it away, or {PURGE}")
    elif version != schema.version:
        raise StoreError(
            f"{path}: the store has schema version {version}, this program reads version {schema.version}; "
            f"{PURGE}, or run the program that wrote it"
        )


def create(path: Path, schema: Schema) -> sqlite3.Connection:
    """
    A connection that writes to the file at *path*, which is made, and filled with tables, where it is empty.
    """
    connection = connect(path, mode="rwc")
    try:
        # Has to come before the first table: later it would need a rewrite of the file.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # Redaction happens before anything is stored; overwriting deleted rows with zeros would double the writes.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA cache_size = -8000")
        # 16 MB of log before it goes into the file: a fifth more lines per second than SQLite's default of 4 MB.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.executescript(schema.script())
    except BaseException:
        connection.close()
        raise
    return connection
