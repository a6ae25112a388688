"""Every error of an app is a problem document (RFC 9457), whatever raised it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Response, abort, redirect

from observability import STATUS, Problem, Settings, observe, problem_details
from observability.testing import Capture, capture


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop")) as seen:
        yield seen


def app_that(seen: Capture, view: object) -> Flask:
    app = problem_details(observe(Flask("shop"), seen.telemetry))
    app.add_url_rule("/x", view_func=view, endpoint="x")  # type: ignore[arg-type]
    return app


def raising(error: Exception) -> object:
    def view() -> str:
        raise error

    return view


@pytest.mark.parametrize("word", STATUS)
def test_each_word_has_its_status_and_a_whole_document(seen: Capture, word: str) -> None:
    answer = app_that(seen, raising(Problem(word, "A sentence."))).test_client().get("/x")
    assert answer.status_code == STATUS[word]
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "about:blank", "title": answer.json["title"], "status": STATUS[word], "detail": "A sentence.",
        "instance": "/x", "trace_id": answer.headers["X-Trace-Id"], "code": word,
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 418, 429, 500, 501, 503])
def test_what_abort_raises_is_a_problem_without_its_own_text(seen: Capture, status: int) -> None:
    answer = app_that(seen, lambda: abort(status, "secret text")).test_client().get("/x")
    assert answer.status_code == status
    assert answer.json["status"] == status
    assert "secret text" not in answer.text


def test_headers_that_belong_to_a_status_stay(seen: Capture) -> None:
    answer = app_that(seen, lambda: "x").test_client().delete("/x")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_redirect_is_not_a_problem(seen: Capture) -> None:
    answer = app_that(seen, lambda: redirect("/y")).test_client().get("/x")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/y")


def test_an_exception_that_passes_flask_by_is_a_problem_too(seen: Capture) -> None:
    app = app_that(seen, lambda: "x")

    def broken(environ: object, start_response: object) -> object:
        raise RuntimeError("hunter2")

    app.wsgi_app = broken  # type: ignore[method-assign, assignment]
    answer = app.test_client().get("/x")
    assert answer.status_code == 500
    assert answer.json["trace_id"] == answer.headers["X-Trace-Id"]
    assert "hunter2" not in answer.text
    assert seen.events("request.crashed")[0]["error"]["message"] == "hunter2"


def test_a_stream_that_fails_before_its_first_byte_is_a_problem_where_the_server_allows_it(seen: Capture) -> None:
    """PEP 3333: start_response may be called again with exc_info until the first byte was sent."""
    app = app_that(seen, lambda: Response(part for part in broken_parts()))
    said: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> object:
        said.append(status)
        return lambda data: None

    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/x", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "SERVER_SOFTWARE": "test", "SERVER_PROTOCOL": "HTTP/1.1",
    }
    body = app(environ, start_response)
    data = b"".join(body)
    body.close()
    assert said[-1].startswith("500")
    assert b'"status": 500' in data
    assert seen.access_lines[0]["http"]["response"]["status_code"] == 500


def broken_parts() -> Iterator[bytes]:
    raise RuntimeError("hunter2")
    yield b""
