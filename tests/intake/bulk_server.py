"""A server with one door, Elasticsearch's `_bulk`, which can be told to misbehave."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Item = dict[str, Any]


@dataclass
class BulkServer:
    """
    ``with BulkServer() as server:`` keeps documents by (index, id), as Elasticsearch does.

    :param item: what to say of a document instead of keeping it; None keeps it.
    :param status: the answers to whole requests, one after the other; then 200. 0 hangs up without one, -1 gives none.
    :param largest: a longer body gets 413 (bytes).
    """

    item: Callable[[dict[str, Any]], Item | None] = lambda document: None
    status: list[int] = field(default_factory=list)
    largest: int = 10**9
    documents: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    offered: Counter[tuple[str, str]] = field(default_factory=Counter)
    accounts: set[str] = field(default_factory=set)
    requests: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes) -> bytes:
        items = []
        lines = body.splitlines()
        for head, text in zip(lines[::2], lines[1::2], strict=True):
            action = json.loads(head)["index"]
            key = (action["_index"], action["_id"])
            document = json.loads(text)
            self.offered[key] += 1
            said = self.item(document)
            if said is None:
                known = key in self.documents
                said = {"status": 200, "result": "updated"} if known else {"status": 201, "result": "created"}
                self.documents[key] = document
            items.append({"index": said})
        return json.dumps({"items": items}).encode()

    def __enter__(self) -> BulkServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet per answer

            def do_POST(self) -> None:
                outer.requests += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                _, _, account = self.headers.get("Authorization", "").partition("Basic ")
                outer.accounts.add(base64.b64decode(account).decode())
                status = outer.status.pop(0) if outer.status else 413 if len(body) > outer.largest else 200
                if status <= 0:
                    outer.ended.wait(60 if status else 0)
                    self.close_connection = True
                    return
                answer = outer.take(body) if status == 200 else b'{"error": "as told"}'
                self.send_response(status, http.client.responses[status])
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
