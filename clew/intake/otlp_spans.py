"""
OTLP's spans (opentelemetry.proto.trace.v1) into the store's, walked by hand: `MessageToDict` costs forty times as much.

Bounded: what is too much of a span is cut off and counted, never the span itself. A span without usable ids or times
is refused, with the reason.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from clew.store import Span, SpanEvent, SpanLink

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_LAST_NS = 2**63 - 1  # what a store's integer can hold: the year 2262

UNKNOWN_SERVICE = "unknown_service"


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """
    How much of one span is kept: so many attributes (per span, event, link and resource), events, links and items of
    a list, and so many characters of a text.
    """

    attributes: int = 256
    events: int = 256
    links: int = 256
    items: int = 256
    characters: int = 32 * 1024


@dataclass(slots=True)
class Decoded:
    """
    :param refused: how many spans by reason: ``invalid_trace_id``, ``invalid_span_id``, ``invalid_parent_id``,
        ``invalid_time``.
    :param oddities: what was put right, by name: ``ends_before_start`` (taken to end when it starts),
        ``unnamed_service``, ``cut:attributes``, ``cut:events``, ``cut:links``, ``cut:items``, ``cut:characters``.
    """

    spans: list[Span] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    oddities: Counter[str] = field(default_factory=Counter)


def decode(request: ExportTraceServiceRequest, limits: SpanLimits | None = None) -> Decoded:
    """
    All spans of *request*, in its order.
    """
    walk = _Walk(limits or SpanLimits())
    for resource_spans in request.resource_spans:
        resource = walk.attributes(resource_spans.resource.attributes)
        if not isinstance(resource.get("service.name"), str) or not resource["service.name"]:
            resource["service.name"] = UNKNOWN_SERVICE
            walk.out.oddities["unnamed_service"] += 1
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                walk.span(span, resource, scope_spans.scope.name)
    return walk.out


class _Refused(ValueError):
    """This span cannot be kept; the argument is the reason."""


@dataclass(slots=True)
class _Walk:
    limits: SpanLimits
    out: Decoded = field(default_factory=Decoded)

    def span(self, span: trace_pb2.Span, resource: Mapping[str, Any], scope: str) -> None:
        try:
            trace_id = _id(span.trace_id, 16, "invalid_trace_id")
            span_id = _id(span.span_id, 8, "invalid_span_id")
            # No parent is no bytes; some encoders send eight zeros.
            parent = _id(span.parent_span_id, 8, "invalid_parent_id") if any(span.parent_span_id) else None
            start, end = span.start_time_unix_nano, span.end_time_unix_nano
            if not 0 < start <= _LAST_NS or end > _LAST_NS:
                raise _Refused("invalid_time")
        except _Refused as refused:
            self.out.refused[str(refused)] += 1
            return
        if end < start:
            self.out.oddities["ends_before_start"] += 1
            end = start
        self.out.spans.append(
            Span(
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=parent,
                name=self.text(span.name),
                kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else _KINDS[0],
                start_ns=start,
                end_ns=end,
                status=_STATUSES[span.status.code] if 0 <= span.status.code < len(_STATUSES) else _STATUSES[0],
                status_message=self.text(span.status.message),
                attributes=self.attributes(span.attributes),
                resource=resource,
                events=tuple(map(self.event, self.first(span.events, self.limits.events, "events"))),
                links=tuple(self.links(span.links)),
                scope=self.text(scope),
                trace_state=self.text(span.trace_state),
            )
        )

    def event(self, event: trace_pb2.Span.Event) -> SpanEvent:
        return SpanEvent(self.text(event.name), min(event.time_unix_nano, _LAST_NS), self.attributes(event.attributes))

    def links(self, links: Sequence[trace_pb2.Span.Link]) -> Iterator[SpanLink]:
        for link in self.first(links, self.limits.links, "links"):
            if len(link.trace_id) == 16 and len(link.span_id) == 8:
                yield SpanLink(link.trace_id.hex(), link.span_id.hex(), self.attributes(link.attributes))
            else:
                self.out.oddities["cut:links"] += 1  # it leads nowhere

    def attributes(self, pairs: Sequence[KeyValue]) -> dict[str, Any]:
        kept = self.first(pairs, self.limits.attributes, "attributes")
        return {self.text(pair.key): self.value(pair.value) for pair in kept}

    def value(self, value: AnyValue) -> Any:
        """Plain values as they are; what the store has no type for (bytes, maps, nested lists) as text."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            return self.text(value.string_value)
        if kind == "int_value":
            return value.int_value
        if kind == "bool_value":
            return value.bool_value
        if kind == "double_value":
            return _double(value.double_value)
        if kind == "array_value":
            return [self.item(item) for item in self.first(value.array_value.values, self.limits.items, "items")]
        if kind == "bytes_value":
            return self.text(base64.b64encode(value.bytes_value).decode())
        if kind == "kvlist_value":
            return self.text(orjson.dumps(self.attributes(value.kvlist_value.values)).decode())
        return ""

    def item(self, item: AnyValue) -> Any:
        value = self.value(item)
        return self.text(orjson.dumps(value).decode()) if isinstance(value, list) else value

    def text(self, text: str) -> str:
        if len(text) <= self.limits.characters:
            return text
        self.out.oddities["cut:characters"] += 1
        return text[: self.limits.characters]

    def first(self, items: Sequence[Any], limit: int, what: str) -> Iterable[Any]:
        if len(items) <= limit:
            return items
        self.out.oddities[f"cut:{what}"] += len(items) - limit
        return items[:limit]


def _id(raw: bytes, length: int, reason: str) -> str:
    if len(raw) != length or not any(raw):
        raise _Refused(reason)
    return raw.hex()


def _double(number: float) -> float | str:
    """JSON, and so the store, has no word for these; OTLP/JSON spells them like this."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
