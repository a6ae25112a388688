"""
What OpenTelemetry's own FlaskInstrumentor records, we record too. The differences are a list, and each is meant.

Both run here, on the same app and the same requests; the instrumentor with the stable semantic conventions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability import Settings, observe
from observability.testing import capture

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("GET", "/items/7", {}),
    "query": ("GET", "/items/7?colour=red", {}),
    "head": ("HEAD", "/items/7", {}),
    "post": ("POST", "/items", {"data": b"abc"}),
    "not found": ("GET", "/nowhere", {}),
    "other method": ("DELETE", "/items/7", {}),
    "conflict": ("GET", "/conflict", {}),
    "crash": ("GET", "/crash", {}),
    "caller's trace": ("GET", "/items/7", {"headers": {"traceparent": PARENT}}),
    "caller's state": ("GET", "/items/7", {"headers": {"traceparent": PARENT, "tracestate": "v=1"}}),
    "user agent": ("GET", "/items/7", {"headers": {"User-Agent": "curl/8"}}),
    "host": ("GET", "/items/7", {"headers": {"Host": "shop.example:8443"}}),
}

ONLY_OURS = {"clew.request_id", "http.response.body.size"}  # the id in X-Request-Id; the instrumentor does not count

# (request, what): (ours, theirs, why)
DIFFERENT = {
    ("not found", "name"): ("GET", "GET /nowhere", "a raw path as a name is unbounded"),
    ("other method", "name"): ("DELETE", "DELETE /items/7", "the same"),
    ("crash", "error.type"): ("ZeroDivisionError", "500", "the conventions prefer the exception's type"),
    ("host", "server.address"): ("shop.example", "shop.example:8443", "the port has a place of its own"),
    ("host", "server.port"): (8443, 80, "the port that was asked for stands in the Host header"),
}


def app() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/items/<int:n>", view_func=lambda n: str(n), endpoint="item")
    app.add_url_rule("/items", view_func=lambda: ("", 201), methods=["POST"], endpoint="create")
    app.add_url_rule("/conflict", view_func=lambda: abort(409), endpoint="conflict")
    app.add_url_rule("/crash", view_func=lambda: 1 // 0, endpoint="crash")
    return app


@pytest.fixture(scope="module")
def theirs() -> Iterator[dict[str, ReadableSpan]]:
    """The instrumentor's spans; it reads its one switch from the environment."""
    from opentelemetry.instrumentation import _semconv

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = os.environ.get("OTEL_SEMCONV_STABILITY_OPT_IN")
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
    _semconv._OpenTelemetrySemanticConventionStability._initialized = False
    try:
        instrumented = app()
        FlaskInstrumentor().instrument_app(instrumented, tracer_provider=provider)
        spans = {}
        for name, (method, path, options) in REQUESTS.items():
            exporter.clear()
            instrumented.test_client().open(path, method=method, **options)
            (spans[name],) = exporter.get_finished_spans()
        yield spans
    finally:
        os.environ.pop("OTEL_SEMCONV_STABILITY_OPT_IN")
        if before is not None:
            os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = before
        _semconv._OpenTelemetrySemanticConventionStability._initialized = False


@pytest.fixture(scope="module")
def ours() -> dict[str, ReadableSpan]:
    with capture(Settings(service_name="shop")) as seen:
        observed = observe(app(), seen.telemetry)
        for method, path, options in REQUESTS.values():
            observed.test_client().open(path, method=method, **options)
        return dict(zip(REQUESTS, seen.spans, strict=True))


@pytest.mark.parametrize("name", REQUESTS)
def test_our_span_says_what_the_instrumentors_says(
    name: str, ours: dict[str, ReadableSpan], theirs: dict[str, ReadableSpan]
) -> None:
    mine, other = ours[name], theirs[name]
    said, told = facts(mine), facts(other)
    assert said.keys() - told.keys() == ONLY_OURS
    assert told.keys() - said.keys() == set()
    differing = {(name, key): (said[key], told[key]) for key in told if said[key] != told[key]}
    assert differing == {key: value[:2] for key, value in DIFFERENT.items() if key[0] == name}


def facts(span: ReadableSpan) -> dict[str, Any]:
    parent, context = span.parent, span.context
    return {
        **dict(span.attributes or {}),
        "name": span.name,
        "kind": span.kind,
        "status": span.status.status_code,
        "parent": parent and parent.span_id,
        "trace": parent and context.trace_id,
        "state": context.trace_state,
        "events": [event.name for event in span.events],
    }
