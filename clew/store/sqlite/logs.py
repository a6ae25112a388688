"""Log documents in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clew.store import LogFilter, LogLine, Retention
from clew.store.sqlite.accounts import Entries, stored_by_instance
from clew.store.sqlite.database import Database
from clew.store.sqlite.log_query import conditions
from clew.store.sqlite.log_row import INSERT, UPDATE, row_of, service_and_instance
from clew.store.sqlite.row_retention import expire_rows
from clew.store.sqlite.schema import LOGS
from clew.store.sqlite.values import int64, utf8


class SqliteLogStore:
    """`LogStore` in one SQLite file."""

    def __init__(self, path: Path, retention: Retention, *, read_only: bool = False) -> None:
        self.database = Database(path, LOGS, read_only=read_only)
        self._retention = retention

    def append(self, lines: Iterable[LogLine]) -> int:
        # Everything that can be done before the lock is: the writer is shared.
        batch = [(line, row_of(line)) for line in lines]
        if not batch:
            return 0
        entries = Entries()
        with self.database.write() as connection:
            keys = _index_keys(connection, {line.index for line, _ in batch})
            cursor = connection.cursor()
            for line, row in batch:
                numbered = (keys[line.index], *row)
                if cursor.execute(INSERT, numbered).rowcount:
                    entries.add(*service_and_instance(line), line.timestamp_ns)
                else:
                    cursor.execute(UPDATE, numbered)
            return entries.save(connection)

    def select(self, where: LogFilter) -> Sequence[LogLine]:
        sql, values = conditions(where, before=where.before)
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT (SELECT name FROM log_index WHERE key = index_key), id, timestamp_ns, document"
                f" FROM line{sql} ORDER BY timestamp_ns DESC, sequence DESC, id DESC LIMIT ?",
                (*values, where.limit),
            ).fetchall()
        return [LogLine(index, id_, timestamp_ns, json.loads(document)) for index, id_, timestamp_ns, document in rows]

    def count(self, where: LogFilter) -> int:
        sql, values = conditions(where)
        with self.database.read() as connection:
            return int(connection.execute(f"SELECT count(*) FROM line{sql}", values).fetchone()[0])

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]:
        sql, values = conditions(where, within=(from_ns, to_ns))
        slices: dict[str, list[int]] = {}
        with self.database.read() as connection:
            # The division is of integers unless the product is beyond 64 bits, which SQLite then makes a float.
            rows = connection.execute(
                "SELECT level, CAST((timestamp_ns - ?) * ? / ? AS INTEGER), count(*)"
                f" FROM line{sql} GROUP BY 1, 2",
                (int64(from_ns), steps, to_ns - from_ns, *values),
            ).fetchall()
        for level, at, count in rows:
            slices.setdefault(level, [0] * steps)[min(at, steps - 1)] += count
        return slices

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        with self.database.read() as connection:
            return stored_by_instance(connection)

    def expire(self, *, now_s: float) -> int:
        return expire_rows(self.database, self._retention, table="line", moment="timestamp_ns", now_s=now_s)

    def close(self) -> None:
        self.database.close()


def _index_keys(connection: sqlite3.Connection, names: Iterable[str]) -> Mapping[str, int]:
    """
    The numbers of the indices *names*, new ones made.
    """
    keys: dict[str, int] = {}
    for name in names:
        connection.execute("INSERT OR IGNORE INTO log_index (name) VALUES (?)", (utf8(name),))
        keys[name] = connection.execute("SELECT key FROM log_index WHERE name = ?", (utf8(name),)).fetchone()[0]
    return keys
