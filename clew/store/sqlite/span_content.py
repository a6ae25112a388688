"""
A span as JSON text and back, without loss: integers stay integers of any size, floats floats, also NaN and infinities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clew.store import Span, SpanEvent, SpanLink


def content_of(span: Span) -> str:
    """
    *span* as text, in ASCII (lone surrogates survive).
    """
    return json.dumps(
        [
            span.attributes,
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            span.name,
            span.kind,
            span.start_ns,
            span.end_ns,
            span.status,
            span.status_message,
            span.resource,
            [(event.name, event.timestamp_ns, event.attributes) for event in span.events],
            [(link.trace_id, link.span_id, link.attributes) for link in span.links],
            span.scope,
            span.trace_state,
        ],
        separators=(",", ":"),
    )


def span_of(content: str) -> Span:
    """
    The span that `content_of` wrote.
    """
    attributes, trace_id, span_id, parent, name, kind, start, end, status, message, resource, events, links, *rest = (
        json.loads(content)
    )
    scope, trace_state = rest
    return Span(
        trace_id, span_id, parent, name, kind, start, end, status, message, attributes, resource,
        events=tuple(SpanEvent(*event) for event in events),
        links=tuple(SpanLink(*link) for link in links),
        scope=scope,
        trace_state=trace_state,
    )


def attributes_of(content: str) -> Mapping[str, Any]:
    """
    Only the attributes; they stand first, so nothing after them is read.
    """
    attributes: Mapping[str, Any]
    attributes, _ = _DECODER.raw_decode(content, 1)
    return attributes


def text_within(value: str) -> str:
    """
    What `content_of` writes for a value that reads *value*, without the quotation marks.
    """
    return json.dumps(value)[1:-1]


_DECODER = json.JSONDecoder()
