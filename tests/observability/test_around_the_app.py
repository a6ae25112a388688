"""One observed app among others: wrapped, nested, mounted, called by odd servers; and nothing stays behind."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request
from opentelemetry import trace
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, create_environ

from observability import Settings, observe, observe_wsgi, problem_details
from observability.context import active_request
from observability.testing import Capture, capture

DURATION = "flask_http_request_duration_seconds_count"


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop")) as seen:
        yield seen
    assert active_request() is None
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.fixture
def app(seen: Capture) -> Flask:
    app = observe(Flask("shop"), seen.telemetry)
    app.add_url_rule("/x", "x", lambda: "x")
    app.add_url_rule("/parts", "parts", lambda: Response(iter([b"one", b"two"])))
    return app


def served(path: str, **more: Any) -> dict[str, Any]:
    """What a server gives, which names itself and closes bodies."""
    return create_environ(path) | {"SERVER_SOFTWARE": "any"} | more


def ignore(*_: object) -> None:
    """A server's start_response that nobody looks at."""


# ---- wrapped, mounted, nested --------------------------------------------------------------------------------------


def test_metrics_are_found_behind_another_observer(seen: Capture, app: Flask) -> None:
    outer = Client(observe_wsgi(ProxyFix(app), seen.telemetry))
    assert outer.get("/x").status_code == 200
    assert DURATION in outer.get("/metrics").text
    assert seen.value(DURATION) == 1


def test_paths_that_are_quiet_for_a_mounted_app_are_quiet(seen: Capture, app: Flask) -> None:
    mounted = observe(Flask("mounted"), seen.telemetry, quiet=frozenset({"/ping"}))
    mounted.add_url_rule("/ping", view_func=lambda: "pong")
    outer = Client(observe_wsgi(DispatcherMiddleware(app, {"/m": mounted}), seen.telemetry))
    assert [outer.get(path).text for path in ("/m/ping", "/x")] == ["pong", "x"]
    assert [line["url"]["path"] for line in seen.access_lines] == ["/x"]


def test_each_mounted_app_counts_for_its_own_telemetry(seen: Capture, app: Flask) -> None:
    with capture(Settings(service_name="other")) as other:
        mounted = observe(Flask("mounted"), other.telemetry)
        mounted.add_url_rule("/y", view_func=lambda: "y")
        both = Client(DispatcherMiddleware(app, {"/m": mounted}))
        assert [both.get(path).text for path in ("/m/y", "/x", "/x")] == ["y", "x", "x"]
        assert (seen.value(DURATION), other.value(DURATION)) == (2, 1)
        assert [line["url"]["path"] for line in other.access_lines] == ["/m/y"]


@pytest.mark.parametrize("handled", [True, False])
def test_what_fails_inside_a_call_to_another_app_of_ours_is_not_the_callers_failure(
    seen: Capture, app: Flask, handled: bool
) -> None:
    inner = observe(Flask("inner"), seen.telemetry)
    inner.add_url_rule("/boom", "boom", lambda: 1 // 0)
    if handled:
        inner.register_error_handler(ZeroDivisionError, lambda error: "handled")
    app.add_url_rule("/outer", "outer", lambda: inner.test_client().get("/boom").status)

    assert app.test_client().get("/outer").text == ("200 OK" if handled else "500 INTERNAL SERVER ERROR")
    (span,) = seen.server_spans
    assert span.events == ()
    assert seen.value("flask_http_request_exceptions_total") == 0


@pytest.mark.parametrize("switch", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_where_flask_lets_exceptions_out_on_purpose_problem_details_do_not_keep_them(
    seen: Capture, app: Flask, switch: str
) -> None:
    problem_details(app).config[switch] = True
    app.add_url_rule("/boom", "boom", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/boom")
    (line,) = seen.access_lines
    assert line["http"]["response"]["status_code"] == 500


def test_a_flask_subclass_keeps_what_it_does_itself(seen: Capture) -> None:
    class Shop(Flask):
        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if environ["PATH_INFO"] == "/own":
                start_response("202 ACCEPTED", [])
                return [b"own"]
            return super().__call__(environ, start_response)

        def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            environ["shop.seen"] = True
            return super().wsgi_app(environ, start_response)

    app = observe(Shop("shop"), seen.telemetry)
    app.add_url_rule("/x", view_func=lambda: str(request.environ["shop.seen"]))
    assert app.test_client().get("/own").data == b"own"
    assert app.test_client().get("/x").text == "True"
    assert [line["http"]["response"]["status_code"] for line in seen.access_lines] == [202, 200]
    assert isinstance(app, Shop)


# ---- start_response ------------------------------------------------------------------------------------------------


def test_a_status_that_the_server_refused_is_not_the_requests(seen: Capture, app: Flask) -> None:
    """PEP 3333: with exc_info after the headers were sent, start_response raises."""

    def sends_first(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])(b"already sent")
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 INTERNAL SERVER ERROR", [], sys.exc_info())
        return []

    def strict(status: str, headers: list[Any], exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info:
            raise exc_info[1]
        return ignore

    app.wsgi_app = sends_first
    with pytest.raises(ValueError, match="too late"):
        app(served("/x"), strict)
    (line,) = seen.access_lines
    assert line["http"]["response"] == {"status_code": 200, "body": {"bytes": 12}}
    assert "(broke off)" in line["message"]


@pytest.mark.parametrize(("status", "length", "recorded"), [("200", "9" * 5000, 200), ("OK", "-1", 500)])
def test_odd_status_lines_and_lengths_are_the_servers_business(
    seen: Capture, app: Flask, status: str, length: str, recorded: int
) -> None:
    def odd(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, [("Content-Length", length)])
        return [b"x"]

    app.wsgi_app = odd
    assert b"".join(app(served("/x"), ignore)) == b"x"
    (line,) = seen.access_lines
    assert line["http"]["response"]["status_code"] == recorded


# ---- who ended the body --------------------------------------------------------------------------------------------


def close_while(error: BaseException, body: Any) -> None:
    try:
        raise error
    except type(error):
        body.close()


@pytest.mark.parametrize(
    ("error", "said"), [(BrokenPipeError(), "(the client went away)"), (SystemExit(1), "(broke off)")]
)
def test_only_a_failed_write_means_that_the_client_went_away(
    seen: Capture, app: Flask, error: BaseException, said: str
) -> None:
    body = app(served("/parts"), ignore)
    next(body)
    close_while(error, body)
    (line,) = seen.access_lines
    assert said in line["message"]
    assert line["event"]["outcome"] == "failure"


def test_a_request_in_the_middle_of_somebodys_except_block_is_a_request_like_any_other(
    seen: Capture, app: Flask
) -> None:
    try:
        raise ValueError("of the caller")
    except ValueError:
        body = app(served("/parts"), ignore)
        next(body)
        body.close()
    (line,) = seen.access_lines
    assert line["event"]["outcome"] == "success"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_thread_passes_through_and_is_recorded(
    seen: Capture, app: Flask, error: type[BaseException]
) -> None:
    def view() -> str:
        raise error

    app.add_url_rule("/ends", "ends", view)
    with pytest.raises(error):
        app(served("/ends"), ignore)
    (line,) = seen.access_lines
    assert (line["http"]["response"]["status_code"], line["error"]["type"]) == (500, error.__name__)


def test_a_body_may_be_closed_elsewhere_twice_and_read_afterwards(seen: Capture, app: Flask) -> None:
    body = app(served("/parts"), ignore)
    next(body)
    closing = threading.Thread(target=body.close)
    closing.start()
    closing.join()
    body.close()
    list(body)
    assert len(seen.access_lines) == len(seen.server_spans) == 1


def test_bodies_that_nobody_reads_are_requests_too(seen: Capture, app: Flask) -> None:
    app(served("/parts"), ignore).close()
    app(served("/parts"), ignore)
    app(served("/x", REQUEST_METHOD="HEAD"), ignore).close()
    assert len(seen.access_lines) == len(seen.server_spans) == seen.value(DURATION) == 3


# ---- nothing stays behind ------------------------------------------------------------------------------------------


class Mark:
    """Something that the environ holds: a socket, an uploaded file."""


@pytest.mark.parametrize("path", ["/x", "/parts"])
def test_a_request_is_freed_when_it_ends_without_the_garbage_collector(seen: Capture, app: Flask, path: str) -> None:
    Client(app).get("/x")
    seen.telemetry.flush()
    gc.collect()
    gc.disable()
    try:
        mark = Mark()
        gone = weakref.ref(mark)
        body = app(served(path, mark=mark), ignore)
        assert list(body)
        body.close()
        del body, mark
        seen.telemetry.flush()
        assert gone() is None
    finally:
        gc.enable()


def test_a_secret_header_is_in_no_attribute_although_nothing_was_logged(seen: Capture, app: Flask) -> None:
    @app.get("/who")
    def who() -> str:
        trace.get_current_span().set_attribute("who", "the holder of " + request.headers["X-Api-Key"])
        return "you"

    assert app.test_client().get("/who", headers={"X-Api-Key": "pineapple-on-toast"}).data
    (span,) = seen.server_spans
    assert span.attributes["who"] == "the holder of [redacted]"
