"""
What several pages show. Times are RFC 3339 in UTC, durations milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clew.explorer.filters import Window
from clew.query import TraceSummary
from clew.query.words import iso
from clew.store.model import Series


@dataclass(frozen=True, slots=True)
class Range:
    """The time range of a page: [from, to). *last* is the preset it came from, empty for a fixed one."""

    begin: str
    end: str
    last: str

    @classmethod
    def of(cls, window: Window) -> Range:
        return cls(iso(window.from_ns), iso(window.to_ns), window.last)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """
    A request in a list. *why*: why it is there, or why it failed; empty where the list says so.
    """

    trace_id: str
    at: str
    at_ms: int
    service: str
    name: str
    status_code: int | None
    duration_ms: float
    spans: int
    errors: int
    services: tuple[str, ...]
    why: str = ""

    @property
    def failed(self) -> bool:
        return self.errors > 0


def trace_row(summary: TraceSummary, why: str = "") -> TraceRow:
    return TraceRow(
        trace_id=summary.trace_id,
        at=iso(summary.start_ns),
        at_ms=summary.start_ns // 1_000_000,
        service=summary.root_service,
        name=summary.root_name,
        status_code=summary.status_code,
        duration_ms=round(summary.duration_ns / 1e6, 3),
        spans=summary.spans,
        errors=summary.errors,
        services=summary.services,
        why=why,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line of a chart: one value per step of its panel, null where there is none. *style*: ``""``, ``dash`` or ``dot``.
    """

    name: str
    service: str
    style: str
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class ExemplarMark:
    """A request on a chart: when it ended (milliseconds since the epoch), its value in the panel's unit, its trace."""

    at_ms: int
    value: float
    trace_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Panel:
    """
    A chart over time. Values stand at *from_ms*, *from_ms* + *step_ms*, … (milliseconds since the epoch), in *unit*
    (``%`` of a ratio: 0.5 is 50 %).
    """

    title: str
    note: str
    unit: str
    from_ms: int
    to_ms: int
    step_ms: int
    lines: tuple[Line, ...]
    exemplars: tuple[ExemplarMark, ...] = ()

    @property
    def empty(self) -> bool:
        return not any(line.known for line in self.lines)


def aligned(series: Series, moments: Sequence[int], scale: float = 1.0) -> tuple[float | None, ...]:
    """
    The values of *series* at *moments*, times *scale*; None where it has no point or no number.
    """
    points = dict(series.points)
    values = (points.get(moment) for moment in moments)
    return tuple(None if value is None or value != value else round(value * scale, 6) for value in values)


def by_label(found: Iterable[Series], label: str) -> Mapping[str, Series]:
    return {series.label(label): series for series in found}
