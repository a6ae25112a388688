"""Deleting old log lines and spans: rows of one table, with a ledger beside it."""

from __future__ import annotations

from clew.store import Retention
from clew.store.sqlite.accounts import forget_oldest
from clew.store.sqlite.database import Database
from clew.store.sqlite.retention import expire
from clew.store.sqlite.values import int64

DELETED_AT_ONCE = 2000


def expire_rows(database: Database, retention: Retention, *, table: str, moment: str, now_s: float) -> int:
    """
    Delete the rows of *table* that are too old, then the oldest until the file fits; how many.

    :param moment: the column with a row's time, nanoseconds since the epoch.
    """
    oldest_kept = int64(int((now_s - retention.max_age_s) * 1e9))
    with database.write() as connection:
        forget_oldest(connection)

    def delete(where: str, *values: int) -> int:
        sql = f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table}{where} ORDER BY {moment} LIMIT ?)"
        with database.write() as connection:
            return connection.execute(sql, (*values, DELETED_AT_ONCE)).rowcount

    return expire(
        database,
        max_bytes=retention.max_bytes,
        delete_old=lambda: delete(f" WHERE {moment} < ?", oldest_kept),
        delete_oldest=lambda: delete(""),
    )
