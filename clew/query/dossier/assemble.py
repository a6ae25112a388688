"""
Read everything that is stored about one trace and put it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clew.query import Readers, Trace
from clew.query.dossier.gaps import Gap, gaps_of
from clew.query.dossier.metric import Door, ExemplarRow, RouteHistogram, exemplar_rows, route_histogram
from clew.query.dossier.narrative import Sentence, Step, Word, status_of, steps, verdict
from clew.query.dossier.rows import LogRow, Other, Row, SpanRow
from clew.query.dossier.waterfall import Tree, milliseconds, rows_of, tree
from clew.query.words import iso
from clew.store.model import LogFilter, LogLine, Span

MOST_LINES = 5_000


@dataclass(frozen=True, slots=True)
class Fact:
    """
    *value* of *name*; *field* is the log field that holds it (``order.id``), empty if none does.
    """

    name: str
    value: str
    field: str


@dataclass(frozen=True, slots=True)
class Share:
    """
    How long the answer waited for *service*, in milliseconds and as a part of the whole (0 to 1). A call without an
    answer counts for whom was asked.
    """

    service: str
    duration_ms: float
    part: float


@dataclass(frozen=True, slots=True)
class Dossier:
    """
    One request, all signals, all services. Times are RFC 3339 in UTC; offsets are milliseconds since *at*.

    :param title: the request, ``POST /api/orders``.
    :param status_code: what the caller got; None if no span and no access line says.
    :param duration_ms: of the first span; without spans, of the access line.
    :param extent_ms: until the last span ended or the last line was written.
    :param rows: the waterfall: spans and log lines in order, told apart by ``row`` (``span``, ``line``).
    :param split: whom the answer waited for, in order of appearance; adds up to *duration_ms*.
    :param histogram: of the request's route, its bucket marked; None if there is none (a gap says why).
    :param exemplars: every exemplar that names this trace.
    :param gaps: what is missing, each in a sentence.
    :param asked: the id that led here; *also*: the other requests that it leads to.
    :param lines_total: lines that exist; more than in *rows* only for traces of more than 5,000 lines.
    """

    trace_id: str
    title: str
    failed: bool
    status_code: int | None
    at: str
    duration_ms: float | None
    extent_ms: float
    services: tuple[str, ...]
    verdict: Sentence
    steps: tuple[Step, ...]
    facts: tuple[Fact, ...]
    rows: tuple[Row, ...]
    split: tuple[Share, ...]
    histogram: RouteHistogram | None
    exemplars: tuple[ExemplarRow, ...]
    gaps: tuple[Gap, ...]
    spans_total: int
    lines_total: int
    asked: str = ""
    also: tuple[Other, ...] = ()

    @property
    def spans(self) -> tuple[SpanRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, SpanRow))

    @property
    def lines(self) -> tuple[LogRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, LogRow))


def dossier_of(readers: Readers, trace_id: str, *, now_s: float) -> Dossier | None:
    """
    What is stored of *trace_id*; None if neither a span nor a line nor an exemplar names it.

    :param now_s: seconds since the epoch, to tell what is lost from what may still be on its way.
    """
    trace = readers.traces.trace(trace_id) or Trace(trace_id, (), ())
    where = LogFilter(trace_id=trace_id, limit=MOST_LINES)
    lines = sorted(readers.logs.search(where), key=lambda line: line.cursor)
    exemplars = exemplar_rows(readers, trace_id)
    if not trace.spans and not lines and not exemplars:
        return None
    forest = tree(trace.spans)
    root = forest.roots[0] if forest.roots else None
    access = _access_line(lines)
    door = _door(forest, access)
    zero_ns = root.start_ns if root else _first_ns(lines, access, now_s)
    newest_ns = max([zero_ns, *(span.end_ns for span in trace.spans), *(line.timestamp_ns for line in lines)])
    rows = rows_of(forest, lines, zero_ns=zero_ns)
    spans = [row for row in rows if isinstance(row, SpanRow)]
    histogram = route_histogram(readers, door, exemplars, now_ms=int(now_s * 1000)) if door else None
    status = _status(spans, access)
    return Dossier(
        trace_id=trace_id,
        title=root.name if root else door.name if door else "Request",
        failed=bool(spans and spans[0].failed) or (status or 0) >= 500,
        status_code=status,
        at=iso(zero_ns),
        duration_ms=_duration_ms(root, door),
        extent_ms=milliseconds(newest_ns - zero_ns),
        services=tuple(dict.fromkeys(row.service for row in rows)),
        verdict=verdict(rows) if rows else (Word("Only the metric remembers it."),),
        steps=steps(rows),
        facts=_facts(trace_id, spans, lines, access),
        rows=rows,
        split=_split(spans),
        histogram=histogram,
        exemplars=exemplars,
        gaps=gaps_of(trace, lines, door, histogram, age_s=now_s - newest_ns / 1e9),
        spans_total=len(trace.spans),
        lines_total=len(lines) if len(lines) < MOST_LINES else readers.logs.count(where),
        asked=trace_id,
    )


def _duration_ms(root: Span | None, door: Door | None) -> float | None:
    whole = root or door
    return milliseconds(whole.duration_ns) if whole else None


def _door(forest: Tree, access: LogLine | None) -> Door | None:
    """
    The first server span from above; without spans, the outermost access line.
    """
    below = sorted((span for some in forest.children.values() for span in some), key=lambda span: span.start_ns)
    server = next((span for span in (*forest.roots, *below) if span.kind == "server"), None)
    if server is not None:
        return Door.of_span(server)
    return Door.of_line(access) if access is not None and not forest.roots else None


def _access_line(lines: Sequence[LogLine]) -> LogLine | None:
    """The outermost one: it is written last."""
    return next((line for line in reversed(lines) if line.get("event.action") == "request.finished"), None)


def _first_ns(lines: Sequence[LogLine], access: LogLine | None, now_s: float) -> int:
    """Without spans, the request began when its access line says, or with its first line."""
    moments = [lines[0].timestamp_ns] if lines else [int(now_s * 1e9)]
    if access is not None:
        moments.append(access.timestamp_ns - Door.of_line(access).duration_ns)
    return min(moments)


def _status(spans: Sequence[SpanRow], access: LogLine | None) -> int | None:
    status = status_of(spans[0]) if spans else access.get("http.response.status_code") if access else None
    return status if isinstance(status, int) else None


def _facts(
    trace_id: str, spans: Sequence[SpanRow], lines: Sequence[LogLine], access: LogLine | None
) -> tuple[Fact, ...]:
    facts = [Fact("trace", trace_id, "trace.id")]
    request_id = str((access.get("http.request.id") if access else "") or "")
    request_id = request_id or (str(spans[0].attributes.get("clew.request_id", "")) if spans else "")
    if request_id:
        facts.append(Fact("request", request_id, "http.request.id"))
    for name, field in (("order", "order.id"), ("user", "user.id")):
        values = dict.fromkeys(str(line.get(field)) for line in lines if line.get(field))
        facts += [Fact(name, value, field) for value in list(values)[:3]]
    return tuple(facts)


def _split(spans: Sequence[SpanRow]) -> tuple[Share, ...]:
    sums: dict[str, float] = {}
    for span in spans:
        waited = sum(high - low for low, high in span.critical)
        if waited:
            whose = _waited_for(span)
            sums[whose] = sums.get(whose, 0.0) + waited
    total = sum(sums.values())
    return tuple(Share(service, round(waited, 3), round(waited / total, 4)) for service, waited in sums.items())


def _waited_for(span: SpanRow) -> str:
    """A call that was never answered is time that the peer took, although the peer has nothing to show for it."""
    unanswered = span.kind == "client" and span.failed and status_of(span) is None
    return str(span.attributes.get("peer.service") or span.service) if unanswered else span.service
