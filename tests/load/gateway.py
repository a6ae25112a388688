"""A tiny gateway on loopback that answers as the real one does, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Gateway:
    """
    What it was asked, and how it is to answer: *before* may return another status (0: hang up) or None.
    """

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    before: Callable[[str, str], int | None] = lambda _method, _path: None
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def paths(self, method: str) -> list[str]:
        return [path for one, path, _, _ in self.asked if one == method]


def _answer(gateway: Gateway, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    number = f"{next(gateway.serial):026}"
    if method == "POST" and path == "/api/users":
        return 201, {"id": f"usr_{number}"}
    if method == "POST" and path == "/api/sessions":
        return (401, {}) if body["password"].startswith("not ") else (201, {"token": "t"})
    if method == "POST" and path == "/api/orders":
        return 201, {"id": f"ord_{number}"}
    if path.startswith("/api/orders/") and not path.removeprefix("/api/orders/ord_")[:26].isdigit():
        return 404, {"detail": "There is no such order."}
    return 200, {}


@contextmanager
def gateway() -> Iterator[Gateway]:
    there = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            there.asked.append((self.command, self.path, dict(self.headers), body))
            status, document = _answer(there, self.command, self.path, body)
            told = there.before(self.command, self.path)
            if told == 0:
                self.close_connection = True
                return
            if told is not None:
                status, document = told, {"detail": "as told"}
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("X-Trace-Id", TRACE)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815 (the server's own naming)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        there.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield there
        server.shutdown()
        thread.join()
