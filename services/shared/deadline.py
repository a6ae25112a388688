"""
How long the caller still waits: ``X-Request-Timeout-Ms``, passed on from service to service with what remains.

Milliseconds that remain, not a point in time: clocks differ between machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask, g, has_app_context, request

from observability import Problem

HEADER = "X-Request-Timeout-Ms"
LONGEST_MS = 600_000
RESERVE_S = 0.1
"""Kept back from what is passed on, to answer in time when nothing comes back."""


def keep_deadlines(app: Flask, *, clock: Callable[[], float] = time.monotonic) -> Flask:
    """
    Requests of *app* end by the time their caller names: `time_left` knows it, and one that is late already is not
    begun (504). *clock* gives seconds.
    """

    @app.before_request
    def _arrive() -> None:
        raw = request.headers.get(HEADER)
        if raw is None:
            return
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and int(raw) <= LONGEST_MS):
            raise Problem("invalid", f"The header {HEADER} must be a whole number from 0 to {LONGEST_MS}.")
        if int(raw) == 0:
            raise Problem("timeout", "The time for this request was up before it began.")
        g.deadline = (clock, clock() + int(raw) / 1000)

    return app


def time_left() -> float | None:
    """
    Seconds that the current request may still take for what it asks of others, at least 0. None: nobody said.
    """
    if not has_app_context() or "deadline" not in g:
        return None
    clock, ends = g.deadline
    left: float = ends - clock()
    # a fifth of a short time is enough: a reserve must not be all there is
    return max(0.0, left - min(RESERVE_S, left / 5))
