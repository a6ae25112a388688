"""One request after the other over one connection, whatever the collector does with it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from observability.transport import Answer, Endpoint, Transport


class Plain:
    """
    A server of raw bytes. It answers *per_connection* requests on each connection, then closes it without a word.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.per_connection = 1000
        self.body = b""
        self.pause_s = 0.0
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self.listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            for _ in range(self.per_connection):
                head = b"".join(iter(stream.readline, b"\r\n"))
                if not head:
                    return
                length = next(line for line in head.splitlines() if line.lower().startswith(b"content-length:"))
                stream.read(int(length.split(b":")[1]))
                self.requests.append(head)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(self.body)
                )
                for start in range(0, len(self.body), 1 if self.pause_s else 4096):
                    connection.sendall(self.body[start : start + (1 if self.pause_s else 4096)])
                    threading.Event().wait(self.pause_s)
        self.closed.release()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def plain(stack: ExitStack) -> Plain:
    return Plain(stack.enter_context(socket.create_server(("127.0.0.1", 0))))


def test_a_connection_that_the_collector_closed_meanwhile_is_no_failure(plain: Plain) -> None:
    plain.per_connection = 1
    transport = Transport(Endpoint(f"http://{plain.address}/v1/traces"))
    for _ in range(3):
        assert transport.post(b"spans", 5.0) == Answer(200)
        assert plain.closed.acquire(timeout=5)
    assert (len(plain.requests), plain.connections) == (3, 3)


def test_one_connection_serves_while_it_lasts(plain: Plain) -> None:
    transport = Transport(Endpoint(f"http://{plain.address}/v1/traces"))
    for _ in range(3):
        transport.post(b"spans", 5.0)
    assert (len(plain.requests), plain.connections) == (3, 1)
    transport.close()


def test_a_collector_that_is_gone_is_an_error(plain: Plain) -> None:
    plain.per_connection = 1
    transport = Transport(Endpoint(f"http://{plain.address}/v1/traces"))
    transport.post(b"spans", 5.0)
    plain.closed.acquire(timeout=5)
    plain.listener.shutdown(socket.SHUT_RDWR)
    plain.listener.close()
    with pytest.raises(ConnectionError):
        transport.post(b"spans", 5.0)


def test_what_was_not_kept_of_an_accepted_request_is_told(plain: Plain) -> None:
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 3
    plain.body = partial.SerializeToString()
    assert Transport(Endpoint(f"http://{plain.address}/v1/traces")).post(b"spans", 5.0).refused == 3


def test_an_answer_that_is_no_protobuf_is_an_answer(plain: Plain) -> None:
    plain.body = b"\xff\xff\xff thank you"
    assert Transport(Endpoint(f"http://{plain.address}/v1/traces")).post(b"spans", 5.0) == Answer(200)


@pytest.mark.slow
def test_a_body_that_drips_holds_nobody_up(plain: Plain) -> None:
    plain.body, plain.pause_s = b"x" * 400, 0.05
    started = time.monotonic()
    assert Transport(Endpoint(f"http://{plain.address}/v1/traces")).post(b"spans", 0.3).status == 200
    assert time.monotonic() - started < 1.5


def test_the_path_before_v1_the_headers_and_ipv6_are_kept(stack: ExitStack) -> None:
    plain = Plain(stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6)))
    endpoint = Endpoint(f"http://{plain.address}/otel/v1/traces", headers=(("X-Tenant", "blue"),))
    assert Transport(endpoint).post(b"spans", 5.0).status == 200
    (head,) = plain.requests
    assert head.startswith(b"POST /otel/v1/traces HTTP/1.1\r\n")
    assert b"\r\nX-Tenant: blue\r\n" in head


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_an_ipv6_address_without_a_port_means_the_schemes_own(scheme: str, port: int) -> None:
    connection = Transport(Endpoint(f"{scheme}://[::1]/v1/traces"))._connect(1.0)
    assert (connection.host, connection.port) == ("::1", port)
