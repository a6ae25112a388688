"""
Our own light span behind the OpenTelemetry API.

It is current while a request is answered or a call is made, so ``trace.get_current_span().set_attribute(…)`` works and
spans that code starts become its children. When it ends it becomes the SDK's `ReadableSpan`, which everything behind
(redaction, encoding, export, tests) knows. It costs 2 us where an SDK span costs 15 (benchmarks/).
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

SCOPE = InstrumentationScope("observability")
MOST_KEPT = 1000
"""Attributes, events and links of a span in progress. A stream may go on for hours; far fewer leave in the end."""


def exception_event(error: BaseException, when_ns: int) -> Event:
    """
    The event that OpenTelemetry's semantic conventions define for an exception.
    """
    return Event("exception", exception_attributes(error), when_ns)


def exception_attributes(error: BaseException) -> dict[str, AttributeValue]:
    return {
        "exception.type": type_name(error),
        "exception.message": text_of(error),
        "exception.stacktrace": "".join(traceback.format_exception(error)),
    }


def text_of(value: object) -> str:
    """
    *value* as text; never an exception, whatever its ``__str__`` does.
    """
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 (somebody else's code)
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"


def type_name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


class LiveSpan(Span):
    """
    A span in progress. Not started by `Tracer.start_span`: a request or a call owns it and ends it.

    :param on_end: receives the span once, when it ends; None for a span whose owner asks for `readable` itself.
    """

    __slots__ = (
        "_on_end", "attributes", "ended", "events", "kind", "links", "name", "own_context", "parent", "start_ns",
        "status", "status_is_set",
    )

    def __init__(
        self, context: SpanContext, parent: SpanContext | None, name: str, kind: SpanKind, start_ns: int,
        on_end: Callable[[LiveSpan, int], None] | None = None,
    ) -> None:
        self.own_context = context
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start_ns = start_ns
        self.attributes: dict[str, Any] = {}
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.status = Status(StatusCode.UNSET)
        self.status_is_set = False
        self.ended = False
        self._on_end = on_end

    def get_span_context(self) -> SpanContext:
        return self.own_context

    def is_recording(self) -> bool:
        return not self.ended and self.own_context.trace_flags.sampled

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        if not self.ended and (len(self.attributes) < MOST_KEPT or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if not self.ended and len(self.events) < MOST_KEPT:
            self.events.append(Event(name, attributes, timestamp or time.time_ns()))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        if not self.ended and len(self.links) < MOST_KEPT:
            self.links.append(Link(context, attributes))

    def update_name(self, name: str) -> None:
        if not self.ended:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        wanted = status if isinstance(status, Status) else Status(status, description)
        if self.ended or self.status.status_code is StatusCode.OK or wanted.status_code is StatusCode.UNSET:
            return
        self.status = wanted
        self.status_is_set = True

    def record_exception(
        self, exception: BaseException, attributes: Attributes = None, timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self.add_event("exception", exception_attributes(exception) | dict(attributes or {}), timestamp)

    def end(self, end_time: int | None = None) -> None:
        """
        A view that ends the request's span ends nothing: the request does, once.
        """
        if self._on_end is not None and not self.ended:
            self.ended = True
            self._on_end(self, end_time or time.time_ns())


def readable(
    *, name: str, context: SpanContext | None, parent: SpanContext | None, kind: SpanKind, start_ns: int, end_ns: int,
    attributes: Mapping[str, Any], events: Sequence[Event], links: Sequence[Link], status: Status,
    resource: Resource, scope: InstrumentationScope | None = SCOPE,
) -> ReadableSpan:
    """
    The SDK's view of a finished span; times in nanoseconds since the epoch.
    """
    return ReadableSpan(
        name=name, context=context, parent=parent, resource=resource,
        attributes=attributes, events=events, links=links,
        kind=kind, instrumentation_scope=scope, status=status, start_time=start_ns, end_time=end_ns,
    )
