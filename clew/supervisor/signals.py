"""
Signals as events of a selector.
"""

from __future__ import annotations

import os
import selectors
import signal
from types import FrameType, TracebackType
from typing import Any

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """
    While entered: SIGINT, SIGTERM and SIGHUP are collected, and they and SIGCHLD wake the selector. Main thread only.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._seen: list[signal.Signals] = []
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup_before = -1
        self._read_end, self._write_end = -1, -1

    def taken(self) -> list[signal.Signals]:
        """The requests to stop since the last call, oldest first."""
        seen, self._seen = self._seen, []
        return seen

    def __enter__(self) -> Signals:
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
        self._selector.register(self._read_end, selectors.EVENT_READ, self._drain)
        self._wakeup_before = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in (*_STOP, signal.SIGCHLD):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._selector.unregister(self._read_end)
        os.close(self._read_end)
        os.close(self._write_end)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number != signal.SIGCHLD:
            self._seen.append(signal.Signals(number))

    def _drain(self) -> None:
        try:
            while os.read(self._read_end, 4096):
                continue
        except BlockingIOError:
            return
