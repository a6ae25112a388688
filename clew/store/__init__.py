"""
Row 5 of the picture: keep. Log lines, samples and spans, each behind one protocol.

Stores append and select; they know nothing of query languages nor of each other. `clew/store/memory/` and
`clew/store/sqlite/` implement the protocols and pass one suite (`tests/contract/`).

All methods may be called from several threads. What a caller gets is its own. Not promised: that something older
than the store's retention is still there; that counts include what another process appended a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clew.store.model import (
    STALE,
    Exemplar,
    Labels,
    LogFilter,
    LogLine,
    Matcher,
    Sample,
    Series,
    Span,
    SpanEvent,
    SpanFilter,
    SpanLink,
    is_stale,
    labels_of,
)

__all__ = [
    "STALE", "Exemplar", "Labels", "LogFilter", "LogLine", "LogStore", "Matcher", "Retention", "Sample", "SampleStore",
    "SelectionError", "Series", "Span", "SpanEvent", "SpanFilter", "SpanLink", "SpanStore", "StoreError", "Stores",
    "is_stale", "labels_of",
]


class StoreError(Exception):
    """The store cannot do it; the message says what, where (path) and the next command."""


class SelectionError(StoreError):
    """What was asked for cannot be selected as asked (a broken expression, too much at once); the message says why."""


@dataclass(frozen=True, slots=True)
class Retention:
    """
    What a store keeps: what is younger than *max_age_s* (seconds) and of that, the newest that fits into *max_bytes*
    (bytes on disk, 0 = unbounded; a store in memory has none and goes by age only).
    """

    max_age_s: float = 7 * 24 * 3600.0
    max_bytes: int = 512 * 1024 * 1024


class LogStore(Protocol):
    """Log documents by (index, id)."""

    def append(self, lines: Iterable[LogLine]) -> int:
        """
        Keep *lines*, all or none; the number of documents that were not there before. When this returns, `select`
        sees them. The same (index, id) again replaces the document and counts as 0.
        """
        ...

    def select(self, where: LogFilter) -> Sequence[LogLine]:
        """
        Newest first: by timestamp, then `event.sequence`, then id. Never more than ``where.limit``.
        """
        ...

    def count(self, where: LogFilter) -> int:
        """How many lines match; ``limit`` and ``before`` are ignored."""
        ...

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]:
        """Lines per level in *steps* equal slices of [from_ns, to_ns); ``limit`` and ``before`` are ignored."""
        ...

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        """
        Lines stored per (service.name, service.node.name), what retention deleted since included: a ledger, not a count
        of rows. Lines that name no instance count under "". The instances of the newest 10,000 are kept.
        """
        ...

    def expire(self, *, now_s: float) -> int:
        """Delete what retention no longer keeps; the number of lines deleted."""
        ...

    def close(self) -> None: ...


class SampleStore(Protocol):
    """Samples and exemplars by series."""

    def append(self, samples: Iterable[Sample], exemplars: Iterable[Exemplar] = ()) -> int:
        """
        Keep them; the number of samples that are new. A second sample of a series at the same millisecond replaces the
        first. A NaN with Prometheus' stale bit pattern (0x7ff0000000000002) is kept as such: it ends the series.
        """
        ...

    def select(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, max_points: int | None = None
    ) -> Sequence[Series]:
        """
        Series that match all of *matchers* with their points in [from_ms, to_ms], stale markers included, sorted by
        labels; empty ones are left out. SelectionError if there are more than *max_points* or a matcher is broken.
        """
        ...

    def last(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, skip_stale: bool = False
    ) -> Sequence[Series]:
        """
        As `select`, but of each series only its newest point in [from_ms, to_ms]; *skip_stale* passes over stale
        markers.
        """
        ...

    def exemplars(
        self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int, newest: int | None = None
    ) -> Sequence[Exemplar]:
        """
        Exemplars whose series match, oldest first, each (series, trace, timestamp) once; of each series at most the
        *newest* (None: all).
        """
        ...

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        """Every exemplar that names *trace_id*."""
        ...

    def describe(self, metadata: Mapping[str, tuple[str, str, str]]) -> None:
        """Remember (type, help, unit) per metric family; last one wins."""
        ...

    def metadata(self) -> Mapping[str, tuple[str, str, str]]:
        """What `describe` was told, by metric family."""
        ...

    def label_values(self, name: str) -> Sequence[str]:
        """The values that label *name* has in any series, sorted."""
        ...

    def expire(self, *, now_s: float) -> int:
        """Delete what retention no longer keeps, exemplars too; the number of samples deleted."""
        ...

    def close(self) -> None: ...


class SpanStore(Protocol):
    """Spans by (trace_id, span_id)."""

    def append(self, spans: Iterable[Span]) -> int:
        """Keep *spans*; the number of new ones. The same (trace_id, span_id) again replaces and counts as 0."""
        ...

    def trace(self, trace_id: str) -> Sequence[Span]:
        """All spans of one trace by start time; empty if there is none."""
        ...

    def search(self, where: SpanFilter) -> Sequence[str]:
        """Trace ids, the one with the newest matching span (by its start) first. Never more than ``where.limit``."""
        ...

    def find_span(self, span_id: str) -> Sequence[Span]:
        """The spans with this id in any trace, oldest first."""
        ...

    def services(self) -> Mapping[str, Sequence[str]]:
        """Span names by service, both sorted."""
        ...

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        """Spans stored per (service.name, service.instance.id), as `LogStore.count_by_instance`."""
        ...

    def expire(self, *, now_s: float) -> int:
        """Delete what retention no longer keeps; the number of spans deleted."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of one stack, opened and closed together."""

    logs: LogStore
    samples: SampleStore
    spans: SpanStore

    def close(self) -> None:
        """
        Close all three; doing it twice is fine.
        """
        for store in (self.logs, self.samples, self.spans):
            store.close()
