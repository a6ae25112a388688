"""
Row 5 of the picture: keep. Log lines, samples and spans, each behind one protocol.

Stores append and select; they know nothing of query languages nor of each other. `clew/store/memory.py` and
`clew/store/sqlite/` implement the protocols and pass one suite (`tests/contract/`).

All methods may be called from several threads. What a caller gets is its own. Not promised: that something older
than the store's retention is still there; that counts include what another process appended a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clew.store.model import (
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
    labels_of,
)

__all__ = [
    "Exemplar", "Labels", "LogFilter", "LogLine", "LogStore", "Matcher", "Retention", "Sample", "SampleStore",
    "Series", "Span", "SpanEvent", "SpanFilter", "SpanLink", "SpanStore", "StoreError", "Stores", "labels_of",
]


class StoreError(Exception):
    """The store cannot do it; the message says what, where (path) and the next command."""


@dataclass(frozen=True, slots=True)
class Retention:
    """
    What a store keeps: the younger of *max_age_s* (seconds) and *max_bytes* (bytes on disk, 0 = unbounded).
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
        """Lines stored per (service.name, service.node.name), retention's deletions included: a ledger, not a count of rows."""
        ...

    def expire(self, *, now_s: float) -> int:
        """Delete what retention no longer keeps; the number of lines deleted."""
        ...


class SampleStore(Protocol):
    """Samples and exemplars by series."""

    def append(self, samples: Iterable[Sample], exemplars: Iterable[Exemplar] = ()) -> int:
        """
        Keep them; the number of samples that are new. A second sample of a series at the same millisecond replaces the
        first. A NaN with Prometheus' stale bit pattern (0x7ff0000000000002) is kept as such: it ends the series.
        """
        ...

    def select(self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int) -> Sequence[Series]:
        """Series that match all of *matchers* with their points in [from_ms, to_ms], sorted by labels; empty ones are left out."""
        ...

    def exemplars(self, matchers: Sequence[Matcher], *, from_ms: int, to_ms: int) -> Sequence[Exemplar]:
        """Exemplars whose series match, oldest first, each (series, trace, timestamp) once."""
        ...

    def find_exemplars(self, trace_id: str) -> Sequence[Exemplar]:
        """Every exemplar that names *trace_id*."""
        ...

    def describe(self, metadata: Mapping[str, tuple[str, str, str]]) -> None:
        """Remember (type, help, unit) per metric family; last one wins."""
        ...

    def metadata(self) -> Mapping[str, tuple[str, str, str]]: ...

    def label_values(self, name: str) -> Sequence[str]: ...

    def expire(self, *, now_s: float) -> int: ...


class SpanStore(Protocol):
    """Spans by (trace_id, span_id)."""

    def append(self, spans: Iterable[Span]) -> int:
        """Keep *spans*; the number of new ones. The same (trace_id, span_id) again replaces and counts as 0."""
        ...

    def trace(self, trace_id: str) -> Sequence[Span]:
        """All spans of one trace by start time; empty if there is none."""
        ...

    def search(self, where: SpanFilter) -> Sequence[str]:
        """Trace ids, the one with the newest matching span first. Never more than ``where.limit``."""
        ...

    def services(self) -> Mapping[str, Sequence[str]]:
        """Span names by service, both sorted."""
        ...

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        """Spans stored per (service.name, service.instance.id), retention's deletions included."""
        ...

    def expire(self, *, now_s: float) -> int: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of one stack, opened and closed together."""

    logs: LogStore
    samples: SampleStore
    spans: SpanStore

    def close(self) -> None:
        for store in (self.logs, self.samples, self.spans):
            closer = getattr(store, "close", None)
            if closer is not None:
                closer()
