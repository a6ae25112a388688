"""Outgoing calls: a client span, a sample, the propagation headers, a timeout."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
import requests
from flask import Flask
from opentelemetry import baggage, context
from opentelemetry.trace import StatusCode

from observability import Settings, observe
from observability.testing import capture
from tests.support.collector import refusing_url


class Peer:
    """Keeps the headers it got; ``/status/<n>`` answers n, ``/slow`` answers when released."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.release = Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer.headers.append({k.lower(): v for k, v in self.headers.items()})
                if self.path == "/slow":
                    peer.release.wait(10)
                path = self.path.partition("?")[0]
                status = int(path.rpartition("/")[2]) if "/status/" in path else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/status/200")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=lambda: self.server.serve_forever(0.02), daemon=True).start()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.release.set()
    peer.server.shutdown()
    peer.server.server_close()


def test_a_call_is_a_child_of_the_request_and_carries_its_ids(peer: Peer) -> None:
    with capture(Settings(service_name="shop", baggage_keys=("tenant",))) as seen:
        app = observe(Flask("shop"), seen.telemetry)
        session = seen.telemetry.session({"stock": peer.url})

        @app.get("/x")
        def x() -> str:
            context.attach(baggage.set_baggage("secret", "no", baggage.set_baggage("tenant", "blue")))
            return str(session.get(f"{peer.url}/status/200?token=tok-123456").status_code)

        answer = app.test_client().get("/x", headers={"X-Request-Id": "r-1"})
        server, client = seen.span("GET /x"), seen.span("GET")
        headers = peer.headers[0]
        assert client.parent.span_id == server.context.span_id
        assert client.kind.name == "CLIENT"
        ids = [answer.headers["X-Trace-Id"], format(client.context.span_id, "016x")]
        assert headers["traceparent"].split("-")[1:3] == ids
        assert headers["x-request-id"] == "r-1"
        assert headers["baggage"] == "tenant=blue"
        assert client.attributes["peer.service"] == "stock"
        assert client.attributes["server.port"] == int(peer.url.rpartition(":")[2])
        assert "tok-123456" not in client.attributes["url.full"]
        assert seen.value("http_client_request_duration_seconds_count", peer="stock", method="GET", status="200") == 1


@pytest.mark.parametrize("status", [404, 503])
def test_an_error_answer_is_an_error_of_the_client_span(peer: Peer, status: int) -> None:
    with capture() as seen:
        seen.telemetry.session().get(f"{peer.url}/status/{status}")
        span = seen.span("GET")
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == str(status)
        assert seen.value("http_client_request_duration_seconds_count", peer="_OTHER", status=str(status)) == 1


def test_a_peer_that_does_not_answer_is_given_up_after_the_timeout(peer: Peer) -> None:
    with capture() as seen:
        with pytest.raises(requests.Timeout):
            seen.telemetry.session({"stock": peer.url}, timeout_s=0.1).get(f"{peer.url}/slow")
        assert seen.value("http_client_request_duration_seconds_count", peer="stock", status="timeout") == 1
        span = seen.span("GET")
        assert span.status.status_code is StatusCode.ERROR
        assert [event.name for event in span.events] == ["exception"]


def test_a_refused_call_is_a_sample_and_a_span_too() -> None:
    with capture() as seen:
        with pytest.raises(requests.ConnectionError):
            seen.telemetry.session().get(refusing_url())
        assert seen.value("http_client_request_duration_seconds_count", status="error") == 1
        assert seen.span("GET").attributes["error.type"] == "requests.exceptions.ConnectionError"


def test_each_hop_of_a_redirect_is_a_call(peer: Peer) -> None:
    with capture() as seen:
        seen.telemetry.session().get(f"{peer.url}/status/302")
        assert [span.attributes["http.response.status_code"] for span in seen.spans] == [302, 200]
