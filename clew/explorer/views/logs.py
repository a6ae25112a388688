"""
Log lines, newest first, with a histogram and counts to filter by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clew.explorer.filters import Query, Window
from clew.explorer.views.parts import Range
from clew.query import Readers
from clew.query.words import iso
from clew.store.model import LogFilter, LogLine

BARS = 90
LIMIT, MOST = 100, 500
LEVELS = ("fatal", "critical", "error", "warn", "warning", "info", "debug", "trace")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class LogsQuery:
    """What the page's address asks for."""

    where: LogFilter
    window: Window

    @classmethod
    def of(cls, query: Query, now_s: float) -> LogsQuery:
        """
        ``q`` text, ``service`` and ``level`` (each may be repeated), ``trace``, any dotted field, ``last`` or
        ``from``/``to``, ``before`` (a place in the list), ``limit``.
        """
        window = query.window(now_s)
        where = LogFilter(
            text=query.one("q"),
            services=query.all("service"),
            levels=query.all("level"),
            trace_id=query.hex_id("trace", 32),
            fields=query.fields(),
            from_ns=window.from_ns,
            to_ns=window.to_ns,
            before=query.cursor("before"),
            limit=query.number("limit", LIMIT, 1, MOST),
        )
        query.check()
        return cls(where, window)


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a document, by its dotted name."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line; *index* and *id* find it again, *fields* are all values of its document by dotted name."""

    at: str
    level: str
    service: str
    action: str
    message: str
    trace_id: str
    id: str
    index: str
    chips: tuple[Field, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class LevelBars:
    """Lines of one level per bar of the histogram."""

    level: str
    total: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to filter by: how many lines of the range have it (under all other filters), and whether it is chosen."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class LogsPage:
    """
    *total* lines match in the range; *lines* begins at the place that the address names. *next*: the place of the lines
    after these, empty at the end. *without_filters*: lines in the range, whatever the filters. *bar_ms*: milliseconds
    per bar of the histogram.
    """

    read_at: str
    range: Range
    text: str
    trace_id: str
    fields: tuple[Field, ...]
    total: int
    without_filters: int
    levels: tuple[Choice, ...]
    services: tuple[Choice, ...]
    bar_ms: float
    histogram: tuple[LevelBars, ...]
    lines: tuple[LogEntry, ...]
    next: str
    continued: bool


def logs(readers: Readers, query: LogsQuery, *, now_s: float) -> LogsPage:
    where, window = query.where, query.window
    span = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    bars = readers.logs.histogram(where, **span, steps=BARS)
    by_level = readers.logs.histogram(replace(where, levels=()), **span, steps=1) if where.levels else bars
    found = readers.logs.search(replace(where, limit=where.limit + 1))
    more, found = len(found) > where.limit, found[: where.limit]
    total = sum(sum(counts) for counts in bars.values())
    in_range = LogFilter(from_ns=window.from_ns, to_ns=window.to_ns)
    return LogsPage(
        read_at=iso(int(now_s * 1e9)),
        range=Range.of(window),
        text=where.text,
        trace_id=where.trace_id,
        fields=tuple(Field(name, value) for name, value in where.fields),
        total=total,
        without_filters=readers.logs.count(in_range),
        levels=_levels(by_level, where.levels),
        services=_services(readers, where, found),
        bar_ms=round((window.to_ns - window.from_ns) / BARS / 1e6, 3),
        histogram=tuple(LevelBars(level, sum(bars[level]), tuple(bars[level])) for level in sorted(bars, key=_worst)),
        lines=tuple(entry(line) for line in found),
        next="-".join(map(str, found[-1].cursor)) if more else "",
        continued=where.before is not None,
    )


def _worst(level: str) -> tuple[int, str]:
    return (LEVELS.index(level) if level in LEVELS else len(LEVELS), level)


def _levels(by_level: Mapping[str, Sequence[int]], chosen: Sequence[str]) -> tuple[Choice, ...]:
    counts = {level: sum(slices) for level, slices in by_level.items()}
    names = sorted({*counts, *chosen, "error", "warning", "info"}, key=_worst)
    return tuple(Choice(name, counts.get(name, 0), name in chosen) for name in names)


def _services(readers: Readers, where: LogFilter, found: Sequence[LogLine]) -> tuple[Choice, ...]:
    """Services that have written or traced anything, however long ago."""
    known = {service for service, _ in readers.logs.count_by_instance()}
    known |= {*readers.traces.services(), *where.services, *(str(line.get("service.name", "")) for line in found)}
    return tuple(
        Choice(service, readers.logs.count(replace(where, services=(service,))), service in where.services)
        for service in sorted(known - {""})
    )


_CHIPS = ("error.type", "http.response.status_code", "order.id", "event.action")
_HTTP_CHIPS = ("http.response.status_code", "http.route", "order.id")


def entry(line: LogLine) -> LogEntry:
    fields = tuple(_flat(line.document))
    by_name = {field.name: field for field in fields}
    action = str(line.get("event.action", ""))
    chips = _HTTP_CHIPS if action == "request.finished" else _CHIPS
    return LogEntry(
        at=iso(line.timestamp_ns),
        level=str(line.get("log.level", "")),
        service=str(line.get("service.name", "")),
        action=action,
        message=str(line.get("message", "")),
        trace_id=str(line.get("trace.id", "")),
        id=line.id,
        index=line.index,
        chips=tuple(by_name[name] for name in chips if name in by_name),
        fields=fields,
    )


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[Field]:
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield Field(name, value)
