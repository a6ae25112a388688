"""
From any id to its traces. Exact matches only: an id that nothing carries finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from clew.query import Readers
from clew.store.model import LogFilter, LogLine, SpanFilter

LOG_INDICES = "clew-logs-"
MOST_LINES = 500
"""Of an id that very many lines carry (a busy user's), the newest lines are looked at."""
MOST_TRACES = 50

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A trace that the id leads to. *kind* is what the id turned out to be (``trace span order user request event``),
    *when_ns* the first moment that shows it, *sentence* why this trace, for a person.
    """

    kind: str
    trace_id: str
    when_ns: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Found:
    """
    What an id leads to, the best candidate first, each trace once. *untraced* are lines that carry the id and belong to
    no trace (written outside any request).
    """

    id: str
    candidates: tuple[Candidate, ...] = ()
    untraced: tuple[LogLine, ...] = ()

    @property
    def trace_id(self) -> str | None:
        return self.candidates[0].trace_id if self.candidates else None


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of id that log lines carry: in which field, and in which attribute of spans where lines are missing."""

    name: str
    field: str
    attribute: str
    prefix: str = ""


_ORDER = _Kind("order", "order.id", "order.id", prefix="ord_")
_USER = _Kind("user", "user.id", "user.id", prefix="usr_")
_EVENT = _Kind("event", "event.id", "")
_REQUEST = _Kind("request", "http.request.id", "clew.request_id")


def find(readers: Readers, any_id: str) -> Found:
    """
    The traces behind a trace, span, order, user, request or event id. Of an order, the trace that placed it comes first
    and later ones follow in time; of a user or a request id that was used again, the newest comes first.
    """
    wanted = any_id.strip()
    if not wanted:
        return Found(wanted)
    candidates = [*_by_trace_id(readers, wanted.lower()), *_by_span_id(readers, wanted.lower())]
    untraced: list[LogLine] = []
    kinds = [kind for kind in (_ORDER, _USER, _EVENT, _REQUEST) if wanted.startswith(kind.prefix)]
    for kind in kinds:
        lines = _lines(readers, kind, wanted)
        untraced += [line for line in lines if not _trace_of(line)]
        candidates += _by_lines(kind, lines)
    if not candidates:
        # The lines may be lost or late. Last, since attributes have no index.
        candidates += [candidate for kind in kinds for candidate in _by_attribute(readers, kind, wanted)]
    each_once = {candidate.trace_id: candidate for candidate in reversed(candidates)}
    return Found(wanted, tuple(dict.fromkeys(each_once[c.trace_id] for c in candidates)), tuple(untraced))


def _by_trace_id(readers: Readers, wanted: str) -> Iterator[Candidate]:
    if not _TRACE_ID.fullmatch(wanted):
        return
    trace = readers.traces.trace(wanted)
    if trace is not None:
        sentence = f"the trace itself, {_plural(len(trace.spans), 'span')}"
        yield Candidate("trace", wanted, trace.spans[0].start_ns, sentence)
        return
    lines = readers.logs.search(LogFilter(index_prefix=LOG_INDICES, trace_id=wanted, limit=MOST_LINES))
    if lines:
        sentence = f"the trace itself, {_plural(len(lines), 'log line')} and no span: not sampled, or not arrived"
        yield Candidate("trace", wanted, lines[-1].timestamp_ns, sentence)


def _by_span_id(readers: Readers, wanted: str) -> Iterator[Candidate]:
    if _SPAN_ID.fullmatch(wanted):
        for span in readers.traces.find_span(wanted):
            yield Candidate("span", span.trace_id, span.start_ns, f"its span {span.name} of {span.service}")


def _lines(readers: Readers, kind: _Kind, wanted: str) -> Sequence[LogLine]:
    """
    Lines that carry the id, newest first. Those that placed an order are asked for by themselves: they may be older
    than the newest lines of an order that is read very often.
    """
    carries = (kind.field, wanted)
    newest = readers.logs.search(LogFilter(index_prefix=LOG_INDICES, fields=(carries,), limit=MOST_LINES))
    if kind is not _ORDER or len(newest) < MOST_LINES:
        return newest
    placed = LogFilter(index_prefix=LOG_INDICES, fields=(carries, ("event.action", "order.placed")), limit=MOST_TRACES)
    return list({line.cursor: line for line in (*newest, *readers.logs.search(placed))}.values())


def _by_lines(kind: _Kind, newest_first: Sequence[LogLine]) -> Iterable[Candidate]:
    by_trace: dict[str, list[LogLine]] = {}
    for line in newest_first:
        if trace_id := _trace_of(line):
            by_trace.setdefault(trace_id, []).append(line)
    found = [
        Candidate(kind.name, trace_id, lines[-1].timestamp_ns, _sentence(kind, lines))
        for trace_id, lines in by_trace.items()
    ]
    if kind is _ORDER:
        placed = {trace_id for trace_id, lines in by_trace.items() if any(_placed(line) for line in lines)}
        found.sort(key=lambda candidate: (candidate.trace_id not in placed, candidate.when_ns))
    return found[:MOST_TRACES]


def _by_attribute(readers: Readers, kind: _Kind, wanted: str) -> Iterable[Candidate]:
    if not kind.attribute:
        return []
    summaries = readers.traces.search(SpanFilter(attributes=((kind.attribute, wanted),), limit=MOST_TRACES))
    sentence = f"a span carries this {kind.name} id in {kind.attribute}"
    found = [Candidate(kind.name, summary.trace_id, summary.start_ns, sentence) for summary in summaries]
    return sorted(found, key=lambda candidate: candidate.when_ns) if kind is _ORDER else found


def _sentence(kind: _Kind, lines: Sequence[LogLine]) -> str:
    if kind is _ORDER and any(_placed(line) for line in lines):
        return "placed this order"
    services = ", ".join(dict.fromkeys(str(line.get("service.name", "?")) for line in reversed(lines)))
    if kind is _EVENT:
        return f"wrote this line, in {services}"
    return f"{_plural(len(lines), 'log line')} of {services} with this {kind.name} id"


def _placed(line: LogLine) -> bool:
    return bool(line.get("event.action") == "order.placed")


def _trace_of(line: LogLine) -> str:
    trace_id = line.get("trace.id")
    return trace_id if isinstance(trace_id, str) else ""


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
