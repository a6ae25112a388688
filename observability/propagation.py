"""
W3C trace context and baggage, in and out.

https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/. A broken ``traceparent`` starts a new trace.
Baggage is taken over and passed on for allow-listed keys only: it comes from strangers and travels to others.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_TRACE = TraceContextTextMapPropagator()
_BAGGAGE = W3CBaggagePropagator()
_MOST_BAGGAGE = 8192


def incoming(environ: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[trace.SpanContext | None, Context]:
    """
    The caller's span, if its headers name one, and a context that holds the allowed baggage.
    """
    context = Context()
    if keys and len(environ.get("HTTP_BAGGAGE", "")) in range(1, _MOST_BAGGAGE):
        context = _BAGGAGE.extract({"baggage": environ["HTTP_BAGGAGE"]}, context)
        for key in set(baggage.get_all(context)) - set(keys):
            context = baggage.remove_baggage(key, context)
    if "HTTP_TRACEPARENT" not in environ:
        return None, context
    carrier = {"traceparent": environ["HTTP_TRACEPARENT"], "tracestate": environ.get("HTTP_TRACESTATE", "")}
    parent = trace.get_current_span(_TRACE.extract(carrier, Context())).get_span_context()
    return (parent if parent.is_valid else None), context


def outgoing(headers: MutableMapping[str, str], context: Context, keys: tuple[str, ...]) -> None:
    """
    Write the context's span and its allowed baggage into *headers*.
    """
    _TRACE.inject(headers, context)
    carried = baggage.get_all(context)
    allowed = Context()
    for key in keys:
        if key in carried:
            allowed = baggage.set_baggage(key, carried[key], allowed)
    _BAGGAGE.inject(headers, allowed)
