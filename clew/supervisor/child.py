"""
One child process in a process group of its own, with its output.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from clew.supervisor import processes

_LONGEST_LINE = 64 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Child:
    """
    Started when made. Its group's id is its pid: the child leads a session of its own, so a Ctrl-C in the terminal
    does not reach it. If the supervisor dies (kill -9 too), Linux sends the child SIGTERM; must therefore be made in
    the main thread, because "the parent" is to Linux the thread that forked.

    :param on_line: gets every line of stdout and stderr, without its end.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        *,
        environ: Mapping[str, str],
        cwd: Path,
        selector: selectors.BaseSelector,
        on_line: Callable[[bytes], None],
    ) -> None:
        self._selector = selector
        self._on_line = on_line
        self._rest = b""
        self._process = subprocess.Popen(
            command, env=dict(environ), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_tied_to_parent(),
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        selector.register(self._pipe, selectors.EVENT_READ, self._read)
        self.pid = self._process.pid
        self.identity = processes.identity(self.pid)

    def exit_text(self) -> str | None:
        """None while it runs, then ``exit 1`` or ``signal 9``."""
        code = self._process.poll()
        if code is None:
            return None
        return f"signal {-code}" if code < 0 else f"exit {code}"

    def succeeded(self) -> bool:
        """Whether it has ended with 0."""
        return self._process.poll() == 0

    def group_is_empty(self) -> bool:
        """Whether nothing of it is left: neither the child nor what it started."""
        return self._process.poll() is not None and not processes.members(self.pid)

    def ask_to_stop(self) -> None:
        """SIGTERM to the child; it tells its own children."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end_group(self, number: signal.Signals) -> None:
        """*number* to everything in its group."""
        processes.signal_group(self.pid, number)

    def close(self) -> None:
        """Read what is left in the pipe and let go of it."""
        if self._pipe.closed:
            return
        self._read()
        if not self._pipe.closed:
            self._finish()

    def _read(self) -> None:
        while not self._pipe.closed:
            try:
                data = os.read(self._pipe.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                self._finish()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._on_line(line.rstrip(b"\r"))
            if len(self._rest) > _LONGEST_LINE:
                self._on_line(self._rest)
                self._rest = b""

    def _finish(self) -> None:
        if self._rest:
            self._on_line(self._rest)
            self._rest = b""
        self._selector.unregister(self._pipe)
        self._pipe.close()


def _tied_to_parent() -> Callable[[], None] | None:
    """What the child does between fork and exec so that it cannot outlive this process (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie
