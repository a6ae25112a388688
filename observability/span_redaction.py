"""
The last door for spans: names, attributes, events, links and status texts leave redacted, and as types OTLP can carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Status

from observability.redaction import Redactor, Secrets
from observability.spans import readable

MOST = 128
_INT64 = range(-(2**63), 2**63)


def outgoing(span: ReadableSpan, redactor: Redactor, secrets: Secrets) -> ReadableSpan:
    """
    A copy of *span* that may leave the process. What is over the SDK's usual limits (128 attributes, events and links)
    is left out and counted in the span's own dropped counts.
    """

    def clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        typed = {str(key): _carried(value) for key, value in (attributes or {}).items() if value is not None}
        if "url.query" in typed:
            typed["url.query"] = redactor.query_string(str(typed["url.query"]), secrets)
        return redactor.document(typed, secrets)

    return readable(
        name=redactor.text(span.name, secrets),
        context=span.get_span_context(),
        parent=span.parent,
        kind=span.kind,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        attributes=BoundedAttributes(MOST, clean(span.attributes), immutable=True),
        events=BoundedList.from_seq(
            MOST, [Event(redactor.text(e.name, secrets), clean(e.attributes), e.timestamp) for e in span.events]
        ),
        links=BoundedList.from_seq(MOST, [Link(link.context, clean(link.attributes)) for link in span.links]),
        status=_status(span.status, redactor, secrets),
        resource=span.resource,
        scope=span.instrumentation_scope,
    )


def _status(status: Status, redactor: Redactor, secrets: Secrets) -> Status:
    if not status.description:
        return status
    return Status(status.status_code, redactor.text(status.description, secrets))


def _carried(value: Any) -> Any:
    """OTLP carries UTF-8 text, booleans, 64-bit integers, doubles, bytes and lists of these; the rest as its text."""
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if value in _INT64 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        items = [_carried(item) for item in value]
        return items if len({type(item) for item in items}) < 2 else [str(item) for item in items]
    return str(value)
