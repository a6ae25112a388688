"""
One OTLP/HTTP request at a time over one kept-alive connection.
"""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

_SHORT = 4096
_PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where and how to send. *url* is complete (``…/v1/traces``); *timeout_s* bounds connecting and each wait.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    compression: str = "gzip"
    timeout_s: float = 1.0
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


class Answer(NamedTuple):
    """
    :param wait_s: how long the collector asked to wait before the next try.
    :param refused: spans that it did not keep although it accepted the request (OTLP's partial success).
    """

    status: int
    wait_s: float = 0.0
    refused: int = 0


class Transport:
    """
    Posts bodies to *endpoint*.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._parts = urlsplit(endpoint.url)
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, timeout_s: float) -> Answer:
        """
        :raises OSError, http.client.HTTPException: when there is no answer; the connection is closed then.
        """
        headers = {"Content-Type": _PROTOBUF, **dict(self._endpoint.headers)}
        if self._endpoint.compression == "gzip":
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        end = time.monotonic() + timeout_s
        if self._connection is not None:
            try:
                return self._exchange(self._connection, body, headers, end)
            except (ConnectionError, ssl.SSLError):
                """The collector closed the kept connection since the last time: that is no failure."""
        return self._exchange(self._connect(timeout_s), body, headers, end)

    def close(self) -> None:
        """
        Close the connection; the next `post` opens another.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str], end: float
    ) -> Answer:
        kept = False
        try:
            connection.timeout = max(0.001, end - time.monotonic())
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            connection.request("POST", self._parts.path or "/", body, headers)
            response = connection.getresponse()
            wait = response.headers.get("Retry-After", "")
            text = _short(response, end)
            kept = text is not None
            refused = 0
            if text and response.status == 200 and response.headers.get_content_type() == _PROTOBUF:
                refused = _refused(text)
            return Answer(response.status, float(wait) if wait.isascii() and wait.isdigit() else 0.0, refused)
        finally:
            if not kept:
                self.close()

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "localhost", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._endpoint.certificate)
            if self._endpoint.client_certificate:
                context.load_cert_chain(self._endpoint.client_certificate, self._endpoint.client_key)
            self._connection = http.client.HTTPSConnection(host, port or 443, timeout=timeout_s, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, port or 80, timeout=timeout_s)
        return self._connection


def _short(response: http.client.HTTPResponse, end: float) -> bytes | None:
    """
    The whole body; None if it is long, of unknown length or drips: then the connection is not worth keeping.
    """
    if response.length is None or response.length > _SHORT:
        return None
    body = b""
    while response.length:
        part = response.read1(_SHORT)
        if not part or time.monotonic() > end:
            return None
        body += part
    response.read()  # the end, so that the connection is free
    return body


def _refused(body: bytes) -> int:
    try:
        return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans
    except DecodeError:
        return 0
