"""One watched file: from where it was left, complete lines and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from clew.intake.positions import FileKey, Mark, Record

ANCHOR_BYTES = 256
"""How much of what was read last is compared before reading on: lines that long are not written twice by chance."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """
    A line longer than allowed, bytes [start, end) without its delimiter; only its *head* was read into memory.
    """

    start: int
    end: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Complete lines of one file, in order: bytes [start, end), delimiters included.

    :param lines: without their delimiters; bytes as they are in the file, valid UTF-8 or not.
    :param overlong: set on a batch of its own, which then has no lines.
    :param generation: which life of the file this is from: it goes up when the file is started again at 0.
    """

    path: str
    key: FileKey
    generation: int
    start: int
    end: int
    lines: tuple[bytes, ...]
    delimiter: bytes
    mark: Mark
    overlong: Overlong | None = None

    def starts(self) -> Iterator[int]:
        """Where each line begins in its file, in bytes."""
        start = self.start
        for text in self.lines:
            yield start
            start += len(text) + len(self.delimiter)

    def singles(self) -> Iterator[Batch]:
        """This batch line by line. The parts are for shaping, not for committing: they all bear this batch's end."""
        for start, text in zip(self.starts(), self.lines, strict=True):
            yield replace(self, start=start, lines=(text,))


@dataclass(frozen=True, slots=True)
class Limits:
    """
    :param line_bytes: a longer line is kept aside by its head.
    :param head_bytes: how much of it.
    """

    line_bytes: int = 1024 * 1024
    head_bytes: int = 64 * 1024


class WatchedFile:
    """
    Reads an append-only file by position. Not for several threads.

    What can go wrong with a file that keeps its inode is noticed before each read: it is shorter than what was read
    (truncated), or the bytes before the position are not those that were read (truncated and written again, or
    another file on the same inode). Then it is started again at 0 and `restarts` goes up.
    """

    def __init__(self, key: FileKey, path: str, *, position: int = 0, resume: Record | None = None) -> None:
        self.key = key
        self.path = path
        self.position = position  # all before it was handed out
        self.committed = position  # all before it is stored
        self.generation = 0
        self.restarts = 0
        self.size = 0
        self.at_end = False
        self.gone = False
        self.quiet_since_s = 0.0
        self.descriptor: int | None = None
        self._resume = resume
        self._anchor: bytes | None = b"" if position == 0 else None
        self._searched = 0  # inside an overlong line: no delimiter before this
        self._seen: tuple[int, int] | None = None
        self._read_at: tuple[int, int] | None = None

    def saw(self, stat: os.stat_result) -> bool:
        """Take note of how the file looks now. True if it changed since the last look."""
        seen = (stat.st_size, stat.st_mtime_ns)
        changed = seen != self._seen
        self._seen = seen
        self.size = stat.st_size
        return changed

    @property
    def modified_ns(self) -> int:
        return self._seen[1] if self._seen else 0

    @property
    def worth_reading(self) -> bool:
        return not self.at_end or self._seen != self._read_at

    def open(self) -> bool:
        """
        False if another file has taken the name meanwhile. :raises OSError:
        """
        # Never wait for the other end, should the name have become a pipe.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        stat = os.fstat(descriptor)
        if (stat.st_ino, stat.st_dev) != (self.key.inode, self.key.device):
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    @property
    def deleted(self) -> bool:
        """Whether the open file has no name left anywhere. False if it is not open: then nobody knows."""
        return self.descriptor is not None and os.fstat(self.descriptor).st_nlink == 0

    def read(self, delimiter: bytes, limits: Limits) -> Batch | None:
        """
        The next complete lines of the open file, at most about `limits.line_bytes` of them; None if there is none now.
        :raises OSError:
        """
        assert self.descriptor is not None
        self.saw(os.fstat(self.descriptor))
        if not self.worth_reading:
            return None
        self._check_identity(self.descriptor, delimiter)
        batch = self._read_lines(self.descriptor, delimiter, limits)
        self._read_at = self._seen
        return batch

    def _read_lines(self, descriptor: int, delimiter: bytes, limits: Limits) -> Batch | None:
        if self._searched:
            return self._read_overlong(descriptor, delimiter, limits)
        chunk = os.pread(descriptor, limits.line_bytes + len(delimiter), self.position)
        self.at_end = self.position + len(chunk) >= self.size
        cut = chunk.rfind(delimiter)
        if cut >= 0:
            return self._batch(self.position + cut + len(delimiter), chunk[: cut + len(delimiter)], delimiter)
        if len(chunk) == limits.line_bytes + len(delimiter):
            self._searched = self.position + len(chunk) - len(delimiter) + 1
            return self._read_overlong(descriptor, delimiter, limits)
        return None

    def _read_overlong(self, descriptor: int, delimiter: bytes, limits: Limits) -> Batch | None:
        chunk = os.pread(descriptor, limits.line_bytes, self._searched)
        self.at_end = self._searched + len(chunk) >= self.size
        cut = chunk.find(delimiter)
        if cut < 0:
            self._searched += max(0, len(chunk) - len(delimiter) + 1)
            return None
        end = self._searched + cut
        start = self.position
        head = os.pread(descriptor, min(limits.head_bytes, end - start), start)
        after = end + len(delimiter)
        self.at_end = after >= self.size
        tail = os.pread(descriptor, min(ANCHOR_BYTES, after - start), after - min(ANCHOR_BYTES, after - start))
        self._searched = 0
        return self._batch(after, tail, delimiter, Overlong(start, end, head))

    def _batch(self, end: int, taken: bytes, delimiter: bytes, overlong: Overlong | None = None) -> Batch:
        anchor = ((self._anchor or b"") + taken[-ANCHOR_BYTES:])[-ANCHOR_BYTES:]
        batch = Batch(
            self.path,
            self.key,
            self.generation,
            self.position,
            end,
            () if overlong else tuple(taken[: -len(delimiter)].split(delimiter)),
            delimiter,
            Mark(end, len(anchor), _digest(anchor)),
            overlong,
        )
        self.position = end
        self._anchor = anchor
        return batch

    def _check_identity(self, descriptor: int, delimiter: bytes) -> None:
        if self._resume is not None:
            self._resume_from(descriptor, delimiter, self._resume)
            self._resume = None
        if self._anchor is None:  # started at the end: nothing was read yet that could be compared
            start = max(0, self.position - ANCHOR_BYTES)
            self._anchor = os.pread(descriptor, self.position - start, start)
        anchor = self._anchor
        if self.size < max(self.position, self._searched) or (
            os.pread(descriptor, len(anchor), self.position - len(anchor)) != anchor
        ):
            self._start_again()

    def _resume_from(self, descriptor: int, delimiter: bytes, record: Record) -> None:
        mark = record.mark
        if mark is not None:
            proof = os.pread(descriptor, mark.length, max(0, mark.position - mark.length))
            proven = _digest(proof) == mark.digest and self.size >= mark.position
            position = mark.position
        else:
            # Positions that Logstash wrote come without a mark; they are always just behind a delimiter.
            position = record.position
            start = max(0, position - len(delimiter))
            proven = self.size >= position and os.pread(descriptor, position - start, start) in (b"", delimiter)
        if not proven:
            self._start_again()
            return
        self.position = self.committed = position
        self._anchor = None

    def _start_again(self) -> None:
        self.position = self.committed = self._searched = 0
        self._anchor = b""
        self.generation += 1
        self.restarts += 1
        self.at_end = False


def _digest(anchor: bytes) -> str:
    return hashlib.blake2b(anchor, digest_size=8).hexdigest()
