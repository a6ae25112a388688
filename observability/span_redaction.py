"""
The last door for spans: names, attributes, events, links and status texts leave redacted, and as types OTLP can carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, Status, TraceState

from observability.redaction import Redactor, Secrets
from observability.spans import readable, text_of

MOST = 128
_INT64 = range(-(2**63), 2**63)


def outgoing(span: ReadableSpan, redactor: Redactor, secrets: Secrets) -> ReadableSpan:
    """
    A copy of *span* that may leave the process. What is over the SDK's usual limits (128 attributes, events and links)
    is left out, the oldest first, and counted in the span's own dropped counts.
    """

    def clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        last = list((attributes or {}).items())[-MOST:]
        typed = {text_of(key): _carried(value) for key, value in last if value is not None}
        if "url.query" in typed:
            typed["url.query"] = redactor.query_string(str(typed["url.query"]), secrets)
        return redactor.document(typed, secrets)

    attributes = BoundedAttributes(MOST, clean(span.attributes), immutable=True)
    attributes.dropped = span.dropped_attributes + max(0, len(span.attributes or ()) - MOST)
    events = [
        Event(redactor.text(text_of(event.name), secrets), clean(event.attributes), event.timestamp)
        for event in span.events[-MOST:]
    ]
    links = [Link(_told(link.context, redactor, secrets), clean(link.attributes)) for link in span.links[-MOST:]]
    own = span.get_span_context()
    return readable(
        name=redactor.text(text_of(span.name), secrets),
        context=own and _told(own, redactor, secrets),
        parent=span.parent,
        kind=span.kind,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        attributes=attributes,
        events=_bounded(events, span.dropped_events + len(span.events) - len(events)),
        links=_bounded(links, span.dropped_links + len(span.links) - len(links)),
        status=_status(span.status, redactor, secrets),
        resource=span.resource,
        scope=span.instrumentation_scope,
    )


def _told(context: SpanContext, redactor: Redactor, secrets: Secrets) -> SpanContext:
    """
    *context* with a clean tracestate. The caller's own travels on to the services behind as it is; it is not told here.
    """
    if not context.trace_state:
        return context
    clean = redactor.document(context.trace_state, secrets)
    state = TraceState([(key, str(value)) for key, value in clean.items() if key in context.trace_state])
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags, state)


def _bounded(items: list[Any], dropped: int) -> BoundedList[Any]:
    bounded = BoundedList.from_seq(MOST, items)
    bounded.dropped = dropped
    return bounded


def _status(status: Status, redactor: Redactor, secrets: Secrets) -> Status:
    if not status.description:
        return status
    return Status(status.status_code, redactor.text(status.description, secrets))


def _carried(value: Any) -> Any:
    """OTLP carries UTF-8 text, booleans, 64-bit integers, doubles and lists of one of these; the rest as its text."""
    if not isinstance(value, list | tuple):
        return _scalar(value)
    items = [_scalar(item) for item in value]
    return items if len({type(item) for item in items}) < 2 else [str(item) for item in items]


def _scalar(value: Any) -> str | bool | int | float:
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if value in _INT64 else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return text_of(value).encode("utf-8", "replace").decode("utf-8")
