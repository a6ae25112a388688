"""
What the supervisor and its children say: to the terminal with a prefix, to a bounded file without.
"""

from __future__ import annotations

import json
import os
import re
import select
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TextIO

COLOURS: Mapping[str, str] = {
    "stack": "\x1b[38;5;245m", "gateway": "\x1b[38;5;99m", "order": "\x1b[38;5;37m", "user": "\x1b[38;5;169m",
}
"""The hues of the explorer, as near as 256 colours come to them."""

_RESET = "\x1b[0m"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 4000  # bytes: with less than PIPE_BUF, a pipe that select calls writable takes the line without blocking


class BoundedLog:
    """
    A file that is moved to ``<name>.1`` when it exceeds *max_bytes*: at most twice that on disk. A full disk loses
    lines, never the process; how many is written once there is room again.
    """

    def __init__(self, path: Path, *, max_bytes: int = 1024 * 1024) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._file: IO[bytes] | None = None
        self._lost = 0

    def write(self, line: bytes) -> None:
        """Append *line*, which has no line end."""
        note = b"(%d lines were lost here: the file could not be written)\n" % self._lost if self._lost else b""
        try:
            file = self._open()
            file.write(note + line + b"\n")
            self._lost = 0
        except OSError:
            self._lost += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        if self._file is not None and self._file.tell() > self._max_bytes:
            self.close()
            os.replace(self.path, self.path.with_name(self.path.name + ".1"))
        if self._file is None:
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 (closed by close)
        return self._file


class Console:
    """
    What `clew up` says. Everything goes to *log*, and to the terminal (or pipe) behind *write* if there is one.

    It never blocks: a line for which there is no room (Ctrl-S, a pipe that nobody reads) is counted and left out of the
    terminal, and the count is said as soon as there is room.
    """

    def __init__(self, write: Callable[[str], bool] | None, *, log: BoundedLog, colours: bool = False) -> None:
        self._write = write
        self._log = log
        self._colours = colours
        self._skipped = 0

    def say(self, text: str) -> None:
        """A line as it is: the supervisor's own, or one that is passed on (its colours are left out of *log*)."""
        self._log.write(_COLOUR.sub("", text).encode("utf-8", "replace"))
        self._show(text)

    def relay(self, name: str, line: str) -> None:
        """A line of the part *name*, which goes before it. Of a JSON log line, level and message are shown."""
        prefix, line = f"{name:<8}| ", _readable(line)
        self._log.write((prefix + line).encode("utf-8", "replace"))
        colour = COLOURS.get(name, "") if self._colours else ""
        self._show(f"{colour}{prefix}{_RESET}{line}" if colour else prefix + line)

    def _show(self, text: str) -> None:
        if self._write is None:
            return
        if self._skipped and self._write(f"({self._skipped} lines left out: nobody read them)"):
            self._skipped = 0
        if self._skipped or not self._write(text):
            self._skipped += 1


def _readable(line: str) -> str:
    if not line.startswith('{"@timestamp"'):
        return line
    try:
        document = json.loads(line)
        return f"{document['log']['level']}: {document['message']}"
    except (ValueError, KeyError, TypeError):
        return line


def line_writer(stream: TextIO) -> Callable[[str], bool]:
    """
    A function that writes one line to *stream* and says whether it did; False instead of waiting. A terminal that has
    gone away takes everything.
    """
    handle = stream.fileno()
    gone = False

    def write(text: str) -> bool:
        nonlocal gone
        if gone:
            return True
        if not select.select([], [handle], [], 0)[1]:
            return False
        data = text.encode(stream.encoding or "utf-8", "replace")[:_LONGEST] + b"\n"
        try:
            os.write(handle, data)
        except OSError:
            gone = True
        return True

    return write
