"""
The waterfall as rows: every span of every service, and every log line in its place between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clew.store.model import Span

__all__ = ["EventRow", "LogRow", "Other", "Row", "SpanRow", "cut", "problem_of", "title_of"]


@dataclass(frozen=True, slots=True)
class EventRow:
    """A span event. *offset_ms* counts from the request's start."""

    name: str
    at: str
    offset_ms: float
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpanRow:
    """
    One span. Offsets and durations are milliseconds, offsets counted from the request's start (`Dossier.at`).

    :param depth: 0 for a root; rows of the same parent share it.
    :param title: what to call it: a client span's name with the peer it asked.
    :param problem: why it failed, in a word or two (``503``, ``ReadTimeout``); empty if it did not.
    :param late_ms: from this offset on nobody waited for it any more; None if somebody did to its end.
    :param critical: (from, to) offsets in which the answer waited for this very span.
    :param below: how many rows hang below it.
    """

    depth: int
    service: str
    instance: str
    name: str
    title: str
    kind: str
    span_id: str
    parent_span_id: str | None
    at: str
    offset_ms: float
    duration_ms: float
    status: str
    status_message: str
    problem: str
    late_ms: float | None
    critical: tuple[tuple[float, float], ...]
    below: int
    attributes: Mapping[str, Any]
    events: tuple[EventRow, ...]
    row: str = field(default="span", init=False)

    @property
    def end_ms(self) -> float:
        return self.offset_ms + self.duration_ms

    @property
    def failed(self) -> bool:
        return self.status == "error"


@dataclass(frozen=True, slots=True)
class LogRow:
    """
    One log line; *document* is all of it. *offset_ms* counts from the request's start.
    """

    depth: int
    service: str
    instance: str
    level: str
    action: str
    message: str
    span_id: str
    at: str
    offset_ms: float
    id: str
    document: Mapping[str, Any]
    row: str = field(default="line", init=False)

    @property
    def failed(self) -> bool:
        return self.level in ("error", "critical", "fatal")


Row = SpanRow | LogRow


@dataclass(frozen=True, slots=True)
class Other:
    """
    Another request that the same id leads to. *kind* is what the id is (``order``), *sentence* why it is listed.
    """

    trace_id: str
    at: str
    kind: str
    sentence: str


def title_of(span: Span) -> str:
    """
    A client span is called ``POST`` in OpenTelemetry's conventions; with its peer it says what happened.
    """
    peer = str(span.attributes.get("peer.service", ""))
    return f"{span.name} {peer}" if span.kind == "client" and peer and peer not in span.name else span.name


def problem_of(span: Span) -> str:
    """
    Why *span* failed, short: the answer's status, or the exception's class without its module.
    """
    if span.status != "error":
        return ""
    status = span.attributes.get("http.response.status_code")
    if isinstance(status, int) and status >= 400:
        return str(status)
    kind = str(span.attributes.get("error.type", ""))
    return kind.rpartition(".")[2] or span.status_message or "failed"


def cut(rows: Sequence[Row], most: int) -> tuple[Row, ...]:
    """
    At most *most* of *rows*, in their order: what failed with everything above it, then level by level the longest
    spans and the lines beside them. A reader of a huge trace sees its shape and its errors.
    """
    if len(rows) <= most:
        return tuple(rows)
    wanted: set[int] = set()
    above: list[int] = []
    for place, row in enumerate(rows):
        while above and rows[above[-1]].depth >= row.depth:
            above.pop()
        if row.failed and len(wanted) + len(above) < most:
            wanted.update((*above, place))
        above.append(place)
    by_weight = sorted(range(len(rows)), key=lambda place: (rows[place].depth, -_weight(rows[place]), place))
    for place in by_weight:
        if len(wanted) >= most:
            break
        wanted.add(place)
    return tuple(rows[place] for place in sorted(wanted))


def _weight(row: Row) -> float:
    return row.duration_ms if isinstance(row, SpanRow) else 0.0
