"""
A question over HTTP that never blocks: it lives in the supervisor's selector, beside the children's output.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from clew.supervisor.part import Check

_LIMIT_S = 2.0
_PAUSE_S = 0.2  # after a wrong answer: each one is a line in the log of a service that is not ready


class Probe:
    """
    Ask one `Check` again and again until it passes. `passed` turns True once; `last` says in words what came last.
    """

    def __init__(
        self, check: Check, selector: selectors.BaseSelector, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.check = check
        self.passed = False
        self.last = "no answer yet"
        self._selector = selector
        self._clock = clock
        self._socket: socket.socket | None = None
        self._started = 0.0
        self._not_before = 0.0
        self._head = b""

    def step(self) -> None:
        """Ask if no question is open; give up one that is too old. To be called every few hundredths of a second."""
        if self.passed:
            return
        if self._socket is None:
            if self._clock() >= self._not_before:
                self._ask()
        elif self._clock() - self._started > _LIMIT_S:
            self._end(f"no answer in {_LIMIT_S:g} s")

    def close(self) -> None:
        self._end(self.last)

    def _ask(self) -> None:
        self._started = self._clock()
        self._head = b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.connect_ex(("127.0.0.1", self.check.port))
        self._selector.register(self._socket, selectors.EVENT_WRITE, self._send)

    def _send(self) -> None:
        assert self._socket is not None
        request = f"GET {self.check.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.check.port}\r\nConnection: close\r\n\r\n"
        try:
            self._socket.send(request.encode("ascii"))
        except OSError:
            self._end("nothing listens there")
            return
        self._selector.modify(self._socket, selectors.EVENT_READ, self._receive)

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(4096)
        except OSError as error:
            self._end(error.strerror or "the connection broke")
            return
        self._head += data
        words = self._head.split(b" ", 2)
        if len(words) == 3 and words[1].isdigit():  # "HTTP/1.1 200 OK"
            status = int(words[1])
            self.passed = status == self.check.status
            self._not_before = self._clock() + _PAUSE_S
            self._end(f"status {status}")
        elif not data:
            self._end("an answer that is not HTTP")

    def _end(self, last: str) -> None:
        self.last = last
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
