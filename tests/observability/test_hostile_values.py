"""Values of any kind, from anybody's code: a request and a log call go on, and each leaves what it should."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from opentelemetry import trace

from observability import Settings, carry_context, observe
from observability.testing import Capture, capture


class Mute(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text today")

    __repr__ = __str__


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop")) as seen:
        yield seen


@pytest.fixture
def app(seen: Capture) -> Flask:
    return observe(Flask("shop"), seen.telemetry)


def raiser() -> str:
    raise Mute


def test_an_exception_without_a_text_leaves_line_span_and_sample(seen: Capture, app: Flask) -> None:
    app.add_url_rule("/x", view_func=raiser)

    assert app.test_client().get("/x").status_code == 500
    (span,) = seen.server_spans
    assert span.events[0].attributes["exception.message"] == "<Mute whose text raises RuntimeError>"
    assert [line["log"]["level"] for line in seen.lines] == ["error", "error"]
    assert seen.value("flask_http_request_exceptions_total") == 1


def test_a_handler_keeps_its_answer_when_the_exception_has_no_text(seen: Capture, app: Flask) -> None:
    app.register_error_handler(Mute, lambda error: ("handled", 418))
    app.add_url_rule("/x", view_func=raiser)

    assert app.test_client().get("/x").status_code == 418


def test_no_log_call_raises_nor_leaves_a_gap_in_the_numbers(seen: Capture) -> None:
    log, mute = logging.getLogger("shop"), Mute()
    seen.telemetry.log("a.happened", error=mute)
    seen.telemetry.log("a.happened", odd=mute)
    seen.telemetry.log("a.happened", labels={5: 6, "in a list": [mute]})  # type: ignore[dict-item]
    log.error("with %s", mute)
    log.error(mute)
    log.error("extra", extra={"odd": mute})
    log.error({"message": mute, 7: 8})
    log.error(*("too %s %s", "few"))
    try:
        raise mute
    except Mute:
        log.exception("caught")

    assert [line["event"]["sequence"] for line in seen.lines] == list(range(1, 10))
    assert seen.value("telemetry_emitted_total", signal="logs") == 9
    assert seen.value("telemetry_dropped_total", signal="logs") == 0


def test_a_level_of_somebodys_own_counts_as_the_next_one_below_it(seen: Capture) -> None:
    for number in (21, 25, 35, 99):
        logging.getLogger("shop").log(number, "hello")

    assert [line["log"]["level"] for line in seen.lines] == ["info", "info", "warning", "critical"]
    assert seen.value("log_lines_total", level="info") == 2


def test_attributes_of_any_kind_cost_neither_the_span_nor_its_neighbours(seen: Capture, app: Flask) -> None:
    @app.get("/odd")
    def odd() -> str:
        span, ring = trace.get_current_span(), []
        ring.append(ring)
        for key, value in {
            "mute": Mute(), 5: 6, "none": None, "big": 1 << 80, "surrogate": "\ud800", "mixed": [1, "a", None, 2.5],
            "ring": ring, "map": {"a": 1},
        }.items():
            span.set_attribute(key, value)
        span.add_event(7, {"mute": Mute()})
        span.update_name(None)
        return "odd"

    app.add_url_rule("/plain", view_func=lambda: "plain")
    for path in ("/odd", "/plain"):
        assert app.test_client().get(path).data

    odd_span, plain_span = seen.server_spans
    assert odd_span.attributes["mixed"] == ("1", "a", "None", "2.5")
    assert odd_span.attributes["big"] == str(1 << 80)
    assert plain_span.name == "GET /plain"
    assert len(seen.access_lines) == 2


def test_a_thread_that_goes_on_with_the_requests_span_does_not_disturb_what_is_written(
    seen: Capture, app: Flask
) -> None:
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def write_on() -> None:
        number = 0
        while not stop.is_set():
            trace.get_current_span().set_attribute(f"k{number % 50_000}", number)
            number += 1

    @app.get("/x")
    def x() -> str:
        threads.append(threading.Thread(target=carry_context(write_on)))
        threads[-1].start()
        return "x"

    try:
        for _ in range(3):
            assert app.test_client().get("/x").data
        assert len(seen.server_spans) == len(seen.access_lines) == 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_line_within_a_trace_of_its_own_names_the_requests_trace_and_span(seen: Capture, app: Flask) -> None:
    @app.get("/x")
    def x() -> str:
        with trace.get_tracer("job").start_as_current_span("job", context=trace.Context()):
            logging.getLogger("job").warning("inside")
        return "x"

    assert app.test_client().get("/x").data
    (inside,) = [line for line in seen.lines if line["message"] == "inside"]
    (server,) = seen.server_spans
    assert inside["trace"]["id"] == format(server.context.trace_id, "032x")
    assert inside["span"]["id"] == format(server.context.span_id, "016x")


def test_a_view_that_never_stops_adding_is_bounded_and_the_span_says_that_it_was(seen: Capture, app: Flask) -> None:
    @app.get("/x")
    def x() -> str:
        span = trace.get_current_span()
        for number in range(50_000):
            span.set_attribute(f"k{number}", number)
            span.add_event("tick")
            span.add_link(span.get_span_context())
        return "x"

    assert app.test_client().get("/x").data
    (span,) = seen.server_spans
    assert (len(span.attributes), len(span.events), len(span.links)) == (128, 128, 128)
    assert min(span.dropped_attributes, span.dropped_events, span.dropped_links) >= 872
    assert span.attributes["http.route"] == "/x"
