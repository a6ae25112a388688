"""
Spans and log lines of one trace, put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clew.query.dossier.critical_path import Stretch, critical_path
from clew.query.dossier.rows import EventRow, LogRow, Row, SpanRow, problem_of, title_of
from clew.query.words import iso
from clew.store.model import LogLine, Span

MILLISECOND_NS = 1_000_000
LATE_AT_LEAST_NS = 5 * MILLISECOND_NS
"""A server's span ends a moment after its caller has the answer; only what is longer is work that nobody waited for."""


@dataclass(frozen=True, slots=True)
class Tree:
    """
    The spans of a trace by parent. *roots* have no stored parent, the request's own root first; whatever the data
    says, every span is reached exactly once.
    """

    roots: tuple[Span, ...]
    children: Mapping[str, Sequence[Span]]


def tree(spans: Sequence[Span]) -> Tree:
    """
    *spans* (of one trace) as a tree. A parent that is not stored, or that is its own descendant, does not count.
    """
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_ns):
        parent = span.parent_span_id
        if parent and parent in known and parent != span.span_id:
            children.setdefault(parent, []).append(span)
        else:
            roots.append(span)
    roots.sort(key=lambda span: (bool(span.parent_span_id), span.start_ns))
    reached = {span.span_id for root in roots for span in _below(root, children)}
    for span in spans:  # a ring of parents hangs on nothing: open it at its first span
        if span.span_id not in reached:
            parent = span.parent_span_id or ""
            children[parent] = [child for child in children.get(parent, []) if child.span_id != span.span_id]
            roots.append(span)
            reached.update(child.span_id for child in _below(span, children))
    return Tree(tuple(roots), children)


def _below(root: Span, children: Mapping[str, Sequence[Span]]) -> Iterator[Span]:
    pending, seen = [root], set()
    while pending:
        span = pending.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield span
        pending.extend(children.get(span.span_id, ()))


def rows_of(forest: Tree, lines: Sequence[LogLine], *, zero_ns: int) -> tuple[Row, ...]:
    """
    The rows from top to bottom: a span, then what hangs below it by time, spans and lines mixed. A line whose span is
    not stored stands on the first level, by time.

    :param zero_ns: where offsets begin, nanoseconds since the epoch.
    """
    if not forest.roots:
        return tuple(_line_row(line, 0, zero_ns) for line in lines)
    root = forest.roots[0]
    critical = critical_path(root, forest.children)
    known = {span.span_id for tip in forest.roots for span in _below(tip, forest.children)}
    by_span: dict[str, list[LogLine]] = {}
    for line in lines:
        span_id = str(line.get("span.id", ""))
        by_span.setdefault(span_id if span_id in known else root.span_id, []).append(line)

    rows: list[Row] = []
    # (what, depth, from when on nobody waits for it); the next one is the last
    pending: list[tuple[Span | LogLine, int, int | None]] = [(tip, 0, None) for tip in reversed(forest.roots)]
    while pending:
        thing, depth, waited_until = pending.pop()
        if isinstance(thing, LogLine):
            rows.append(_line_row(thing, depth, zero_ns))
            continue
        rows.append(_span_row(thing, depth, zero_ns, critical.get(thing.span_id, ()), waited_until))
        end = thing.end_ns if waited_until is None else min(thing.end_ns, waited_until)
        below: list[Span | LogLine] = [*forest.children.get(thing.span_id, ()), *by_span.get(thing.span_id, ())]
        below.sort(key=_moment)
        pending.extend((child, depth + 1, end) for child in reversed(below))
    return _counted(rows)


def _moment(thing: Span | LogLine) -> tuple[int, bool, int]:
    if isinstance(thing, Span):
        return thing.start_ns, False, 0
    return thing.timestamp_ns, True, thing.sequence


def _counted(rows: Sequence[Row]) -> tuple[Row, ...]:
    """
    *rows* with `SpanRow.below` filled in.
    """
    counted = list(rows)
    open_spans: list[int] = []
    for place, depth in enumerate([*(row.depth for row in rows), -1]):
        while open_spans and rows[open_spans[-1]].depth >= depth:
            begun = open_spans.pop()
            span = rows[begun]
            if isinstance(span, SpanRow):
                counted[begun] = replace(span, below=place - begun - 1)
        if place < len(rows) and isinstance(rows[place], SpanRow):
            open_spans.append(place)
    return tuple(counted)


def _span_row(
    span: Span, depth: int, zero_ns: int, critical: Sequence[Stretch], waited_until: int | None
) -> SpanRow:
    late = waited_until is not None and span.end_ns - waited_until > LATE_AT_LEAST_NS
    return SpanRow(
        depth=depth,
        service=span.service,
        instance=span.instance,
        name=span.name,
        title=title_of(span),
        kind=span.kind,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        at=iso(span.start_ns),
        offset_ms=milliseconds(span.start_ns - zero_ns),
        duration_ms=milliseconds(span.duration_ns),
        status=span.status,
        status_message=span.status_message,
        problem=problem_of(span),
        late_ms=milliseconds(max(waited_until or 0, span.start_ns) - zero_ns) if late else None,
        critical=tuple((milliseconds(low - zero_ns), milliseconds(high - zero_ns)) for low, high in critical),
        below=0,
        attributes=dict(span.attributes),
        events=tuple(
            EventRow(event.name, iso(event.timestamp_ns), milliseconds(event.timestamp_ns - zero_ns), event.attributes)
            for event in span.events
        ),
    )


def _line_row(line: LogLine, depth: int, zero_ns: int) -> LogRow:
    return LogRow(
        depth=depth,
        service=str(line.get("service.name", "")),
        instance=str(line.get("service.node.name", "")),
        level=str(line.get("log.level", "")),
        action=str(line.get("event.action", "")),
        message=str(line.get("message", "")),
        span_id=str(line.get("span.id", "")),
        at=iso(line.timestamp_ns),
        offset_ms=milliseconds(line.timestamp_ns - zero_ns),
        id=line.id,
        document=line.document,
    )


def milliseconds(nanoseconds: int) -> float:
    """
    With microseconds behind the point.
    """
    return round(nanoseconds / MILLISECOND_NS, 3)
