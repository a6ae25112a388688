"""
Counts that end by themselves, shared by all processes of one machine: a storage for the limits library, whose own ones
either stay in one process or need a server.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from limits.storage import Storage

BUSY_S = 0.1
"""Longest wait for another process that counts; a count is not worth more of a request's time."""
SWEEP_S = 10.0

_SCHEMA = "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER, ends REAL) WITHOUT ROWID"
_ADD = """
INSERT INTO counts VALUES (:key, :amount, :now + :expiry) ON CONFLICT (key) DO UPDATE SET
    count = iif(ends <= :now, :amount, count + :amount), ends = iif(ends <= :now, :now + :expiry, ends)
RETURNING count
"""


class SharedCounts(Storage):
    """
    Counts in one SQLite file, which may be lost at any time: it is never synced.

    Nothing is opened before the first use, and again after a fork. Safe to share between threads.

    :param clock: Unix seconds, the same for all processes.
    """

    STORAGE_SCHEME = None

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._file = file
        self._clock = clock
        self._lock = Lock()
        self._pid = 0
        self._swept = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock()
        row = self._one(_ADD, {"key": key, "amount": amount, "now": now, "expiry": expiry})
        if now >= self._swept + SWEEP_S:
            self._swept = now
            self._one("DELETE FROM counts WHERE ends <= :now", {"now": now})
        return int(row[0]) if row else amount

    def get(self, key: str) -> int:
        row = self._one("SELECT count FROM counts WHERE key = :key AND ends > :now", {"key": key, "now": self._clock()})
        return int(row[0]) if row else 0

    def get_expiry(self, key: str) -> float:
        row = self._one("SELECT ends FROM counts WHERE key = :key", {"key": key})
        return float(row[0]) if row else self._clock()

    def check(self) -> bool:
        return self._one("SELECT 1", {}) is not None

    def reset(self) -> int | None:
        self._one("DELETE FROM counts", {})
        return None

    def clear(self, key: str) -> None:
        self._one("DELETE FROM counts WHERE key = :key", {"key": key})

    def _one(self, statement: str, values: dict[str, object]) -> tuple[float, ...] | None:
        with self._lock:
            if self._pid != os.getpid():
                self._connection = self._open()
                self._pid = os.getpid()
            rows: list[tuple[float, ...]] = self._connection.execute(statement, values).fetchall()
            return rows[0] if rows else None

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _SCHEMA):
            connection.execute(statement)
        return connection
