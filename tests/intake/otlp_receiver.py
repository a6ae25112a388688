"""A receiver of OTLP over a store that may refuse, and what is sent to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from werkzeug.test import TestResponse

from clew.intake.aside import Aside
from clew.intake.otlp import OtlpIntake, create_otlp_app
from clew.store import Span, SpanStore, StoreError
from clew.store.memory import memory_stores

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TRACE, PARENT, CHILD = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "00f067aa0ba902b8"


class MoodyStore:
    """A real store that can be told to refuse, or to choke on a span by its name."""

    def __init__(self) -> None:
        self.real: SpanStore = memory_stores().spans
        self.refuses = False

    def append(self, spans: Iterable[Span]) -> int:
        spans = list(spans)
        if self.refuses:
            raise StoreError("spans.db: the disk is full")
        if any(span.name == "choke" for span in spans):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return self.real.append(spans)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Receiver:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.store = MoodyStore()
        self.reports: list[str] = []
        self.folder = folder
        self.intake = OtlpIntake(
            self.store, Aside(folder), clock=lambda: 1_795_246_863.0, report=self.reports.append, **options
        )
        self.client: FlaskClient = create_otlp_app(self.intake).test_client()

    def post(
        self, body: bytes, content_type: str = PROTOBUF, *, path: str = "/v1/traces", **headers: str
    ) -> TestResponse:
        return self.client.post(
            path,
            data=body,
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def post_json(self, document: object) -> TestResponse:
        return self.post(json.dumps(document).encode(), JSON)

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.intake.status().counts)

    def trace(self, trace_id: str = TRACE) -> list[Span]:
        return list(self.store.real.trace(trace_id))

    def aside(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.iterdir())] if self.folder.exists() else []


def sdk_body() -> tuple[bytes, str]:
    """A server span with a child, as the SDK makes and encodes them, and the trace id."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "order", "service.instance.id": "i-1", "n": 1}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("orders")
    linked = SpanContext(int("cd" * 16, 16), int("ef" * 8, 16), is_remote=True)
    with tracer.start_as_current_span(
        "POST /orders",
        kind=SpanKind.SERVER,
        attributes={"http.request.method": "POST", "ok": True, "n": -5, "x": 0.5, "list": ["a", "b"]},
        links=[Link(linked, {"why": "retry"})],
    ) as span:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT) as child:
            child.add_event("exception", {"exception.type": "ValueError"}, timestamp=1_795_246_863_000_000_001)
            child.set_status(Status(StatusCode.ERROR, "it broke"))
        span.set_status(StatusCode.OK)
    provider.shutdown()
    finished = exporter.get_finished_spans()
    context = finished[0].get_span_context()
    assert context is not None
    return encode_spans(finished).SerializeToString(), f"{context.trace_id:032x}"


def span(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "traceId": TRACE,
        "spanId": PARENT,
        "name": "GET /orders/{id}",
        "kind": 2,
        "startTimeUnixNano": "1795246863000000001",
        "endTimeUnixNano": "1795246863500000001",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def request(*spans: object, resource: object = None) -> dict[str, Any]:
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "order"}}]}
    return {"resourceSpans": [{"resource": resource or service, "scopeSpans": [{"spans": list(spans)}]}]}
