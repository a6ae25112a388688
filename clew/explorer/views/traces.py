"""
Traces: a list and a scatter of start and duration.
"""

from __future__ import annotations

from dataclasses import dataclass

from clew.explorer.filters import Query, Window
from clew.explorer.views.parts import Range, TraceRow, trace_row
from clew.query import Readers, TraceSummary
from clew.query.words import iso
from clew.store.model import SpanFilter

LIMIT, MOST = 200, 1000
LISTED = 100


@dataclass(frozen=True, slots=True)
class TracesQuery:
    """What the page's address asks for."""

    where: SpanFilter
    window: Window
    sort: str

    @classmethod
    def of(cls, query: Query, now_s: float) -> TracesQuery:
        """
        ``service``, ``name``, ``error=on``, ``min`` and ``max`` (durations), any dotted span attribute, ``last`` or
        ``from``/``to``, ``sort`` (newest, slowest), ``limit``.
        """
        window = query.window(now_s)
        where = SpanFilter(
            service=query.one("service"),
            name=query.one("name"),
            error=query.switch("error"),
            min_duration_ns=query.duration_ns("min"),
            max_duration_ns=query.duration_ns("max"),
            attributes=query.fields(),
            from_ns=window.from_ns,
            to_ns=window.to_ns,
            limit=query.number("limit", LIMIT, 1, MOST),
        )
        sort = query.choice("sort", ("newest", "slowest"))
        query.check()
        return cls(where, window, sort)


@dataclass(frozen=True, slots=True)
class Names:
    """The span names of a service, to choose from."""

    service: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TracesPage:
    """
    The newest traces in which one span matches all filters, at most *limit* of them; *listed* of them stand in the
    page's list, all in its chart. *more*: there are older ones, and *older_than* is the range's end that shows them,
    together with those that overlap with the last one.
    """

    read_at: str
    range: Range
    service: str
    name: str
    error: bool
    min_ms: float
    max_ms: float
    attributes: tuple[tuple[str, str], ...]
    sort: str
    known: tuple[Names, ...]
    traces: tuple[TraceRow, ...]
    failed: int
    limit: int
    listed: int
    more: bool
    older_than: str


def traces(readers: Readers, query: TracesQuery, *, now_s: float) -> TracesPage:
    where = query.where
    found = readers.traces.search(where)
    rows = [trace_row(summary) for summary in found]
    order = {"newest": lambda row: -row.at_ms, "slowest": lambda row: -row.duration_ms}[query.sort]
    return TracesPage(
        read_at=iso(int(now_s * 1e9)),
        range=Range.of(query.window),
        service=where.service,
        name=where.name,
        error=where.error,
        min_ms=where.min_duration_ns / 1e6,
        max_ms=where.max_duration_ns / 1e6,
        attributes=where.attributes,
        sort=query.sort,
        known=tuple(Names(service, tuple(names)) for service, names in sorted(readers.traces.services().items())),
        traces=tuple(sorted(rows, key=order)),
        failed=sum(row.failed for row in rows),
        limit=where.limit,
        listed=min(LISTED, len(rows)),
        more=len(rows) == where.limit,
        older_than=iso(_older_than(found[-1], query.window)) if found else "",
    )


def _older_than(last: TraceSummary, window: Window) -> int:
    """
    Not its start: a trace that ran while the last one did is not listed yet. Unless that would not get on.
    """
    end_ns = last.start_ns + last.duration_ns
    return end_ns if end_ns < window.to_ns else last.start_ns
