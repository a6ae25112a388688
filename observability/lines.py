"""
The log file of one worker process: a line is in the kernel's hands when `write` returns, so kill -9 loses none of them.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from observability.after_fork import in_child
from observability.segments import Limits, segment_name, sweep, try_lock

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READABLE_BY_GROUP = 0o640
_DIRECTORY = 0o750


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


class LineFile:
    """
    One writer per file; threads may share it. Lines stand in the file in the order of the calls.

    The file is continued in a new segment beyond *max_bytes* and no file is ever renamed, so a reader that follows
    them misses no byte. It belongs to the process that made it: in a forked child every `write` is refused.
    Files are readable by the group, whatever the umask.

    :param directory: made when it is missing, and made again when it vanishes.
    :param max_bytes: size of a segment; a longer line gets one of its own.
    :param keep: segments of this writer that stay; older ones are deleted.
    :param limits: what dead workers of the same service may leave behind.
    :param clock: seconds since 1970, for the age of files.
    :param on_drop: called with a number of lines and the reason: ``disk_full``, ``io_error``, ``closed``, ``forked``.
    :param on_delete: called with the path and the bytes of every file that was deleted to keep the disk bounded.
    """

    def __init__(
        self,
        directory: str | Path,
        service: str,
        instance: str,
        *,
        max_bytes: int = 64 * 1024**2,
        keep: int = 4,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        on_drop: Callable[[int, str], None] = _ignore,
        on_delete: Callable[[Path, int], None] = _ignore,
    ) -> None:
        self._directory = Path(directory)
        self._service = service
        self._instance = instance
        self._max_bytes = max_bytes
        self._keep = max(1, keep)
        self._on_drop = on_drop
        self._on_delete = on_delete
        self._lock = threading.RLock()  # a signal handler may log in the middle of a write of its own thread
        self._fd = -1
        self._next = 0
        self._segments: list[Path] = []
        self._torn = False
        self._ended = ""
        self.trouble = ""
        """Why the last line was not kept, one sentence; empty when it was."""
        in_child(self._forked)
        with self._lock, suppress(OSError):
            self._open()
        sweep(self._directory, service, limits or Limits(), clock(), on_delete)

    @property
    def path(self) -> Path:
        """The segment that is written now (or was last)."""
        return self._segments[-1] if self._segments else self._path(0)

    def write(self, line: bytes) -> bool:
        """
        Append *line* and a newline. False when it is not in the file; then it was counted by *on_drop*, and the next
        call tries again.
        """
        if self._ended == "forked":
            self._on_drop(1, "forked")
            return False
        with self._lock:
            reason = self._ended or self._try(line)
        if reason:
            self._on_drop(1, reason)
        return not reason

    def close(self) -> None:
        """
        Let go of the file. May be called twice; lines that come later are refused.
        """
        if self._ended:
            return
        with self._lock:
            self._ended = "closed"
            if self._torn and self._fd >= 0:
                with suppress(OSError):
                    os.write(self._fd, b"\n")
            self._close()

    # ---- under the lock ------------------------------------------------------------------------------------------

    def _try(self, line: bytes) -> str:
        """Why *line* could not be written; empty when it was."""
        size = 0
        try:
            size = self._size()
            if size and size + len(line) >= self._max_bytes:
                self._move_on()
            self._append(line)
        except OSError as error:
            self.trouble = f"{self.path} takes no lines: {error.strerror}. Make room, or set LOG_DIR to another place."
            if error.errno == errno.EFBIG and size:
                self._move_on()  # full by the process' own limit (ulimit -f), which the next segment is not
            return "disk_full" if error.errno in _FULL else "io_error"
        self.trouble = ""
        return ""

    def _append(self, line: bytes) -> None:
        data = b"\n" + line + b"\n" if self._torn else line + b"\n"
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError:
            self._torn = self._torn or written > 0
            if written < len(data) - 1:  # else only the newline is missing: the line is there
                raise
        else:
            self._torn = False

    def _size(self) -> int:
        """Bytes of the segment; a new one is opened where there is none, or where it was deleted under our hands."""
        if self._fd >= 0:
            try:
                status = os.fstat(self._fd)
                if status.st_nlink:
                    return status.st_size
            except OSError:  # somebody closed our descriptor; its number may be another file's already
                self._fd = -1
        self._open()
        return 0

    def _move_on(self) -> None:
        """The next segment; while none can be opened the old one goes on, which is better than losing lines."""
        with suppress(OSError):
            self._open()
        while len(self._segments) > self._keep:
            path = self._segments.pop(0)
            with suppress(OSError):
                size = path.stat().st_size
                path.unlink()
                self._on_delete(path, size)

    def _open(self) -> None:
        if not self._directory.is_dir():
            self._directory.mkdir(parents=True, exist_ok=True)
            self._directory.chmod(_DIRECTORY)
        while True:
            path = self._path(self._next)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _READABLE_BY_GROUP)
            self._next += 1
            if try_lock(fd):
                break
            os.close(fd)  # somebody else writes there
        self._close()
        self._fd = fd
        self._segments.append(path)
        os.fchmod(fd, _READABLE_BY_GROUP)
        size = os.fstat(fd).st_size
        self._torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"

    def _close(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _path(self, number: int) -> Path:
        return self._directory / segment_name(self._service, self._instance, number)

    def _forked(self) -> None:
        """In a child: the file stays the parent's, whose lock must not outlive it in our hands."""
        self._ended = "forked"
        self._close()
