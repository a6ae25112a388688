"""
Writing entries: a store of lanes that grows segment by segment, in a shared file or in this process's memory.

Nothing here locks; `Metrics` does.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

from observability.metrics.layout import (
    COMMITTED,
    DEFINITION,
    FILLER,
    HEADER_SIZE,
    SERIES,
    Definition,
    entry,
    series_key,
)

SEGMENT_SIZE = 65536
"""Bytes by which a store grows; a multiple of every page size in use (4, 16 and 64 KiB)."""


class Segment:
    """
    A piece of a store, as bytes, as floats and as unsigned integers. The views stay valid until `release`.
    """

    __slots__ = ("_buffer", "counts", "floats", "raw", "size", "start")

    def __init__(self, buffer: mmap.mmap | bytearray, start: int) -> None:
        self._buffer = buffer
        self.start = start
        self.raw = memoryview(buffer)
        self.floats: memoryview[float] = self.raw.cast("d")
        self.counts: memoryview[int] = self.raw.cast("Q")
        self.size = len(self.raw)

    def release(self) -> None:
        """
        Whoever still uses a view gets a ValueError rather than writing into what is no longer ours.
        """
        for view in (self.floats, self.counts, self.raw):
            view.release()
        if isinstance(self._buffer, mmap.mmap):
            self._buffer.close()


Grow = Callable[[int, int], Segment]
"""(start, size) -> a zeroed segment; OSError where there is no room."""


def private(start: int, size: int) -> Segment:
    """
    A segment that no other process sees.
    """
    return Segment(bytearray(size), start)


class Lanes:
    """
    :param head: the header, see `layout.header`.
    :raises OSError: if not even the first segment finds room.
    """

    def __init__(self, grow: Grow, head: bytes) -> None:
        self._grow = grow
        self._segments = [grow(0, SEGMENT_SIZE)]
        self._definitions: dict[Definition, int] = {}
        self._end = HEADER_SIZE
        self.series = 0
        self.head = self._segments[0]
        self.head.raw[:HEADER_SIZE] = head

    def place(self, definition: Definition, values: tuple[str, ...]) -> tuple[Segment, int]:
        """
        Append a series whose lanes are zero: its segment, and where in it the body begins. Appending the same series
        twice is harmless, since readers add up. OSError if the store cannot grow; nothing has changed then.
        """
        defined_at = self._definitions.get(definition)
        if defined_at is None:
            segment, offset = self._append(entry(DEFINITION, definition.to_json()))
            defined_at = self._definitions[definition] = segment.start + offset
        blob = entry(SERIES, series_key(values), definition_at=defined_at, body=bytes(definition.body_size))
        segment, offset = self._append(blob)
        self.series += 1
        return segment, offset + len(blob) - definition.body_size

    def _append(self, blob: bytes) -> tuple[Segment, int]:
        while True:
            segment, end = self._segments[-1], self._end
            offset = end - segment.start
            if offset + len(blob) > segment.size:
                self._extend(segment, len(blob))
                continue
            where = slice(offset, offset + len(blob))
            # A finalizer that counts something can run inside us whenever an object is allocated, and append an entry
            # of its own. From this check to the commit nothing is allocated that could start the collector.
            if self._end == end:
                segment.raw[where] = blob
                self._end = end + len(blob)
                self.head.counts[COMMITTED] = self._end
                return segment, offset

    def _extend(self, full: Segment, need: int) -> None:
        start = full.start + full.size
        new = self._grow(start, max(SEGMENT_SIZE, -(-need // SEGMENT_SIZE) * SEGMENT_SIZE))
        if self._segments[-1] is not full:  # a finalizer came first, see _append
            new.release()
            return
        rest = start - self._end
        if rest:
            full.counts[(self._end - full.start) // 8] = rest << 8 | FILLER
        self._end = start
        self._segments.append(new)

    def to_bytes(self) -> bytes:
        """
        A copy of everything that is committed, as a reader of a file would find it.
        """
        return b"".join(segment.raw for segment in self._segments)[: self._end]

    def release(self) -> None:
        for segment in self._segments:
            segment.release()
