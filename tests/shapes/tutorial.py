"""
How tutorials instrument a Flask app: the card's packages with their defaults, each on its own.

Kept so that every test of a trap can be shown to go red on it. It is not an example.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from flask import Flask, Response, g, request
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from prometheus_flask_exporter import PrometheusMetrics
from pythonjsonlogger.json import JsonFormatter


class Sink(Protocol):
    def put(self, spans: Sequence[ReadableSpan], until_s: float) -> None: ...


class Export(SpanExporter):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._sink.put(spans, 0.0)
        return SpanExportResult.SUCCESS


class TraceIds(logging.Filter):
    """On the root *logger*, as most tutorials have it: child loggers' records never pass it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
        return True


def instrument(app: Flask, *, lines: Path, spans: Sink) -> Flask:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Export(spans)))
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)  # type: ignore[no-untyped-call]
    PrometheusMetrics(app)
    handler = logging.FileHandler(lines)
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s %(trace_id)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.addFilter(TraceIds())
    root.setLevel("INFO")

    @app.after_request
    def access(response: Response) -> Response:
        extra: dict[str, Any] = {"status": response.status_code, "path": request.path, "query": request.query_string}
        root.info("%s %s %s", request.method, request.full_path, response.status_code, extra=extra)
        g.logged = True
        return response

    return app
