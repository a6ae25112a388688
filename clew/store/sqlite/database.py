"""
One SQLite file: one connection that writes, a few that read, and what they promise.

WAL mode: readers, of this process or another, never wait for the writer and see whole transactions only. A commit
outlives the process (kill -9); a power cut may take the last moments, never the file (synchronous = NORMAL).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clew.store import StoreError
from clew.store.sqlite.errors import explaining
from clew.store.sqlite.opening import connect, create, verify
from clew.store.sqlite.schema import Schema

IDLE_READERS = 4
"""Reading connections kept open for the next question; more are opened when asked and closed afterwards."""


class Database:
    """
    The file at *path*, made if it does not exist (unless *read_only*). StoreError if it is something else, or of
    another version; it is then left as it was.
    """

    def __init__(self, path: Path, schema: Schema, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._readers_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._writer: sqlite3.Connection | None = None
        with explaining(path):
            verify(path, schema, must_exist=read_only)
            if not read_only:
                self._writer = create(path, schema)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """
        A transaction: kept whole when the block ends, undone when it raises. One at a time.
        """
        with self._lock, explaining(self.path):
            connection = self._writing()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """
        A connection that sees one moment of the database for as long as the block lasts. Keep it short: the write-ahead
        log cannot shrink meanwhile.
        """
        with explaining(self.path):
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection)

    def used_bytes(self) -> int:
        """
        Bytes of pages that hold something; the file is larger by what `shrink` can give back.
        """
        with self.read() as connection:
            pages, free, size = (
                int(connection.execute(f"PRAGMA {what}").fetchone()[0])
                for what in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def file_bytes(self) -> int:
        """
        Bytes on disk, the write-ahead log included.
        """
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def checkpoint(self) -> None:
        """
        Bring the write-ahead log into the file and empty it, as far as readers allow.
        """
        with self._lock, explaining(self.path):
            self._writing().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def shrink(self, *, pages_at_once: int = 2000) -> None:
        """
        Give pages that hold nothing back to the disk, without keeping writers waiting for long.
        """
        left = -1
        while True:
            with self._lock, explaining(self.path):
                connection = self._writing()
                free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
                if free in (0, left):
                    break
                left = free
                # Each step frees one page, so all rows have to be fetched.
                connection.execute(f"PRAGMA incremental_vacuum({pages_at_once})").fetchall()
        self.checkpoint()

    def close(self) -> None:
        """
        Close all connections that are not in use; those that are, when their question is answered.
        """
        with self._readers_lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._lock, explaining(self.path):
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _writing(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"{self.path}: the store was closed")
        if self._writer is None:
            raise StoreError(f"{self.path}: the store was opened for reading only")
        return self._writer

    def _take(self) -> sqlite3.Connection:
        with self._readers_lock:
            if self._closed:
                raise StoreError(f"{self.path}: the store was closed")
            if self._idle:
                return self._idle.pop()
        return connect(self.path, mode="ro")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._readers_lock:
            if not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()
