"""
What a request left behind is written down outside of it: a thread turns records into lines and spans, in batches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._ending = threading.Event()
        self._one_writer = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, item: T, *, soon: bool = False) -> None:
        """
        Queue *item*; *soon*: it shall not wait for others to come together with it.
        """
        self._queue.append(item)
        if soon:
            self._hurry.set()
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._wake.set()
        if len(self._queue) > self._limit or self._ending.is_set():
            self.flush()

    def leave(self, item: T) -> None:
        """
        `put` for a destructor, which may run at any moment in any thread: takes no lock, wakes nobody. What is left is
        written with the next flush.
        """
        self._queue.append(item)

    def flush(self) -> None:
        """
        Write everything that was put before this call.
        """
        with self._one_writer:
            # A record's own time is taken a moment before it is put here.
            until = self._clock() - MOMENT_S
            items = [self._queue.popleft() for _ in range(len(self._queue))]
            self._write(items, until)

    def close(self) -> None:
        """
        Write what is left. What is put later is written by whoever puts it.
        """
        self._ending.set()
        self._hurry.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        self.flush()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry-scribe", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.wait()
            self._hurry.wait(self._delay_s)
            self._wake.clear()
            self._hurry.clear()
            self.flush()
            # A second time, for what the first one could not yet vouch for.
            self._hurry.wait(2 * MOMENT_S)
            self.flush()
