"""
The bytes of a lanes file: a header, then entries that are only ever appended.

Everything that changes after it was written is a *lane*: eight bytes, at a multiple of eight, stored and loaded as one
machine word, so that a reader in another process sees the old value or the new one and nothing between. An entry is
written first and counts once the header's committed length, itself a lane, says so.

    header      magic, version, pid, start, committed length, exported-until, two CPU lanes, birth, instance id
    entry       size and kind in one lane, key length and place of the definition in one, the key (JSON), the body
    body        counter: value and two error terms; gauge: value; histogram: sum and two error terms, one lane a bucket,
                then three exemplar slots a bucket (confirmed, candidate, latest)
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

MAGIC = b"OBSLANES"
VERSION = 1
HEADER_SIZE = 256

PID, STARTED, COMMITTED, EXPORTED_UNTIL, CPU_OWN, CPU_SEEN, BORN, INSTANCE_SIZE = range(2, 10)
"""
Numbers of the header's lanes. STARTED is the process's start, BORN that of the file. CPU_OWN is stored by the process
itself, CPU_SEEN by whoever scrapes it.
"""
INSTANCE_AT = (INSTANCE_SIZE + 1) * 8
INSTANCE_LIMIT = HEADER_SIZE - INSTANCE_AT

FILLER, DEFINITION, SERIES, NOTE = range(4)
"""Kinds of entries. A filler is the unused end of a segment; a note is what only the retired file has to say."""

SUM_LANES = 3
"""A float total and its error terms: a retired file keeps sums exactly, or rounding would let one step back."""

SLOT_SIZE = 48
SLOTS_PER_BUCKET = 3
CONFIRMED, CANDIDATE, LATEST = range(SLOTS_PER_BUCKET)

_HEADER = struct.Struct("=8sQQdQddddQ")
_ENTRY = struct.Struct("=QQ")
_SLOT_BODY = struct.Struct("=24sdd")
_SLOT_CRC = struct.Struct("=Q")


@dataclass(frozen=True, slots=True)
class Definition:
    """
    What a metric is.

    :param kind: ``counter``, ``gauge`` or ``histogram``.
    :param name: as exported; a counter's ends in ``_total``.
    :param buckets: a histogram's finite upper bounds, ascending.
    :param merge: how the gauges of live processes become one: ``sum`` or ``max``.
    """

    kind: str
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: str = "sum"

    @property
    def lanes(self) -> int:
        """Lanes of one series, exemplar slots apart."""
        if self.kind == "gauge":
            return 1
        return SUM_LANES + (len(self.buckets) + 1 if self.kind == "histogram" else 0)

    @property
    def body_size(self) -> int:
        slots = (len(self.buckets) + 1) * SLOTS_PER_BUCKET if self.kind == "histogram" else 0
        return self.lanes * 8 + slots * SLOT_SIZE

    def to_json(self) -> bytes:
        fields = [self.kind, self.name, self.help, self.labels, self.buckets, self.merge]
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Definition:
        """Raises ValueError or TypeError for anything that `to_json` did not write."""
        kind, name, help_text, labels, buckets, merge = json.loads(text)
        if kind not in ("counter", "gauge", "histogram"):
            raise ValueError(f"{kind!r} is no kind of metric")
        return cls(kind, name, help_text, tuple(labels), tuple(map(float, buckets)), merge)


class Slot(NamedTuple):
    """
    A kept exemplar. *ids* are the 16 bytes of the trace id and the 8 of the span id.
    """

    ids: bytes
    value: float
    timestamp: float


def header(
    *,
    pid: int,
    started: float,
    born: float,
    instance: str,
    committed: int = HEADER_SIZE,
    exported_until: float = 0.0,
) -> bytes:
    """
    A whole header. An instance id longer than the header has room for is cut.
    """
    name = instance.encode("utf-8", "replace")[:INSTANCE_LIMIT]
    fields = _HEADER.pack(MAGIC, VERSION, pid, started, committed, exported_until, 0.0, 0.0, born, len(name))
    return (fields + name).ljust(HEADER_SIZE, b"\0")


def entry(kind: int, key: bytes, *, definition_at: int = 0, body: bytes = b"") -> bytes:
    """
    :param definition_at: where in the file the definition begins that a series belongs to.
    """
    padded = key + b" " * (-len(key) % 8)
    size = _ENTRY.size + len(padded) + len(body)
    return _ENTRY.pack(size << 8 | kind, definition_at << 32 | len(key)) + padded + body


def series_key(values: tuple[str, ...]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def pack_slot(ids: bytes, value: float, timestamp: float) -> bytes:
    """
    An exemplar with a checksum in front: one slice store writes it, and a reader notices a half-written one.
    """
    body = _SLOT_BODY.pack(ids, value, timestamp)
    return _SLOT_CRC.pack(crc32(body)) + body


def slot_ids(raw: memoryview) -> bytes:
    """
    The ids of whatever exemplar a slot holds; zeros if it is empty.
    """
    return bytes(raw[_SLOT_CRC.size : _SLOT_CRC.size + 24])


def unpack_slot(raw: bytes) -> Slot | None:
    """
    None if the slot is empty or was torn by a write in progress.
    """
    body = raw[_SLOT_CRC.size :]
    if _SLOT_CRC.unpack_from(raw)[0] != crc32(body):
        return None
    return Slot._make(_SLOT_BODY.unpack(body))
