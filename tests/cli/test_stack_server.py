"""The stack's web server and its own doors."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from clew.stack.control import Control
from clew.stack.server import LocalServer
from tests.cli.conftest import is_free

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@contextmanager
def serving(app: Any) -> Iterator[LocalServer]:
    server = LocalServer(app, port=0, name="explorer", threads=2)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def pages(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"page"]


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if answer.headers["Content-Type"] == "application/json" else body


def test_a_connection_is_kept_for_the_next_request() -> None:
    with serving(pages) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        for _ in range(2):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"page"
        connection.close()


def test_threads_carry_the_servers_name() -> None:
    with serving(pages):
        names = {thread.name for thread in threading.enumerate()}

    assert {"explorer-loop", "explorer-0", "explorer-1"} <= names


def test_a_request_in_progress_is_answered_when_the_server_stops_and_nothing_is_left() -> None:
    began, go_on, got = threading.Event(), threading.Event(), []

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began.set()
        go_on.wait(5)
        return pages(environ, start_response)

    server = LocalServer(slow, port=0, name="explorer", threads=1)
    server.start()
    caller = threading.Thread(target=lambda: got.append(ask(server.port, "GET", "/")))
    caller.start()
    began.wait(5)
    threading.Timer(0.05, go_on.set).start()
    server.stop()
    caller.join(5)

    assert got == [(200, b"page")]
    assert is_free(server.port)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("explorer")]


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = LocalServer(pages, port=0, name="explorer")
    server.stop()

    assert is_free(server.port)


@pytest.fixture
def doors() -> Iterator[Callable[..., tuple[int, Any]]]:
    server = LocalServer(lambda e, s: control(e, s), port=0, name="explorer", threads=2)
    control = Control(pages, port=server.port, status=lambda: {"lines": 3}, scrape=lambda: {"scraped": 2})
    server.start()
    yield lambda *args, **headers: ask(server.port, *args, **headers)
    server.stop()


def test_the_doors_answer_and_every_other_path_is_the_pages(doors: Callable[..., tuple[int, Any]]) -> None:
    assert doors("GET", "/-/ready") == (200, {"status": "ready"})
    assert doors("GET", "/-/status") == (200, {"lines": 3})
    assert doors("POST", "/-/scrape") == (200, {"scraped": 2})
    assert doors("GET", "/logs") == (200, b"page")


def test_a_door_that_is_not_there_says_which_are(doors: Callable[..., tuple[int, Any]]) -> None:
    assert doors("GET", "/-/redy") == (404, {"detail": "There are: /-/ready, /-/status, /-/scrape."})
    assert doors("GET", "/-/scrape")[0] == 405


def test_no_other_sites_page_may_knock(doors: Callable[..., tuple[int, Any]]) -> None:
    """DNS rebinding comes with a foreign Host, a form on another page with a foreign Origin."""
    assert doors("POST", "/-/scrape", Host="evil.example:8090")[0] == 403
    assert doors("POST", "/-/scrape", Origin="http://evil.example")[0] == 403
