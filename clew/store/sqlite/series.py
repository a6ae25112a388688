"""Label sets and their keys."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from clew.store import Labels, Matcher
from clew.store.matching import series_matcher
from clew.store.sqlite.values import utf8


def with_keys(
    connection: sqlite3.Connection, wanted: Iterable[Labels], known: Mapping[Labels, int]
) -> Mapping[Labels, int]:
    """
    *known* with the keys of all label sets in *wanted*, new ones made. They count once the transaction does.
    """
    fresh: dict[Labels, int] = {}
    for labels in wanted:
        if labels not in known and labels not in fresh:
            text = encoded(labels)
            row = connection.execute("SELECT key FROM series WHERE labels = ?", (text,)).fetchone()
            if row is None:
                row = connection.execute(
                    "INSERT INTO series (name, labels) VALUES (?, ?) RETURNING key", (utf8(_name(labels)), text)
                ).fetchone()
            fresh[labels] = int(row[0])
    return {**known, **fresh} if fresh else known


def matching_series(connection: sqlite3.Connection, matchers: Sequence[Matcher]) -> list[tuple[Labels, int]]:
    """
    The series that match, sorted by labels.
    """
    matches = series_matcher(matchers)
    name = next((m.value for m in matchers if m.name == "__name__" and m.op == "=" and m.value), None)
    if name is None:
        rows = connection.execute("SELECT key, labels FROM series").fetchall()
    else:
        rows = connection.execute("SELECT key, labels FROM series WHERE name = ?", (utf8(name),)).fetchall()
    found = ((decoded(text), int(key)) for key, text in rows)
    return sorted((labels, key) for labels, key in found if matches(labels))


def encoded(labels: Labels) -> str:
    """
    *labels* as text, the same for the same labels.
    """
    return json.dumps(labels, separators=(",", ":"))


def decoded(text: str) -> Labels:
    """
    The labels that `encoded` wrote.
    """
    return tuple((name, value) for name, value in json.loads(text))


def _name(labels: Labels) -> str:
    return next((value for name, value in labels if name == "__name__"), "")
