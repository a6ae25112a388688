"""Lines on standard output, without ever waiting for whoever reads it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

from observability.after_fork import in_child

_ATOMIC = 4096
"""PIPE_BUF on Linux: writes up to this size by several processes do not mix in a pipe (POSIX write(2))."""
_LOOK_UP_S = 0.1


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


class Console:
    """
    Takes lines into a bounded queue and writes them from a daemon thread of its own, which starts with the first line.

    Lines of up to 4 KiB are not torn apart by other processes that write to the same pipe. After a fork the child
    begins with an empty queue: what waits is the parent's to write.

    :param fd: where to, 1 is standard output. It is not closed.
    :param max_lines: lines that may wait.
    :param max_bytes: bytes that may wait.
    :param on_drop: called with a number of lines and the reason: ``queue_full``, ``io_error`` (nobody reads any more,
        or the descriptor is closed) or ``shutdown``.
    """

    def __init__(
        self,
        fd: int = 1,
        max_lines: int = 10_000,
        on_drop: Callable[[int, str], None] = _ignore,
        *,
        max_bytes: int = 16 * 1024**2,
    ) -> None:
        self._fd = fd
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._on_drop = on_drop
        self._closed = False
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # RLock, because a signal handler may log in the middle of a write of its own thread.
        self._changed = threading.Condition(threading.RLock())
        self._queue: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._in_hand = 0
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Lines that wait or are being written."""
        return len(self._queue) + self._in_hand

    def write(self, line: bytes) -> bool:
        """
        Queue *line*, without its newline; never waits. False when it was dropped, and counted by *on_drop*.
        """
        with self._changed:
            reason = "shutdown" if self._closed else self._full(line)
            if not reason:
                self._queue.append(line)
                self._waiting_bytes += len(line)
                if self._thread is None:
                    self._start()
                elif len(self._queue) == 1:
                    self._changed.notify_all()
        if reason:
            self._on_drop(1, reason)
        return not reason

    def flush(self, deadline_s: float = 1.0) -> bool:
        """
        Wait until everything queued so far was written or dropped, at most *deadline_s* seconds. Whether it was.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not len(self), timeout=deadline_s)

    def close(self, deadline_s: float = 0.5) -> None:
        """
        Write what waits for at most *deadline_s* seconds; the rest is dropped and counted. May be called twice.
        """
        with self._changed:
            if self._closed:
                return
            self._changed.wait_for(lambda: not len(self), timeout=deadline_s)
            self._closed = True
            left = len(self)
            self._queue.clear()
            self._waiting_bytes = self._in_hand = 0
            self._changed.notify_all()
            thread = self._thread
        if left:
            self._on_drop(left, "shutdown")
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2 * _LOOK_UP_S)

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _full(self, line: bytes) -> str:
        full = len(self) >= self._max_lines or self._waiting_bytes + len(line) > self._max_bytes
        return "queue_full" if full else ""

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending; `close` counts what is left
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue) or self._closed)
                if self._closed:
                    return
                batch = self._take()
            kept = self._put(batch)
            with self._changed:
                if self._closed:  # `close` has counted these as dropped
                    return
                lost, self._in_hand = (0 if kept else self._in_hand), 0
                self._changed.notify_all()
            if lost:
                self._on_drop(lost, "io_error")

    def _take(self) -> bytes:
        """Whole lines up to the atomic size; a longer line by itself."""
        lines = [self._queue.popleft()]
        size = len(lines[0]) + 1
        while self._queue and size + len(self._queue[0]) + 1 <= _ATOMIC:
            lines.append(self._queue.popleft())
            size += len(lines[-1]) + 1
        self._in_hand = len(lines)
        self._waiting_bytes -= size - len(lines)
        lines.append(b"")
        return b"\n".join(lines)

    def _put(self, data: bytes) -> bool:
        """Write *data* whenever there is room, until `close`. Whether all of it went out."""
        rest = memoryview(data)
        while rest:
            try:
                if not self._has_room():
                    return False
                rest = rest[os.write(self._fd, rest[:_ATOMIC]) :]
            except BlockingIOError:  # a non-blocking pipe that another process has just filled
                if self._closed:
                    return False
                time.sleep(0.001)
            except OSError:
                return False
        return True

    def _has_room(self) -> bool:
        """Wait for room in the pipe; false when `close` came first."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while not poll.poll(_LOOK_UP_S * 1000):
            if self._closed:
                return False
        return True
