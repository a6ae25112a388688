"""Traps of tracing."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

from flask import Flask, Response, request
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from tests.traps.stage import DURATION, Stage
from tests.traps.trap import Trap

_NEVER = threading.Event()
PAUSE_S = 0.02


def span_named(stage: Stage, name: str) -> ReadableSpan:
    found = [span for span in stage.spans if span.name == name]
    assert len(found) == 1, [span.name for span in stage.spans]
    return found[0]


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return child.parent is not None and parent.context is not None and child.parent.span_id == parent.context.span_id


def a_view_can_start_spans(stage: Stage) -> None:
    app = stage.observe(Flask("shop"))

    @app.get("/")
    def home() -> str:
        with trace.get_tracer("shop").start_as_current_span("work"):
            return "ok"

    app.test_client().get("/")
    assert is_child(span_named(stage, "work"), span_named(stage, "GET /"))


def streaming(stage: Stage) -> Flask:
    app = stage.observe(Flask("shop"))

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            for n in range(2):
                with stage.tracer().start_as_current_span(f"part {n}"):
                    _NEVER.wait(PAUSE_S)
                    yield "part"

        return Response(parts())

    return app


def a_stream_is_timed_to_its_end(stage: Stage) -> None:
    streaming(stage).test_client().get("/stream").get_data()
    span = span_named(stage, "GET /stream")
    assert ((span.end_time or 0) - (span.start_time or 0)) / 1e9 >= 2 * PAUSE_S
    (seconds,) = [s.value for s in stage.samples if s.name == f"{DURATION}_sum"]
    assert seconds >= 2 * PAUSE_S


def spans_of_a_stream_belong_to_it(stage: Stage) -> None:
    streaming(stage).test_client().get("/stream").get_data()
    server = span_named(stage, "GET /stream")
    assert is_child(span_named(stage, "part 0"), server)
    assert is_child(span_named(stage, "part 1"), server)


def nothing_leaks_into_the_next_request(stage: Stage) -> None:
    app = stage.observe(Flask("shop"))
    app.add_url_rule("/first", view_func=lambda: "ok", endpoint="first")
    app.add_url_rule("/second", view_func=lambda: "ok", endpoint="second")

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        if request.path == "/first":
            raise RuntimeError("teardown")

    client = app.test_client()
    kept: list[RuntimeError] = []  # as by a server that is writing it down: the traceback keeps the environ alive
    try:
        client.get("/first")
    except RuntimeError as error:
        kept.append(error)
    client.get("/second")
    assert len(kept) == 1
    kept.clear()
    gc.collect()  # what leaked goes now, not in another test
    assert span_named(stage, "GET /second").parent is None


TRACES: tuple[Trap[Stage], ...] = (
    Trap(
        name="spans-of-views",
        wrong="The provider is given to the instrumentation only: what `trace.get_tracer()` makes in a view is lost.",
        promise="They are recorded, below the request's span.",
        check=a_view_can_start_spans,
    ),
    Trap(
        name="streams-untimed",
        wrong="A stream is timed to its first byte: 0.6 ms for one that takes 300.",
        promise="Timed to its last byte, in span, sample and line.",
        check=a_stream_is_timed_to_its_end,
    ),
    Trap(
        name="spans-of-streams",
        wrong="Spans that a streaming generator starts are roots of traces of their own.",
        promise="They are the request's.",
        check=spans_of_a_stream_belong_to_it,
    ),
    Trap(
        name="leaking-context",
        wrong="After a `teardown_request` that raises, the thread's next request is taken for a part of the first.",
        promise="Each request has a trace of its own.",
        check=nothing_leaks_into_the_next_request,
    ),
)
