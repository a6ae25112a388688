"""One request: one span, one sample, one line, and they agree."""

from __future__ import annotations

import logging
import threading

import pytest
from flask import Blueprint, Flask, Response, request
from opentelemetry import trace

from observability import FlaskMetrics, Problem, Settings, Telemetry, carry_context, observe, problem_details
from observability.testing import Capture, capture

DURATION = "flask_http_request_duration_seconds_count"


@pytest.fixture
def seen() -> Capture:
    with capture(Settings(service_name="shop")) as seen:
        yield seen


def shop(seen: Capture) -> Flask:
    app = observe(Flask("shop"), seen.telemetry)

    @app.get("/orders/<order_id>")
    def order(order_id: str) -> dict[str, str]:
        return {"id": order_id}

    return app


def only(things: list) -> object:
    assert len(things) == 1, things
    return things[0]


def test_span_sample_and_line_say_the_same(seen: Capture) -> None:
    answer = shop(seen).test_client().get("/orders/ord_1", headers={"X-Request-Id": "abc-1"})

    span, line = seen.span("GET /orders/<order_id>"), only(seen.access_lines)
    assert answer.headers["X-Trace-Id"] == line["trace"]["id"] == format(span.context.trace_id, "032x")
    assert answer.headers["X-Request-Id"] == line["http"]["request"]["id"] == "abc-1"
    assert span.attributes["http.response.status_code"] == line["http"]["response"]["status_code"] == 200
    assert line["event"]["duration"] == span.end_time - span.start_time
    labels = {"method": "GET", "url_rule": "/orders/<order_id>", "status": "200"}
    assert seen.value(DURATION, **labels) == 1
    exemplars = [s.exemplar for s in seen.samples if s.exemplar]
    assert [e.labels["trace_id"] for e in exemplars] == [line["trace"]["id"]]
    assert exemplars[0].value == pytest.approx(line["event"]["duration"] / 1e9, abs=1e-3)


def test_an_unmatched_url_does_not_create_a_series_of_its_own(seen: Capture) -> None:
    client = shop(seen).test_client()
    for number in range(50):
        client.get(f"/no/such/{number}")

    assert seen.value(DURATION, url_rule="unmatched", status="404") == 50
    assert len({s.labels["url_rule"] for s in seen.samples if s.name == DURATION}) == 1
    assert {span.name for span in seen.spans} == {"GET"}


def test_made_up_methods_share_one_label(seen: Capture) -> None:
    client = shop(seen).test_client()
    for method in ("BREW", "WHEN", "PROPFIND"):
        client.open("/orders/1", method=method)

    assert seen.value(DURATION, method="_OTHER", status="405") == 3
    assert {span.attributes["http.request.method_original"] for span in seen.spans} == {"BREW", "WHEN", "PROPFIND"}


def test_a_crash_is_timed_and_logged_but_its_text_never_reaches_the_caller(seen: Capture) -> None:
    app = problem_details(observe(Flask("shop"), seen.telemetry))

    @app.get("/boom")
    def boom() -> str:
        raise RuntimeError("the database password is hunter2-and-more")

    answer = app.test_client().get("/boom")

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "hunter2" not in answer.text
    crashed = only(seen.events("request.crashed"))
    assert crashed["error"]["type"] == "RuntimeError"
    assert crashed["trace"]["id"] == answer.json["trace_id"] == only(seen.access_lines)["trace"]["id"]
    assert only(seen.access_lines)["event"]["outcome"] == "failure"
    assert seen.value(DURATION, url_rule="/boom", status="500") == 1
    assert seen.value("flask_http_request_exceptions_total", status="500") == 1
    span = seen.span("GET /boom")
    assert span.status.status_code is trace.StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
    assert b"hunter2" not in b"".join(seen.raw_lines)


def test_a_problem_is_an_answer_and_not_an_exception(seen: Capture) -> None:
    app = problem_details(observe(Flask("shop"), seen.telemetry))

    @app.get("/gone")
    def gone() -> str:
        raise Problem("not_found", "No order 'o9'.", order="o9")

    answer = app.test_client().get("/gone")

    assert answer.status_code == 404
    assert answer.json["detail"] == "No order 'o9'."
    assert answer.json["order"] == "o9"
    assert seen.value("flask_http_request_exceptions_total") == 0
    assert seen.span("GET /gone").events == ()


def test_a_handled_exception_is_an_event_of_the_span(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)

    @app.errorhandler(KeyError)
    def missing(error: KeyError) -> tuple[str, int]:
        return "missing", 418

    @app.get("/tea")
    def tea() -> str:
        raise KeyError("pot")

    assert app.test_client().get("/tea").status_code == 418
    assert [event.attributes["exception.type"] for event in seen.span("GET /tea").events] == ["KeyError"]


def test_observing_an_app_twice_counts_each_request_once(seen: Capture) -> None:
    app = shop(seen)
    assert observe(app, seen.telemetry) is app
    app.test_client().get("/orders/1")

    assert seen.value(DURATION) == 1
    assert len(seen.spans) == len(seen.access_lines) == 1


def test_middleware_that_answers_before_flask_is_seen(seen: Capture) -> None:
    app = shop(seen)

    def guard(environ, start_response):
        start_response("403 FORBIDDEN", [("Content-Length", "2")])
        return [b"no"]

    app.wsgi_app = guard
    assert app.test_client().get("/orders/1").status_code == 403
    assert seen.value(DURATION, url_rule="unmatched", status="403") == 1
    assert only(seen.access_lines)["http"]["response"]["status_code"] == 403


def test_a_stream_is_timed_to_its_end_and_its_spans_belong_to_it(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    tracer = trace.get_tracer("test")

    @app.get("/stream")
    def stream() -> Response:
        def parts():
            with tracer.start_as_current_span("produce"):
                yield b"one"
                logging.getLogger("shop.parts").info("half way")
                yield b"two"

        return Response(parts())

    assert app.test_client().get("/stream").data == b"onetwo"
    server, child = seen.span("GET /stream"), seen.span("produce")
    assert child.parent.span_id == server.context.span_id
    assert server.end_time >= child.end_time
    half_way = only([line for line in seen.lines if line["message"] == "half way"])
    assert half_way["span"]["id"] == format(child.context.span_id, "016x")
    assert only(seen.access_lines)["http"]["response"]["body"]["bytes"] == 6


def test_a_stream_that_breaks_off_keeps_its_status_and_is_a_failure(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)

    @app.get("/stream")
    def stream() -> Response:
        def parts():
            yield b"one"
            raise ValueError("broken")

        return Response(parts())

    with pytest.raises(ValueError, match="broken"):
        _ = app.test_client().get("/stream").data
    line = only(seen.access_lines)
    assert line["http"]["response"]["status_code"] == 200
    assert line["event"]["outcome"] == "failure"
    assert line["error"]["type"] == "ValueError"
    assert seen.span("GET /stream").attributes["clew.truncated"] is True


def test_the_view_reaches_the_requests_span_and_its_children_nest(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    tracer = trace.get_tracer("test")

    @app.get("/x")
    def x() -> str:
        trace.get_current_span().set_attribute("tenant", "blue")
        with tracer.start_as_current_span("work") as span:
            assert span.get_span_context().trace_id == trace.get_current_span().get_span_context().trace_id
        return "x"

    app.test_client().get("/x")
    server, work = seen.span("GET /x"), seen.span("work")
    assert server.attributes["tenant"] == "blue"
    assert work.parent.span_id == server.context.span_id
    assert seen.value("telemetry_emitted_total", signal="traces") == 2


def test_lines_of_child_loggers_and_carried_threads_have_the_trace_id(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)

    @app.get("/x")
    def x() -> str:
        logging.getLogger("shop.a.b").warning("from a child logger")
        thread = threading.Thread(target=carry_context(lambda: logging.getLogger("t").warning("from a thread")))
        thread.start()
        thread.join()
        return "x"

    answer = app.test_client().get("/x")
    traces = {line["trace"]["id"] for line in seen.lines if line["message"].startswith("from")}
    assert traces == {answer.headers["X-Trace-Id"]}


def test_quiet_paths_leave_nothing_unless_they_fail(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    healthy = [True]

    @app.get("/healthz")
    def healthz() -> tuple[str, int]:
        return "", 200 if healthy[0] else 503

    client = app.test_client()
    client.get("/healthz")
    client.get("/metrics")
    assert (seen.spans, seen.lines, seen.value(DURATION)) == ([], [], 0)
    healthy[0] = False
    client.get("/healthz")
    assert seen.value(DURATION, status="503") == 1
    assert len(seen.spans) == len(seen.access_lines) == 1


def test_a_callers_trace_is_continued_and_a_broken_one_replaced(seen: Capture) -> None:
    client = shop(seen).test_client()
    client.get("/orders/1", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    client.get("/orders/2", headers={"traceparent": "00-zz-yy-01"})

    first, second = seen.spans
    assert format(first.context.trace_id, "032x") == "a" * 32
    assert format(first.parent.span_id, "016x") == "b" * 16
    assert second.parent is None


def test_a_callers_refusal_to_sample_counts_only_where_it_is_trusted() -> None:
    unsampled = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
    for trusted, spans in ((True, 0), (False, 1)):
        with capture(Settings(service_name="shop", trust_sampled=trusted)) as seen:
            shop(seen).test_client().get("/orders/1", headers=unsampled)
            assert len(seen.spans) == spans
            assert len(seen.access_lines) == 1
            assert seen.value(DURATION) == 1


def test_secrets_of_a_request_are_in_nothing_it_says(seen: Capture) -> None:
    app = problem_details(observe(Flask("shop"), seen.telemetry))

    @app.post("/login")
    def login() -> str:
        body = request.get_json()
        logging.getLogger("shop").info("login %s with %s", body["name"], body["password"])
        trace.get_current_span().set_attribute("how", f"by {body['password']}")
        raise RuntimeError(f"refused {body['password']} and {request.headers['Authorization']}")

    app.test_client().post(
        "/login?token=tok-1234567", json={"name": "ada", "password": "correct horse battery"},
        headers={"Authorization": "Bearer s3cr3t-bearer-value"},
    )
    said = b"".join(seen.raw_lines).decode() + str([s.to_json() for s in seen.spans]) + seen.exposition
    for secret in ("correct horse battery", "s3cr3t-bearer-value", "tok-1234567"):
        assert secret not in said
    assert "ada" in said


def test_blueprints_routes_are_the_templates_with_their_prefix(seen: Capture) -> None:
    blue = Blueprint("blue", __name__, url_prefix="/blue")
    blue.add_url_rule("/<int:n>", view_func=lambda n: str(n))
    app = observe(Flask("shop"), seen.telemetry)
    app.register_blueprint(blue)
    app.test_client().get("/blue/7")
    assert seen.span("GET /blue/<int:n>").attributes["http.route"] == "/blue/<int:n>"


def test_two_apps_in_one_process_do_not_mix() -> None:
    with capture(Settings(service_name="one")) as one, capture(Settings(service_name="two")) as two:
        shop(one).test_client().get("/orders/1")
        shop(two).test_client().get("/orders/2")
        shop(two).test_client().get("/orders/3")
        assert [len(s.access_lines) for s in (one, two)] == [1, 2]
        assert [s.value(DURATION) for s in (one, two)] == [1, 2]
        assert {line["service"]["name"] for line in one.lines} == {"one"}


def test_a_view_that_calls_its_own_app_is_one_request(seen: Capture) -> None:
    app = shop(seen)

    @app.get("/outer")
    def outer() -> str:
        return app.test_client().get("/orders/1").text

    app.test_client().get("/outer")
    assert seen.value(DURATION) == 1
    assert only(seen.access_lines)["http"]["route"] == "/outer"


def test_the_exporters_decorators_count_and_a_view_can_stay_out_of_the_metrics(seen: Capture) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    metrics = FlaskMetrics(app, seen.telemetry.metrics)

    @app.get("/counted")
    @metrics.counter("coffee_total", "Cups", labels={"size": "large"})
    def counted() -> str:
        return "x"

    @app.get("/private")
    @metrics.do_not_track()
    def private() -> str:
        return "x"

    client = app.test_client()
    client.get("/counted")
    client.get("/private")
    assert seen.value("coffee_total", size="large") == 1
    assert seen.value(DURATION, url_rule="/counted") == 1
    assert seen.value(DURATION, url_rule="/private") == 0
    assert len(seen.access_lines) == len(seen.server_spans) == 2


def test_telemetry_that_is_off_changes_nothing() -> None:
    app = observe(Flask("shop"), Telemetry.off())
    app.add_url_rule("/x", view_func=lambda: "x")
    answer = app.test_client().get("/x")
    assert answer.text == "x"
    assert "X-Trace-Id" not in answer.headers
