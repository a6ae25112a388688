"""
What a request left behind is written down outside of it: a thread turns records into lines and spans, in batches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
MOMENT_S = 0.01


class Scribe(Generic[T]):
    """
    :param write: gets what has come together, oldest first, and the time before which everything is in it (seconds
        since the epoch). It must not raise.
    :param delay_s: how long things may come together.
    :param limit: beyond it `put` writes in the caller's thread: nothing is dropped here, the caller waits instead.
    """

    def __init__(
        self, write: Callable[[Sequence[T], float], None], *, delay_s: float, limit: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._write = write
        self._delay_s = delay_s
        self._limit = limit
        self._clock = clock
        self._queue: deque[T] = deque()
        # A destructor or a signal handler may put in the middle of anything, also of a put: only `SimpleQueue` allows
        # that, an event or a condition would wait for itself. For the same reason the locks are reentrant.
        self._bell: SimpleQueue[bool] = SimpleQueue()
        self._rung = False
        self._ending = False
        self._one_writer = threading.RLock()
        self._starting = threading.RLock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, item: T, *, soon: bool = False) -> None:
        """
        Queue *item*; *soon*: it shall not wait for others to come together with it.
        """
        self._queue.append(item)
        self._ring(soon)
        if self._thread is None:
            self._start()
        if len(self._queue) > self._limit or self._ending or self._thread is None:
            self.flush()

    def leave(self, item: T) -> None:
        """
        `put` for a destructor, which may run at any moment in any thread: it waits for nothing and writes nothing.
        """
        self._queue.append(item)
        self._ring(False)

    def flush(self) -> None:
        """
        Write everything that was put before this call.
        """
        with self._one_writer:
            # A record's own time is taken a moment before it is put here.
            until = self._clock() - MOMENT_S
            items: list[T] = []
            with suppress(IndexError):  # a put by a destructor has written the rest
                for _ in range(len(self._queue)):
                    items.append(self._queue.popleft())
            self._write(items, until)

    def close(self) -> None:
        """
        Write what is left. What is put later is written by whoever puts it.
        """
        self._ending = True
        self._ring(True)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        self.flush()

    def _ring(self, soon: bool) -> None:
        if soon or not self._rung:
            self._rung = True
            self._bell.put(soon)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry-scribe", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # no thread is to be had, or the interpreter is ending: the next put tries again
                    self._thread = None

    def _run(self) -> None:
        while not self._ending:
            if not self._bell.get():
                self._wait(self._delay_s)
            self._rung = False
            self.flush()
            # A second time, for what the first one could not yet vouch for.
            self._wait(2 * MOMENT_S)
            self._rung = False
            self.flush()

    def _wait(self, longest_s: float) -> None:
        """Until time is up or somebody is in a hurry."""
        end = time.monotonic() + longest_s
        with suppress(Empty):
            while (left := end - time.monotonic()) > 0 and not self._bell.get(timeout=left):
                """Something came that has time."""
