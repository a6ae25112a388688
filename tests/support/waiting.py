"""Wait for something to become true, with a deadline and a sentence for the day it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, timeout_s: float = 10.0, interval_s: float = 0.02, what: str = "") -> T:
    """
    The first truthy result of *check*; an AssertionError (what was waited for, what was last seen) after *timeout_s*.
    An AssertionError inside *check* counts as "not yet".
    """
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    last: object = None
    while True:
        try:
            last = check()
            if last:
                return last
        except AssertionError as not_yet:
            last = not_yet
        if time.monotonic() >= deadline:
            name = what or getattr(check, "__doc__", None) or check
            raise AssertionError(f"{name} did not happen in {timeout_s} s; last seen: {last!r}")
        pause.wait(interval_s)
