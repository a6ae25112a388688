"""HTTP as bytes: requests that no client library would send, and the answers to them."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from tests.support.running import Answer

JSON = b"Content-Type: application/json\r\n"


def request(method_and_path: bytes, *, headers: bytes = b"", body: bytes | None = None) -> bytes:
    """A request of HTTP/1.1 with Host, and with Content-Length if there is a body."""
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    return b"%s HTTP/1.1\r\nHost: gateway\r\n%s%s\r\n%s" % (method_and_path, headers, length, body or b"")


def chunked(method_and_path: bytes, pieces: Iterable[bytes], *, headers: bytes = b"") -> bytes:
    """The same, without saying how long the body will be."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return request(method_and_path, headers=headers + b"Transfer-Encoding: chunked\r\n") + body + b"0\r\n\r\n"


def speak(port: int, raw: bytes, *, answers: int = 1, timeout_s: float = 10.0) -> list[Answer]:
    """
    Send *raw* over one connection and read that many answers; fewer if the server closes before. It is sent while the
    answers are read, because a server may refuse a body that it has not seen the end of.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        sending = threading.Thread(target=_send, args=(connection, raw))
        sending.start()
        with connection.makefile("rb") as file:
            got = [answer for answer in (_answer(file) for _ in range(answers)) if answer is not None]
        with suppress(OSError):  # the server has closed already
            connection.shutdown(socket.SHUT_RDWR)  # nobody reads the rest
        sending.join()
        return got


def _send(connection: socket.socket, raw: bytes) -> None:
    try:
        connection.sendall(raw)
    except OSError:
        return  # it has its answer and closed


def _answer(file: IO[bytes]) -> Answer | None:
    status_line = file.readline()
    if not status_line:
        return None
    headers = {name.lower(): value for name, value in http.client.parse_headers(file).items()}
    return Answer(int(status_line.split()[1]), headers, file.read(int(headers.get("content-length", "0"))))
