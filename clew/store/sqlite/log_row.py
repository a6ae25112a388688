"""A log line as a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from clew.store import LogLine
from clew.store.matching import as_text, searched_text
from clew.store.sqlite.values import int64, utf8

_COLUMNS = (
    "index_key", "id", "timestamp_ns", "sequence", "service", "level", "trace_id", "event_id", "request_id", "order_id",
    "user_id", "text", "document",
)

INSERT = f"INSERT OR IGNORE INTO line ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
"""Takes an index's key and a row; changes nothing where (index, id) is there already."""

_NUMBERED = {column: f"?{at}" for at, column in enumerate(_COLUMNS, 1)}
UPDATE = (
    f"UPDATE line SET {', '.join(f'{column} = {value}' for column, value in _NUMBERED.items())}"
    f" WHERE id = {_NUMBERED['id']} AND index_key = {_NUMBERED['index_key']}"
)
"""Takes the same; replaces the row that is there."""

FIELD_COLUMNS = {"http.request.id": "request_id", "order.id": "order_id", "user.id": "user_id"}
"""Fields that have a column and an index, besides those that `LogFilter` names and `event.id`."""


def row_of(line: LogLine) -> tuple[Any, ...]:
    """
    The columns of *line*, all but the index's key.
    """
    id_ = utf8(line.id)
    event_id = _column(line, "event.id")
    return (
        id_,
        int64(line.timestamp_ns),
        int64(line.sequence),
        _column(line, "service.name") or "",
        _column(line, "log.level") or "",
        _column(line, "trace.id"),
        event_id if event_id != id_ else None,
        *(_column(line, path) for path in FIELD_COLUMNS),
        utf8(searched_text(line)),
        _document(line),
    )


def service_and_instance(line: LogLine) -> tuple[str, str]:
    """
    Whose account the line belongs to.
    """
    return as_text(line.get("service.name")) or "", as_text(line.get("service.node.name")) or ""


def _column(line: LogLine, path: str) -> str | None:
    text = as_text(line.get(path))
    return None if text is None else utf8(text)


def _document(line: LogLine) -> str:
    try:
        return orjson.dumps(line.document).decode()
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and lone surrogates; the latter need the ASCII form to be storable at all.
        return _slow_document(line.document)


def _slow_document(document: Mapping[str, Any]) -> str:
    try:
        return json.dumps(document, default=str)
    except RecursionError:
        # A line made to hurt. Its plain fields say whose it is; the rest is not worth losing the batch.
        shallow = {name: "(nested too deeply)" if as_text(value) is None else value for name, value in document.items()}
        return json.dumps(shallow)
