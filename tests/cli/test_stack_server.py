"""The stack's web server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clew.stack.server import LocalServer
from tests.support.ports import is_free
from tests.support.waiting import eventually

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


def ask(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    body = connection.getresponse().read()
    connection.close()
    return body


def threads() -> set[str]:
    """Names of the server's threads that live."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("explorer")}


def test_a_connection_is_kept_for_the_next_request() -> None:
    with serving(pages) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        for _ in range(2):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"page"
        connection.close()


def test_threads_carry_the_servers_name() -> None:
    with serving(pages):
        names = threads()

    assert {"explorer-loop", "explorer-0", "explorer-1"} <= names


def test_a_request_in_progress_is_answered_when_the_server_stops_and_nothing_is_left() -> None:
    began, go_on, got = threading.Event(), threading.Event(), []

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began.set()
        go_on.wait(5)
        return pages(environ, start_response)

    server = LocalServer(slow, port=0, name="explorer", threads=1)
    server.start()
    caller = threading.Thread(target=lambda: got.append(ask(server.port)))
    caller.start()
    began.wait(5)
    threading.Timer(0.05, go_on.set).start()
    server.stop()
    caller.join(5)

    assert got == [b"page"]
    assert is_free(server.port)
    assert not threads()


def test_a_loop_that_is_awake_may_stop_before_it_is_woken() -> None:
    server = LocalServer(pages, port=0, name="explorer", threads=1)
    trigger = server._server.trigger
    pull = trigger._physical_pull

    def pull_late() -> None:
        pull()  # another's
        eventually(lambda: not trigger.thunks, what="the loop has done what was asked")
        pull()

    trigger._physical_pull = pull_late
    server.start()
    server.stop()

    assert not threads()


def test_a_thread_that_outlasts_the_stop_writes_into_no_other_file(tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()
    server = LocalServer(pages, port=0, name="explorer", threads=1)
    wake_the_loop = server._server.pull_trigger

    def wake_it_late() -> None:
        began.set()
        go_on.wait(5)
        wake_the_loop()

    server._server.pull_trigger = wake_it_late
    server.start()
    assert ask(server.port) == b"page"
    began.wait(5)
    server.stop(within_s=0)
    paths = [tmp_path / str(number) for number in range(8)]
    files = [path.open("wb") for path in paths]  # they get the numbers that were given back
    go_on.set()
    eventually(lambda: "explorer-0" not in threads())
    for file in files:
        file.close()

    assert [path.read_bytes() for path in paths] == [b""] * len(paths)


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = LocalServer(pages, port=0, name="explorer")
    server.stop()

    assert is_free(server.port)
