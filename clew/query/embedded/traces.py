"""Trace questions answered by a `SpanStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clew.query import Trace, TraceSummary
from clew.store import Span, SpanFilter, SpanStore

STATUS_CODES = ("http.response.status_code", "http.status_code")
"""Where a root span may say its HTTP status: the stable convention, then the one before it."""


class StoredTraces:
    """`TraceReader` on a store."""

    def __init__(self, store: SpanStore) -> None:
        self._store = store

    def trace(self, trace_id: str) -> Trace | None:
        spans = tuple(self._store.trace(trace_id))
        if not spans:
            return None
        known = {span.span_id for span in spans}
        parents = dict.fromkeys(span.parent_span_id for span in spans if span.parent_span_id)
        return Trace(trace_id, spans, tuple(parent for parent in parents if parent not in known))

    def search(self, where: SpanFilter) -> Sequence[TraceSummary]:
        found = ((trace_id, self._store.trace(trace_id)) for trace_id in self._store.search(where))
        # A trace may be expired between the two questions.
        return [summary_of(trace_id, spans) for trace_id, spans in found if spans]

    def find_span(self, span_id: str) -> Sequence[Span]:
        return self._store.find_span(span_id)

    def services(self) -> Mapping[str, Sequence[str]]:
        return self._store.services()

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        return self._store.count_by_instance()


def root_of(spans: Sequence[Span]) -> Span:
    """
    The span that stands at the top: the earliest without a parent, else the earliest whose parent is not among *spans*,
    else (a loop) the earliest. *spans* are sorted by start and not empty.
    """
    known = {span.span_id for span in spans}
    orphans = [span for span in spans if span.parent_span_id not in known]
    return next((span for span in orphans if not span.parent_span_id), (orphans or list(spans))[0])


def summary_of(trace_id: str, spans: Sequence[Span]) -> TraceSummary:
    """
    What a list of traces says about one. *spans* are sorted by start and not empty.
    """
    root = root_of(spans)
    codes = (root.attributes.get(name) for name in STATUS_CODES)
    return TraceSummary(
        trace_id=trace_id,
        root_service=root.service,
        root_name=root.name,
        start_ns=spans[0].start_ns,
        duration_ns=max(span.end_ns for span in spans) - spans[0].start_ns,
        spans=len(spans),
        errors=sum(span.status == "error" for span in spans),
        services=tuple(dict.fromkeys(span.service for span in spans)),
        status_code=next((code for code in codes if isinstance(code, int)), None),
    )
