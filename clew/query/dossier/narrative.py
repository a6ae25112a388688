"""
The request in a sentence and in a few steps, told from its spans and lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clew.query.dossier.rows import LogRow, Row, SpanRow
from clew.query.words import plain

MOST_STEPS = 11
SEVERE = ("warning", "warn", "error", "critical", "fatal")


@dataclass(frozen=True, slots=True)
class Word:
    """
    A piece of a sentence. *kind* says what it names (``service``, ``request``, ``span``, ``order``; empty: nothing),
    *value* its id if the text is not the id.
    """

    text: str
    kind: str = ""
    value: str = ""


Sentence = tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """
    Something that happened, *offset_ms* milliseconds after the request's start. *bad*: it failed.
    """

    offset_ms: float
    text: str
    bad: bool


def read_aloud(sentence: Sentence) -> str:
    return "".join(word.text for word in sentence)


def verdict(rows: Sequence[Row]) -> Sentence:
    """
    What became of the request, and if it did not go well, why: the deepest span that failed is the cause.
    """
    spans = [row for row in rows if isinstance(row, SpanRow)]
    if not spans:
        return _from_lines([row for row in rows if isinstance(row, LogRow)])
    root = spans[0]
    took = plain(root.duration_ms, "ms")
    status = status_of(root)
    beginning: Sentence = (Word(root.name, "request", root.span_id),)
    if root.failed or (status or 0) >= 500:
        beginning += (Word(f" failed with {status}" if status else " failed"), Word(f" after {took}"))
    else:
        beginning += (Word(f" answered {status}" if status else " ended"), Word(f" in {took}"))
    cause = _cause(spans)
    if cause is None:
        return (*beginning, Word("."))
    link = ", because " if root.failed else ", although "
    return (*beginning, Word(link), *_what_failed(cause), Word("."))


def _from_lines(lines: Sequence[LogRow]) -> Sentence:
    access = [line for line in lines if line.action == "request.finished"]
    if access:
        return (Word(access[-1].message), Word("."))
    return (Word("Nothing is stored but its log lines."),) if lines else (Word("Nothing is stored of it."),)


def _cause(spans: Sequence[SpanRow]) -> SpanRow | None:
    """
    Follow the failures down: among what failed, the deepest that no failure below explains; of several, the last. What
    failed when nobody waited for it any more is no cause.
    """
    failed = [span for span in spans if span.failed and span is not spans[0] and span.late_ms is None]
    if not failed:
        return spans[0] if spans[0].failed and _raised(spans[0]) else None
    parents = {span.parent_span_id for span in failed}
    tips = [span for span in failed if span.span_id not in parents]
    return max(tips or failed, key=lambda span: (span.depth, span.end_ms))


def _raised(span: SpanRow) -> str:
    for event in span.events:
        if event.name == "exception":
            return str(event.attributes.get("exception.type", "")).rpartition(".")[2]
    return ""


def _what_failed(span: SpanRow) -> Sentence:
    service = Word(span.service, "service")
    peer = str(span.attributes.get("peer.service", ""))
    took = plain(span.duration_ms, "ms")
    if span.kind == "client" and peer:
        what = (Word(": "), Word(f"{span.problem} after {took}", "span", span.span_id))
        if span.problem.isdigit():
            return (Word(peer, "service"), Word(" answered "), service, Word(f" with {span.problem}"))
        return (service, Word(" got no answer from "), Word(peer, "service"), *what)
    raised = _raised(span)
    if raised:
        return (service, Word(f" raised {raised} in "), Word(span.title, "span", span.span_id))
    return (Word(span.title, "span", span.span_id), Word(" in "), service, Word(f" failed ({span.problem})"))


def status_of(row: SpanRow) -> int | None:
    status = row.attributes.get("http.response.status_code")
    return status if isinstance(status, int) else None


def steps(rows: Sequence[Row]) -> tuple[Step, ...]:
    """
    The request in order, at most `MOST_STEPS`: its beginning, who asked whom, what went wrong, what the services said
    about their domain, its end. Of too many, what failed is kept first.
    """
    told = sorted(_all_steps(rows), key=lambda step: step.offset_ms)
    if len(told) <= MOST_STEPS:
        return tuple(told)
    ends = {0, len(told) - 1}
    by_worth = sorted(range(len(told)), key=lambda place: (place not in ends, not told[place].bad, place))
    return tuple(told[place] for place in sorted(by_worth[:MOST_STEPS]))


def _all_steps(rows: Sequence[Row]) -> Iterable[Step]:
    spans = [row for row in rows if isinstance(row, SpanRow)]
    root = spans[0] if spans else None
    if root is not None:
        verb = "takes" if root.kind == "server" else "begins"
        yield Step(root.offset_ms, f"{root.service} {verb} {root.name}", bad=False)
    for span in spans[1:]:
        peer = str(span.attributes.get("peer.service", ""))
        if span.kind != "client" or not peer:
            continue
        answering = next((row.name for row in spans if row.parent_span_id == span.span_id), span.name)
        yield Step(span.offset_ms, f"{span.service} asks {peer}: {answering}", bad=False)
        if span.failed:
            answered = span.problem.isdigit()
            said = f"{peer} answers {span.problem}" if answered else f"no answer from {peer}: {span.problem}"
            yield Step(span.end_ms, f"{said} after {plain(span.duration_ms, 'ms')}", bad=True)
    told_by_spans = ("request.finished", "peer.failed") if spans else ("request.finished",)
    for line in rows:
        if isinstance(line, LogRow) and line.action not in told_by_spans and (line.action or line.level in SEVERE):
            yield Step(line.offset_ms, f"{line.service}: {line.message or line.action}", bad=line.failed)
    if root is not None:
        status = status_of(root)
        ending = f"the caller gets {status}" if status else f"{root.name} ends"
        yield Step(root.end_ms, ending, bad=root.failed)
