"""When somebody asks a process of the stack to end."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def told_to_stop() -> threading.Event:
    """
    Set by SIGTERM, SIGINT or SIGHUP from now on. Main thread only, once per process.

    A thread of its own listens: a handler runs in the main thread, and only once that wakes up, which it does not for a
    signal that came a moment before it fell asleep. The number written to the wake-up descriptor always arrives.
    """
    told = threading.Event()
    hear, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in _STOP:
        signal.signal(number, _nothing)

    def listen() -> None:
        while os.read(hear, 1)[0] not in _STOP:
            continue
        told.set()

    threading.Thread(target=listen, name="told-to-stop", daemon=True).start()
    return told


def _nothing(number: int, frame: FrameType | None) -> None:
    """Without a handler there is no wake-up."""
