"""
Every shape of request: what is sent, and what the client gets. `send` is a raw socket: nothing is tidied up on the way.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Shape:
    """
    :param status: on the wire. *route*: the rule that matched.
    :param truncated: the body broke off. *hang_up*: the client leaves after the first bytes of the answer.
    """

    name: str
    path: str
    status: int
    method: str = "GET"
    route: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    host: str = "127.0.0.1"
    version: str = "1.1"
    truncated: bool = False
    hang_up: bool = False
    error_type: str = ""
    events: int = 0
    body_bytes: int | None = None

    @property
    def rule(self) -> str:
        return self.route or self.path.partition("?")[0]

    @property
    def label(self) -> str:
        return self.method if self.method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE") else "_OTHER"


BROKEN = "tests.shapes.app.Broken"
JSON = (("Content-Type", "application/json"),)
SHAPES = (
    Shape("plain", "/ok", 200, body_bytes=2),
    Shape("head", "/ok", 200, "HEAD", body_bytes=0),
    Shape("options", "/ok", 200, "OPTIONS"),
    Shape("no content", "/no-content", 204),
    Shape("not modified", "/not-modified", 304),
    Shape("redirect", "/moved", 302),
    Shape("http 1.0", "/old", 200, version="1.0"),
    Shape("unknown path", "/nowhere", 404, route=UNMATCHED),
    Shape("unknown path, 3,000 characters", "/" + "long/" * 600, 404, route=UNMATCHED),
    Shape("known path, other method", "/ok", 405, "DELETE", route=UNMATCHED),
    Shape("made-up method", "/ok", 405, "BREW", route=UNMATCHED),
    Shape("abort", "/conflict", 409),
    Shape("body too large", "/echo", 413, "POST", body=b"x" * 20_000),
    Shape("not json", "/json", 400, "POST", headers=JSON, body=b"{"),
    Shape("json", "/json", 200, "POST", headers=JSON, body=b'{"a": 1}'),
    Shape("an older hook answers", "/early", 200),
    Shape("before_request answers", "/before-returns", 200),
    Shape("before_request raises", "/before-raises", 500, error_type=BROKEN, events=1),
    Shape("the view raises", "/raises", 500, error_type=BROKEN, events=1),
    Shape("the view says 500", "/says-500", 500, error_type="500"),
    Shape("a handler answers", "/handled", 418, events=1),
    Shape("a handler raises", "/handler-raises", 500, error_type=BROKEN, events=1),
    Shape("the last handler raises", "/last-handler-raises", 500, error_type=BROKEN, events=2),
    Shape("after_request raises", "/after-raises", 500, error_type=BROKEN, events=1),
    Shape("opening the session raises", "/session-breaks", 500, error_type=BROKEN, events=1),
    Shape("stream", "/stream", 200, body_bytes=11),
    Shape("stream raises before its first byte", "/stream-raises", 500, error_type=BROKEN, events=1),
    Shape("stream breaks half-way", "/stream-breaks", 200, truncated=True, error_type=BROKEN, events=1, body_bytes=3),
    Shape("client goes away", "/endless", 200, truncated=True, hang_up=True),
    Shape("file", "/file", 200, body_bytes=5000),
    Shape("the server's file wrapper", "/wrapped-file", 200, route=UNMATCHED, body_bytes=9000),
    Shape("middleware answers", "/blocked", 403, route=UNMATCHED),
    Shape("middleware raises", "/middleware-raises", 500, route=UNMATCHED, error_type=BROKEN, events=1),
    Shape("middleware replaces the status", "/replaced", 503, error_type="503"),
    Shape("middleware writes", "/write", 200, route=UNMATCHED, body_bytes=2),
    Shape("middleware's body has no close", "/no-close", 200, route=UNMATCHED, body_bytes=2),
    Shape("middleware is a generator", "/lazy", 200, route=UNMATCHED, body_bytes=2),
    Shape("host that is not trusted", "/ok", 400, host="evil.example", route=UNMATCHED),
    Shape("blueprint", "/blue/7", 200, route="/blue/<int:n>"),
    Shape("blueprint's handler", "/blue/divide", 422, events=1),
    Shape("the app calls itself", "/nested", 200),
    # The last one: in the tutorial's app the thread's next request is taken for a part of this one.
    Shape("teardown_request raises", "/teardown-raises", 500, error_type=BROKEN, events=1),
)
NAMED = {shape.name: shape for shape in SHAPES}


def trace_of(number: int) -> str:
    return format(0xC1E0_0000_0000 + number + 1, "032x")


def send(port: int, shape: Shape, trace: str) -> int:
    """
    The status on the wire.
    """
    head = [f"{shape.method} {shape.path} HTTP/{shape.version}", f"Host: {shape.host}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in shape.headers]
    head += [f"traceparent: 00-{trace}-00f067aa0ba902b7-01"]
    if shape.body:
        head.append(f"Content-Length: {len(shape.body)}")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + shape.body)
        answer = connection.recv(4096)
        while not shape.hang_up and (more := connection.recv(65_536)):
            answer += more[:4096]
    return int(answer.split(b" ", 2)[1])
