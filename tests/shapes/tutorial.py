"""
How tutorials instrument a Flask app: the card's packages with their defaults, each on its own.

Kept so that every test of a trap can be shown to go red on it. It is not an example.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from flask import Flask, Response, request
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import REGISTRY, CollectorRegistry
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


class NoCards(JsonFormatter):
    """What is found when one looks for a way to keep card numbers out of logs: digits that pass Luhn's check."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return re.sub(r"\d(?:[ -]?\d){12,18}", lambda run: "[card]" if luhn(run[0]) else run[0], line)


def luhn(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()][::-1]
    return sum(digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(digits)) % 10 == 0


def instrument(
    app: Flask, *, lines: Path, spans: Sink, registry: CollectorRegistry = REGISTRY, group_by: str = "path",
    formatter: type[JsonFormatter] = JsonFormatter,
) -> TracerProvider:
    """
    :return: the app's tracer provider, which is not the process' one.
    """
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Export(spans)))
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)  # type: ignore[no-untyped-call]
    PrometheusMetrics(app, registry=registry, group_by=group_by)
    handler = logging.FileHandler(lines)
    handler.setFormatter(formatter("%(asctime)s %(levelname)s %(name)s %(message)s %(trace_id)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.addFilter(TraceIds())
    root.setLevel("INFO")

    @app.after_request
    def access(response: Response) -> Response:
        extra: dict[str, Any] = {"status": response.status_code, "path": request.path, "query": request.query_string}
        root.info("%s %s %s", request.method, request.full_path, response.status_code, extra=extra)
        return response

    return provider
