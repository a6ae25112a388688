"""What leaves beside texts and attributes: label values of metrics, and the tracestate of spans."""

from __future__ import annotations

from flask import Flask

from observability import observe
from observability.testing import capture

CARD = "4539148803436467"


def test_a_label_value_that_must_not_leave_is_counted_under_a_mark() -> None:
    with capture() as seen:
        told = seen.telemetry.counter("told_total", "What was told", ("what",))
        for value in ("fine", "jane@mail.example", CARD, "fine", "jane@mail.example"):
            told.labels(value).inc()

        counted = {s.labels["what"]: s.value for s in seen.samples if s.name == "told_total"}
        assert counted == {"fine": 2, "[redacted]": 3}


def test_a_secret_of_the_request_is_no_label_of_an_apps_metric_and_changes_none_of_ours() -> None:
    """Ours are made of routes, methods and statuses, which no caller writes: a password *orders* changes none."""
    with capture() as seen:
        app = observe(Flask("app"), seen.telemetry)

        @app.get("/orders")
        def orders() -> str:
            seen.telemetry.secret("orders")
            seen.telemetry.counter("told_total", "What was told", ("what",)).labels("all orders").inc()
            return "ok"

        app.test_client().get("/orders")
        told = [s.labels["what"] for s in seen.samples if s.name == "told_total"]
        routes = [s.labels["url_rule"] for s in seen.samples if s.name == "flask_http_request_duration_seconds_count"]
        assert (told, routes) == (["all [redacted]"], ["/orders"])


def test_a_spans_tracestate_is_clean_and_the_callers_own_travels_on() -> None:
    with capture() as seen:
        app = observe(Flask("app"), seen.telemetry)
        sent: dict[str, str] = {}

        @app.get("/")
        def view() -> str:
            from opentelemetry.propagate import inject

            inject(sent)
            return "ok"

        state = f"shop=jane@mail.example,token=hunter2,card={CARD},other=fine"
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        app.test_client().get("/", headers={"traceparent": parent, "tracestate": state})
        (span,) = seen.spans
        assert span.context is not None
        assert span.context.trace_state.to_header() == "shop=[redacted],token=[redacted],card=[redacted],other=fine"
        assert sent["tracestate"] == state
