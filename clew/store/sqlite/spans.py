"""Spans in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from clew.store import Retention, Span, SpanFilter
from clew.store.sqlite.accounts import Entries, stored_by_instance
from clew.store.sqlite.database import Database
from clew.store.sqlite.row_retention import expire_rows
from clew.store.sqlite.schema import SPANS
from clew.store.sqlite.span_content import content_of, span_of, text_within
from clew.store.sqlite.values import int64, utf8

_INSERT = (
    "INSERT OR IGNORE INTO span (trace_id, span_id, service, name, start_ns, duration_ns, error, content)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE span SET service = ?3, name = ?4, start_ns = ?5, duration_ns = ?6, error = ?7, content = ?8"
    " WHERE trace_id = ?1 AND span_id = ?2"
)

Condition = tuple[str, tuple[str | int, ...]]


class SqliteSpanStore:
    """`SpanStore` in one SQLite file."""

    def __init__(self, path: Path, retention: Retention, *, read_only: bool = False) -> None:
        self.database = Database(path, SPANS, read_only=read_only)
        self._retention = retention

    def append(self, spans: Iterable[Span]) -> int:
        batch = [(span, _row(span)) for span in spans]
        if not batch:
            return 0
        entries = Entries()
        with self.database.write() as connection:
            cursor = connection.cursor()
            for span, row in batch:
                if cursor.execute(_INSERT, row).rowcount:
                    entries.add(span.service, span.instance, span.start_ns)
                else:
                    cursor.execute(_UPDATE, row)
            return entries.save(connection)

    def trace(self, trace_id: str) -> Sequence[Span]:
        return self._spans("trace_id = ?", trace_id)

    def find_span(self, span_id: str) -> Sequence[Span]:
        return self._spans("span_id = ?", span_id)

    def search(self, where: SpanFilter) -> Sequence[str]:
        conditions = list(_conditions(where))
        sql = " WHERE " + " AND ".join(condition for condition, _ in conditions) if conditions else ""
        found: dict[str, None] = {}
        with self.database.read() as connection:
            # Read row by row: a page of traces is complete long before the table is.
            for (trace_id,) in connection.execute(
                f"SELECT trace_id FROM span{sql} ORDER BY start_ns DESC, trace_id DESC",
                tuple(value for _, values in conditions for value in values),
            ):
                if len(found) >= where.limit:
                    break
                found[trace_id] = None
        return list(found)

    def services(self) -> Mapping[str, Sequence[str]]:
        with self.database.read() as connection:
            rows = connection.execute("SELECT DISTINCT service, name FROM span ORDER BY service, name").fetchall()
        names: dict[str, list[str]] = {}
        for service, name in rows:
            names.setdefault(service, []).append(name)
        return names

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        with self.database.read() as connection:
            return stored_by_instance(connection)

    def expire(self, *, now_s: float) -> int:
        return expire_rows(self.database, self._retention, table="span", moment="start_ns", now_s=now_s)

    def close(self) -> None:
        self.database.close()

    def _spans(self, condition: str, value: str) -> Sequence[Span]:
        with self.database.read() as connection:
            rows = connection.execute(
                f"SELECT content FROM span WHERE {condition} ORDER BY start_ns, span_id", (utf8(value),)
            ).fetchall()
        return [span_of(content) for (content,) in rows]


def _row(span: Span) -> tuple[str | int, ...]:
    return (
        utf8(span.trace_id),
        utf8(span.span_id),
        utf8(span.service),
        utf8(span.name),
        int64(span.start_ns),
        int64(span.duration_ns),
        int(span.status == "error"),
        content_of(span),
    )


def _conditions(where: SpanFilter) -> Iterator[Condition]:
    if where.trace_ids:
        yield f"trace_id IN ({', '.join('?' * len(where.trace_ids))})", tuple(utf8(id_) for id_ in where.trace_ids)
    if where.service:
        yield "service = ?", (utf8(where.service),)
    if where.name:
        yield "name = ?", (utf8(where.name),)
    if where.error:
        yield "error = 1", ()
    if where.min_duration_ns:
        yield "duration_ns >= ?", (int64(where.min_duration_ns),)
    if where.max_duration_ns:
        yield "duration_ns <= ?", (int64(where.max_duration_ns),)
    if where.from_ns is not None:
        yield "start_ns >= ?", (int64(where.from_ns),)
    if where.to_ns is not None:
        yield "start_ns < ?", (int64(where.to_ns),)
    for name, value in where.attributes:
        # A cheap look before the exact one, which has to parse the span.
        yield "instr(content, ?) > 0 AND attribute_is(content, ?, ?)", (text_within(value), utf8(name), utf8(value))
