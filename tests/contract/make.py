"""Log lines, samples and spans that say only what a test is about."""

from __future__ import annotations

from typing import Any

from clew.store import Exemplar, Labels, LogLine, Sample, Span, labels_of

T0_NS = 1_795_000_000_000_000_000
T0_MS = T0_NS // 1_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def line(
    id: str,
    *,
    at_ns: int = 0,
    sequence: int | None = None,
    service: str | None = "order",
    instance: str | None = "one",
    level: str | None = "info",
    trace_id: str | None = None,
    message: Any = "something happened",
    index: str = "clew-logs-2026.11.18",
    **more: Any,
) -> LogLine:
    """
    A line *at_ns* after T0_NS. *more* are further top-level objects of the document.
    """
    given = {
        "service": {"name": service, "node": {"name": instance}},
        "log": {"level": level},
        "event": {"sequence": sequence},
        "trace": {"id": trace_id},
        "message": message,
    }
    document = {name: kept for name, value in given.items() if (kept := _without_none(value)) not in (None, {})}
    return LogLine(index, id, T0_NS + at_ns, {**document, **more})


def _without_none(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: _without_none(inner) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner not in (None, {})}


def series(name: str, **labels: str) -> Labels:
    return labels_of({"__name__": name, **labels})


def sample(labels: Labels, at_ms: int, value: float) -> Sample:
    return Sample(labels, T0_MS + at_ms, value)


def exemplar(labels: Labels, at_ms: int, value: float, trace_id: str = TRACE) -> Exemplar:
    return Exemplar(labels, labels_of({"trace_id": trace_id, "span_id": trace_id[:16]}), T0_MS + at_ms, value)


def span(span_id: str = "00f067aa0ba902b7", *, at_ns: int = 0, lasts_ns: int = 1000, **more: Any) -> Span:
    """
    A span that starts *at_ns* after T0_NS.
    """
    service, instance = more.pop("service", "order"), more.pop("instance", "one")
    given: dict[str, Any] = {
        "trace_id": TRACE,
        "parent_span_id": None,
        "name": "GET /orders",
        "kind": "server",
        "status": "unset",
        "status_message": "",
        "attributes": {},
        "resource": {"service.name": service, "service.instance.id": instance},
    }
    return Span(span_id=span_id, start_ns=T0_NS + at_ns, end_ns=T0_NS + at_ns + lasts_ns, **{**given, **more})
