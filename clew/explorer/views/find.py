"""
What an id leads to when it does not lead to one request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clew.explorer.views.logs import LogEntry, entry
from clew.explorer.views.parts import TraceRow, trace_row
from clew.query import Readers, TraceSummary
from clew.query.find import Found
from clew.query.words import iso
from clew.store.model import SpanFilter

SEARCHED = (
    "trace.id, span.id, order.id, user.id, event.id and http.request.id of all log lines, all spans, and the exemplars"
    " of all metrics"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A request that the id leads to; *kind* is what the id is, *request* the trace if its spans are stored."""

    trace_id: str
    at: str
    kind: str
    sentence: str
    request: TraceRow | None


@dataclass(frozen=True, slots=True)
class FindPage:
    """
    *hits* of the id, the best first; *untraced*: lines that carry the id and belong to no request; *searched*: where
    was looked, exact matches only. An empty *id* asks for one.
    """

    read_at: str
    id: str
    hits: tuple[Hit, ...]
    untraced: tuple[LogEntry, ...]
    searched: str


def found_page(readers: Readers, found: Found, *, now_s: float) -> FindPage:
    ids = tuple(candidate.trace_id for candidate in found.candidates)
    summaries: Sequence[TraceSummary] = ()
    if ids:
        summaries = readers.traces.search(SpanFilter(trace_ids=ids, limit=len(ids)))
    by_id = {summary.trace_id: trace_row(summary) for summary in summaries}
    return FindPage(
        read_at=iso(int(now_s * 1e9)),
        id=found.id,
        hits=tuple(
            Hit(c.trace_id, iso(c.when_ns), c.kind, c.sentence, by_id.get(c.trace_id)) for c in found.candidates
        ),
        untraced=tuple(entry(line) for line in found.untraced),
        searched=SEARCHED,
    )
