"""Samples and exemplars in SQLite."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clew.store import STALE, Exemplar, Labels, Matcher, Retention, Sample, SelectionError, Series, is_stale
from clew.store.sqlite.database import Database
from clew.store.sqlite.sample_retention import expire_samples, forget_empty_series
from clew.store.sqlite.schema import SAMPLES
from clew.store.sqlite.series import decoded, encoded, matching_series, with_keys
from clew.store.sqlite.values import int64, utf8

_INSERT = "INSERT OR IGNORE INTO point (series, timestamp_ms, value, stale) VALUES (?, ?, ?, ?)"
_REPLACE = "INSERT OR REPLACE INTO point (series, timestamp_ms, value, stale) VALUES (?, ?, ?, ?)"
_PUT_EXEMPLAR = "INSERT OR REPLACE INTO exemplar (series, timestamp_ms, trace_id, labels, value) VALUES (?, ?, ?, ?, ?)"
_WITHIN = "SELECT timestamp_ms, value, stale FROM point WHERE series = ? AND timestamp_ms BETWEEN ? AND ?"

Row = tuple[int, float | None, int]


class SqliteSampleStore:
    """`SampleStore` in one SQLite file. One process may append at a time: it remembers the keys of its series."""

    def __init__(self, path: Path, retention: Retention, *, read_only: bool = False) -> None:
        self.database = Database(path, SAMPLES, read_only=read_only)
        self._retention = retention
        self._keys: Mapping[Labels, int] = {}
        self._keys_lock = threading.Lock()

    def append(self, samples: Iterable[Sample], exemplars: Iterable[Exemplar] = ()) -> int:
        batch, tagged = list(samples), list(exemplars)
        if not batch and not tagged:
            return 0
        with self._keys_lock:
            with self.database.write() as connection:
                keys = with_keys(connection, _label_sets(batch, tagged), self._keys)
                rows = [(keys[sample.labels], int64(sample.timestamp_ms), *_stored(sample.value)) for sample in batch]
                new = connection.executemany(_INSERT, rows).rowcount if rows else 0
                if new < len(rows):
                    connection.executemany(_REPLACE, rows)
                connection.executemany(
                    _PUT_EXEMPLAR, [_exemplar_row(keys[exemplar.series], exemplar) for exemplar in tagged]
                )
            # Only now: keys of a transaction that was undone mean nothing.
            self._keys = keys
        return new

    def select(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, max_points: int | None = None
    ) -> Sequence[Series]:
        found: list[Series] = []
        left = -1 if max_points is None else max_points
        span = int64(from_ms), int64(to_ms)
        with self.database.read() as connection:
            for labels, key in matching_series(connection, matchers):
                limit = -1 if max_points is None else left + 1
                rows = connection.execute(f"{_WITHIN} ORDER BY timestamp_ms LIMIT ?", (key, *span, limit)).fetchall()
                if max_points is not None and len(rows) > left:
                    raise SelectionError(f"more than {max_points} samples match; narrow the time range or the labels")
                left -= len(rows)
                if rows:
                    found.append(Series(labels, _points(rows)))
        return found

    def last(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, skip_stale: bool = False
    ) -> Sequence[Series]:
        found: list[Series] = []
        newest = f"{_WITHIN}{' AND NOT stale' if skip_stale else ''} ORDER BY timestamp_ms DESC LIMIT 1"
        with self.database.read() as connection:
            for labels, key in matching_series(connection, matchers):
                rows = connection.execute(newest, (key, int64(from_ms), int64(to_ms))).fetchall()
                if rows:
                    found.append(Series(labels, _points(rows)))
        return found

    def exemplars(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, newest: int | None = None
    ) -> Sequence[Exemplar]:
        found: list[Exemplar] = []
        with self.database.read() as connection:
            for labels, key in matching_series(connection, matchers):
                rows = connection.execute(
                    "SELECT labels, timestamp_ms, value FROM exemplar WHERE series = ? AND timestamp_ms BETWEEN ? AND ?"
                    " ORDER BY timestamp_ms DESC, labels DESC LIMIT ?",
                    (key, int64(from_ms), int64(to_ms), -1 if newest is None else newest),
                ).fetchall()
                found += [_exemplar(labels, *row) for row in rows]
        return sorted(found, key=_age)

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT series.labels, exemplar.labels, timestamp_ms, value FROM exemplar"
                " JOIN series ON series.key = exemplar.series WHERE trace_id = ?",
                (utf8(trace_id),),
            ).fetchall()
        found = [_exemplar(decoded(series), *row) for series, *row in rows]
        return sorted(found, key=_age)

    def describe(self, metadata: Mapping[str, tuple[str, str, str]]) -> None:
        with self.database.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO family (name, type, help, unit) VALUES (?, ?, ?, ?)",
                [tuple(map(utf8, (name, *words))) for name, words in metadata.items()],
            )

    def metadata(self) -> Mapping[str, tuple[str, str, str]]:
        with self.database.read() as connection:
            rows = connection.execute("SELECT name, type, help, unit FROM family").fetchall()
        return {name: (type_, help_, unit) for name, type_, help_, unit in rows}

    def label_values(self, name: str) -> Sequence[str]:
        with self.database.read() as connection:
            series = matching_series(connection, ())
        return sorted({value for labels, _ in series for key, value in labels if key == name})

    def expire(self, *, now_s: float) -> int:
        oldest_kept = int64(int((now_s - self._retention.max_age_s) * 1000))
        deleted = expire_samples(self.database, oldest_kept_ms=oldest_kept, max_bytes=self._retention.max_bytes)
        with self._keys_lock:
            self._keys = {}
            with self.database.write() as connection:
                forget_empty_series(connection)
        return deleted

    def close(self) -> None:
        self.database.close()


def _label_sets(samples: Iterable[Sample], exemplars: Iterable[Exemplar]) -> Iterable[Labels]:
    yield from (sample.labels for sample in samples)
    yield from (exemplar.series for exemplar in exemplars)


def _stored(value: float) -> tuple[float | None, int]:
    """
    A value and whether it is a stale marker, as columns.
    """
    return (None, int(is_stale(value))) if math.isnan(value) else (value, 0)


def _points(rows: Iterable[Row]) -> tuple[tuple[int, float], ...]:
    return tuple(
        (moment, value if value is not None else STALE if stale else math.nan) for moment, value, stale in rows
    )


def _exemplar_row(key: int, exemplar: Exemplar) -> tuple[int, int, str, str, float]:
    trace_id = dict(exemplar.labels).get("trace_id", "")
    return key, int64(exemplar.timestamp_ms), utf8(trace_id), encoded(exemplar.labels), exemplar.value


def _exemplar(series: Labels, labels: str, timestamp_ms: int, value: float | None) -> Exemplar:
    return Exemplar(series, decoded(labels), timestamp_ms, math.nan if value is None else value)


def _age(exemplar: Exemplar) -> tuple[int, Labels, Labels]:
    return exemplar.timestamp_ms, exemplar.series, exemplar.labels
