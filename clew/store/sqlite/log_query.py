"""A `LogFilter` as an SQL condition."""

from __future__ import annotations

from collections.abc import Iterator

from clew.store import LogFilter
from clew.store.sqlite.log_row import FIELD_COLUMNS
from clew.store.sqlite.values import int64, utf8

Value = str | int
Cursor = tuple[int, int, str]


def conditions(
    where: LogFilter, *, before: Cursor | None = None, within: tuple[int, int] | None = None
) -> tuple[str, tuple[Value, ...]]:
    """
    `` WHERE …`` (or nothing) and its values. *within* narrows the time further, [from, to) in nanoseconds.
    """
    parts = [*_parts(where)]
    if before is not None:
        moment, sequence, id_ = before
        parts.append(("(timestamp_ns, sequence, id) < (?, ?, ?)", (int64(moment), int64(sequence), utf8(id_))))
    if within is not None:
        parts.append(("timestamp_ns >= ? AND timestamp_ns < ?", (int64(within[0]), int64(within[1]))))
    if not parts:
        return "", ()
    return " WHERE " + " AND ".join(sql for sql, _ in parts), tuple(value for _, values in parts for value in values)


def _parts(where: LogFilter) -> Iterator[tuple[str, tuple[Value, ...]]]:
    if where.index_prefix:
        prefix = utf8(where.index_prefix)
        yield "index_key IN (SELECT key FROM log_index WHERE substr(name, 1, ?) = ?)", (len(prefix), prefix)
    if where.from_ns is not None:
        yield "timestamp_ns >= ?", (int64(where.from_ns),)
    if where.to_ns is not None:
        yield "timestamp_ns < ?", (int64(where.to_ns),)
    if where.trace_id:
        yield "trace_id = ?", (utf8(where.trace_id),)
    for column, wanted in (("service", where.services), ("level", where.levels)):
        if wanted:
            yield f"{column} IN ({', '.join('?' * len(wanted))})", tuple(utf8(text) for text in wanted)
    for path, value in where.fields:
        yield _field(path, utf8(value))
    if where.text:
        yield "instr(text, ?) > 0", (utf8(where.text.casefold()),)


def _field(path: str, wanted: str) -> tuple[str, tuple[Value, ...]]:
    if path in FIELD_COLUMNS:
        return f"{FIELD_COLUMNS[path]} = ?", (wanted,)
    if path == "trace.id":
        return "trace_id = ?", (wanted,)
    if path == "event.id":
        return "(id = ? OR event_id = ?) AND field_is(document, ?, ?)", (wanted, wanted, path, wanted)
    if _stands_as_it_is(wanted):
        # A cheap look before the exact one, which has to parse the document.
        return "instr(document, ?) > 0 AND field_is(document, ?, ?)", (wanted, path, wanted)
    return "field_is(document, ?, ?)", (path, wanted)


def _stands_as_it_is(wanted: str) -> bool:
    """
    Whether a document that has *wanted* in a field contains this very text, however its JSON was written.
    """
    if not wanted.isascii() or not wanted.isprintable() or '"' in wanted or "\\" in wanted:
        return False
    try:
        float(wanted)
    except ValueError:
        return True
    # Writers of JSON spell exponents and "not a number" differently.
    return wanted.lstrip("-").replace(".", "").isdigit()
