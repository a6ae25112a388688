"""
Reading lanes: from the file of a process that may be writing, from a dead one's, from the retired one.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from observability.metrics.files import RETIRED, Unreadable, has_owner, open_to_read
from observability.metrics.layout import (
    BORN,
    COMMITTED,
    CPU_OWN,
    CPU_SEEN,
    DEFINITION,
    EXPORTED_UNTIL,
    HEADER_SIZE,
    INSTANCE_AT,
    INSTANCE_LIMIT,
    INSTANCE_SIZE,
    LATEST,
    MAGIC,
    NOTE,
    PID,
    SERIES,
    SLOT_SIZE,
    SLOTS_PER_BUCKET,
    STARTED,
    SUM_LANES,
    VERSION,
    Definition,
    Slot,
    unpack_slot,
)


class Reading(NamedTuple):
    """
    One series of one process.

    :ivar parts: floats whose sum is the counter's value, the gauge's, or a histogram's sum.
    :ivar counts: observations per bucket, not cumulative.
    :ivar exemplars: per bucket.
    """

    definition: Definition
    values: tuple[str, ...]
    parts: tuple[float, ...]
    counts: tuple[int, ...] = ()
    exemplars: tuple[Slot | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """
    What one file says.

    :param started: when the process began, seconds since the epoch; *born* is when its file did.
    :param cpu_seconds: the last that is known.
    :param note: of the retired file, else empty.
    """

    name: str
    live: bool
    pid: int
    started: float
    born: float
    instance: str
    cpu_seconds: float
    series: tuple[Reading, ...]
    note: dict[str, Any] = field(default_factory=dict)


def read_file(path: Path) -> Contents:
    """
    Raises `files.Unreadable`, or OSError when the file is gone or may not be opened.
    """
    descriptor = open_to_read(path)
    try:
        return read_open_file(descriptor, path.name)
    finally:
        os.close(descriptor)


def read_open_file(descriptor: int, name: str) -> Contents:
    live = has_owner(descriptor)
    size = os.fstat(descriptor).st_size
    while True:
        if size < HEADER_SIZE:
            raise Unreadable(f"{name} is too short to be a lanes file ({size} bytes).")
        with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as mapping, memoryview(mapping) as view:
            grown = os.fstat(descriptor).st_size
            try:
                return read(view, name, live=live)
            except Unreadable:
                if grown <= size:
                    raise
        size = grown  # a live file grew between our two looks


def read(view: memoryview, name: str, *, live: bool) -> Contents:
    """
    :param live: a live process's newest exemplars are taken as they are, since its spans are still on their way. Those
        of a dead one count only up to the moment until which its spans were delivered.
    """
    with view[: len(view) // 8 * 8] as whole, whole.cast("d") as floats, whole.cast("Q") as counts:
        if len(view) < HEADER_SIZE or view[:8] != MAGIC:
            raise Unreadable(f"{name} does not begin like a lanes file.")
        if counts[1] != VERSION:
            raise Unreadable(f"{name} has layout version {counts[1]}; this program reads version {VERSION}.")
        committed = counts[COMMITTED]
        if not HEADER_SIZE <= committed <= len(whole):
            raise Unreadable(f"{name} ends after {len(whole)} bytes, but says that it has {committed}.")
        until = float("inf") if live else floats[EXPORTED_UNTIL]
        entries = _Entries(whole, floats, counts, until)
        try:
            entries.read(committed)
        except (ValueError, TypeError, KeyError, IndexError) as broken:
            if not live:
                raise Unreadable(f"{name} is damaged: {broken!r}") from broken
            # A live file has its last entries in the next scrape: their bytes are not visible to this processor yet.
        if name == RETIRED and "folded" not in entries.note:
            raise Unreadable(f"{name} does not say which files it contains.")
        instance = bytes(view[INSTANCE_AT : INSTANCE_AT + min(counts[INSTANCE_SIZE], INSTANCE_LIMIT)])
        return Contents(
            name=name,
            live=live,
            pid=counts[PID],
            started=floats[STARTED],
            born=floats[BORN],
            instance=instance.decode("utf-8", "replace"),
            cpu_seconds=max(floats[CPU_OWN], floats[CPU_SEEN]),
            series=tuple(entries.series),
            note=entries.note,
        )


class _Entries:
    def __init__(self, raw: memoryview, floats: memoryview[float], counts: memoryview[int], until: float) -> None:
        self._raw, self._floats, self._counts, self._until = raw, floats, counts, until
        self._definitions: dict[int, Definition] = {}
        self.series: list[Reading] = []
        self.note: dict[str, Any] = {}

    def read(self, end: int) -> None:
        at = HEADER_SIZE
        while at < end:
            size, kind = divmod(self._counts[at // 8], 256)
            if size < 8 or size % 8 or at + size > end:
                raise ValueError(f"an entry of {size} bytes at {at}")
            if kind in (DEFINITION, SERIES, NOTE):
                self._entry(kind, at)
            at += size

    def _entry(self, kind: int, at: int) -> None:
        defined_at, length = divmod(self._counts[at // 8 + 1], 1 << 32)
        key = bytes(self._raw[at + 16 : at + 16 + length])
        if kind == DEFINITION:
            self._definitions[at] = Definition.from_json(key)
        elif kind == NOTE:
            self.note = json.loads(key)
        else:
            self._series(self._definitions[defined_at], _values(key), at + 16 + length + (-length % 8))

    def _series(self, definition: Definition, values: tuple[str, ...], body: int) -> None:
        lane = body // 8
        if definition.kind == "gauge":
            self.series.append(Reading(definition, values, (self._floats[lane],)))
            return
        parts = tuple(self._floats[lane : lane + SUM_LANES])
        if definition.kind == "counter":
            self.series.append(Reading(definition, values, parts))
            return
        counts = tuple(self._counts[lane + SUM_LANES : lane + definition.lanes])
        slots = body + definition.lanes * 8
        exemplars = tuple(
            self._exemplar(slots + bucket * SLOTS_PER_BUCKET * SLOT_SIZE) if count else None
            for bucket, count in enumerate(counts)
        )
        self.series.append(Reading(definition, values, parts, counts, exemplars))

    def _exemplar(self, at: int) -> Slot | None:
        """The newest of a bucket's exemplars that may be shown. A torn one is passed over: an older one is whole."""
        best: Slot | None = None
        for number in range(LATEST, -1, -1):
            start = at + number * SLOT_SIZE
            slot = unpack_slot(bytes(self._raw[start : start + SLOT_SIZE]))
            if slot and slot.timestamp <= self._until and (best is None or slot.timestamp > best.timestamp):
                best = slot
                if self._until == float("inf"):
                    break  # live: the latest is the newest
        return best


@lru_cache(maxsize=16384)
def _values(key: bytes) -> tuple[str, ...]:
    """Label values of a series. Keys never change, so what a scrape parsed the next one need not parse again."""
    return tuple(json.loads(key))
