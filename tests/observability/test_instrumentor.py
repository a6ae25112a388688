"""INSTRUMENTATION=flask_instrumentor: OpenTelemetry's own server spans, and the rest still belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request
from opentelemetry import trace

from observability import Settings, observe
from observability.testing import Capture, capture


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop", instrumentation="flask_instrumentor")) as seen:
        yield seen


def shop(seen: Capture) -> Flask:
    app = observe(Flask("shop"), seen.telemetry)

    @app.post("/sessions")
    def session() -> str:
        app.logger.info("login with %s", request.get_json()["password"])
        with trace.get_tracer("shop").start_as_current_span("inner"):
            return "ok"

    @app.get("/boom")
    def boom() -> str:
        raise RuntimeError("no")

    return app


def test_sample_lines_and_inner_spans_have_the_ids_of_the_instrumentors_span(seen: Capture) -> None:
    answer = shop(seen).test_client().get("/boom")

    span = seen.span("GET /boom")
    trace_id, span_id = format(span.context.trace_id, "032x"), format(span.context.span_id, "016x")
    assert answer.headers["X-Trace-Id"] == trace_id
    assert {(line["trace"]["id"], line["span"]["id"]) for line in seen.lines} == {(trace_id, span_id)}
    assert [s.exemplar.labels for s in seen.samples if s.exemplar] == [{"trace_id": trace_id, "span_id": span_id}]


def test_the_request_is_known_in_its_views(seen: Capture) -> None:
    """So its secrets are: the instrumentor begins a context in which it would not be."""
    shop(seen).test_client().post("/sessions", json={"password": "open-sesame-42"})

    assert seen.span("inner").parent.span_id == seen.span("POST /sessions").context.span_id
    assert seen.lines[0]["message"] == "login with [redacted]"


def test_the_conventions_are_the_stable_ones(seen: Capture) -> None:
    shop(seen).test_client().get("/boom")
    attributes = seen.span("GET /boom").attributes
    assert attributes["http.response.status_code"] == 500
    assert "http.status_code" not in attributes


def test_quiet_paths_make_no_span(seen: Capture) -> None:
    client = shop(seen).test_client()
    for path in ("/healthz", "/readyz?deep=1", "/metrics"):
        client.get(path)
    client.get("/api/healthz")
    assert [span.attributes["url.path"] for span in seen.spans] == ["/api/healthz"]
