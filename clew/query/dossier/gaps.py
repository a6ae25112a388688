"""
What ought to be stored of a request and is not, each in a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clew.query import Trace
from clew.query.dossier.metric import Door, RouteHistogram
from clew.query.words import plain, plural
from clew.store.model import LogLine

ON_THE_WAY_S = 10.0
"""What is younger than this may still be on its way through tail, batch or queue."""


@dataclass(frozen=True, slots=True)
class Gap:
    """
    Something that ought to be here and is not. *kind*: ``spans``, ``lines`` or ``metric``.
    """

    kind: str
    sentence: str


def gaps_of(
    trace: Trace, lines: Sequence[LogLine], door: Door | None, histogram: RouteHistogram | None, *, age_s: float
) -> tuple[Gap, ...]:
    """
    :param door: where the request came in, if anything says so, and the *histogram* of its route.
    :param age_s: seconds since the newest thing that is stored of the trace.
    """
    why = "it may still be on its way." if age_s < ON_THE_WAY_S else "it was lost or not sampled; see the ledger."
    if trace.spans:
        gaps = [*_spans(trace, lines, why), *_access_lines(trace, lines, why)]
    else:
        gaps = [Gap("spans", f"No span of this trace is stored, but {plural(len(lines), 'log line')} of it: {why}")]
    if door is not None:
        gaps += _metric(door, histogram)
    return tuple(gaps)


def _spans(trace: Trace, lines: Sequence[LogLine], why: str) -> list[Gap]:
    stored = {span.span_id for span in trace.spans}
    writers: dict[str, list[str]] = {}
    for line in lines:
        span_id = str(line.get("span.id", ""))
        if span_id and span_id not in stored:
            writers.setdefault(span_id, []).append(str(line.get("service.name", "")))
    gaps = []
    for span_id, wrote in sorted(writers.items()):
        services = " and ".join(dict.fromkeys(wrote))
        named = f"{plural(len(wrote), 'log line')} {'names' if len(wrote) == 1 else 'name'} it"
        gaps.append(Gap("spans", f"Span {span_id} of {services} is not stored, although {named}: {why}"))
    for parent in trace.missing_parents:
        child = next((span for span in trace.spans if span.parent_span_id == parent), None)
        if child is None or parent in writers:
            continue
        caller = f"{child.service} names span {parent} as its caller, which is not stored: "
        outside = child is trace.spans[0]
        gaps.append(Gap("spans", caller + ("a caller outside of this stack, or lost." if outside else why)))
    return gaps


def _access_lines(trace: Trace, lines: Sequence[LogLine], why: str) -> list[Gap]:
    finished = {str(line.get("span.id", "")) for line in lines if line.get("event.action") == "request.finished"}
    silent = [span.service for span in trace.spans if span.kind == "server" and span.span_id not in finished]
    return [Gap("lines", f"The access line of {service} is not stored: {why}") for service in dict.fromkeys(silent)]


def _metric(door: Door, histogram: RouteHistogram | None) -> list[Gap]:
    what = f"{door.service} {door.name}"
    if histogram is None:
        never = f"{door.service} was not scraped since, or not at all."
        return [Gap("metric", f"No histogram of {what} is stored: {never}")]
    if histogram.exemplar is None:
        took = plain(door.duration_ns / 1e6, "ms")
        later = f"the next scrape is due, or a later request of about {took} took its place."
        return [Gap("metric", f"No exemplar of {what} names this trace: {later}")]
    return []
