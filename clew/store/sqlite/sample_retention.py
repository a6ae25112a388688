"""Deleting old samples and exemplars. Points lie by series, so old ones are everywhere: a moment is cut off in each."""

from __future__ import annotations

import sqlite3

from clew.store.sqlite.database import Database
from clew.store.sqlite.retention import expire

DELETED_AT_ONCE = 20_000
"""A transaction ends with the series that brings it to this many points."""
CUT_AT_ONCE_MS = 3_600_000
"""A store that is too large loses its oldest hour (or twentieth, if that is less), then looks again."""

_ENDS = (
    "SELECT min((SELECT timestamp_ms FROM point WHERE series = key ORDER BY timestamp_ms LIMIT 1)),"
    " max((SELECT timestamp_ms FROM point WHERE series = key ORDER BY timestamp_ms DESC LIMIT 1)) FROM series"
)
_EMPTY = (
    "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM point WHERE point.series = key)"
    " AND NOT EXISTS (SELECT 1 FROM exemplar WHERE exemplar.series = key)"
)


def expire_samples(database: Database, *, oldest_kept_ms: int, max_bytes: int) -> int:
    """
    Delete what is older than *oldest_kept_ms*, then the oldest until the file fits into *max_bytes*; how many samples.
    """
    cut = _Cut(database)
    expire(
        database,
        max_bytes=max_bytes,
        delete_old=lambda: cut.before(oldest_kept_ms),
        delete_oldest=cut.oldest,
    )
    return cut.samples


def forget_empty_series(connection: sqlite3.Connection) -> None:
    """
    Delete the series that have neither a point nor an exemplar left.
    """
    connection.execute(_EMPTY)


class _Cut:
    """
    Cuts batches off and counts the samples among them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.samples = 0

    def before(self, moment_ms: int) -> int:
        with self._database.write() as connection:
            exemplars = connection.execute("DELETE FROM exemplar WHERE timestamp_ms < ?", (moment_ms,)).rowcount
            samples = 0
            for (key,) in connection.execute("SELECT key FROM series").fetchall():
                if samples >= DELETED_AT_ONCE:
                    break
                samples += connection.execute(
                    "DELETE FROM point WHERE series = ? AND timestamp_ms < ?", (key, moment_ms)
                ).rowcount
        self.samples += samples
        return samples + exemplars

    def oldest(self) -> int:
        with self._database.read() as connection:
            first_ms, last_ms = connection.execute(_ENDS).fetchone()
        if first_ms is None:
            return 0
        return self.before(first_ms + min((last_ms - first_ms) // 20, CUT_AT_ONCE_MS) + 1)
