"""
A circuit breaker: whoever failed several times in a row is left alone for a while.

Written here because pybreaker 1.4 holds its lock for as long as a call takes, so that one process would make one call
at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

MOST_FAILURES = 5
REST_S = 2.0


class Breaker:
    """
    Closed: everybody may call. After *failures* in a row it opens: nobody may, for *rest_s*. Then one caller at a time
    may try; if that goes well it closes, else it stays open for another *rest_s*. Whoever nobody wants to call is not
    refused to anybody: see `expire`. Safe to share between threads.

    :param changed: is told ``True`` when it opens and ``False`` when it closes, in that order. It must not call back.
    :param clock: seconds.
    """

    def __init__(
        self,
        changed: Callable[[bool], None],
        *,
        failures: int = MOST_FAILURES,
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed = changed
        self._most = failures
        self._rest_s = rest_s
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._until: float | None = None
        self._trying = False

    def enter(self) -> float:
        """
        0 when a call may be made: say afterwards how it went, with `leave`. Else the seconds after which to ask again.
        """
        with self._lock:
            if self._until is None:
                return 0.0
            left = self._until - self._clock()
            if left > 0 or self._trying:
                return max(left, 0.1)
            self._trying = True
            return 0.0

    def expire(self, idle_s: float) -> bool:
        """
        Close it if it could have been tried for *idle_s* and nobody came; the next failure opens it again. Whether it
        is closed now.
        """
        with self._lock:
            if self._until is not None and not self._trying and self._clock() >= self._until + idle_s:
                self._failures, self._until = self._most - 1, None
                self._changed(False)
            return self._until is None

    def leave(self, well: bool | None) -> None:
        """
        How a call went; None when it says nothing about whom it asked.
        """
        with self._lock:
            is_open, was_trying, self._trying = self._until is not None, self._trying, False
            if well:
                self._failures, self._until = 0, None
                if is_open:
                    self._changed(False)
            elif well is False and (was_trying or not is_open):
                self._failures += 1
                if is_open or self._failures >= self._most:
                    self._until = self._clock() + self._rest_s
                    if not is_open:
                        self._changed(True)
