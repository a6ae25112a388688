"""
Identifiers: request ids (RFC 9562 UUIDv7) and what we accept of a caller's.
"""

from __future__ import annotations

import os
import re
import uuid

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def uuid7(unix_ns: int) -> str:
    """
    A UUIDv7 of the moment *unix_ns* (nanoseconds): sorts by millisecond, 74 random bits (RFC 9562, section 5.7).
    """
    random = int.from_bytes(os.urandom(10), "big")
    value = (unix_ns // 1_000_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def request_id(offered: str | None, unix_ns: int) -> str:
    """
    The caller's id if it is harmless (1 to 64 of ``A-Z a-z 0-9 . _ -``), else a fresh UUIDv7.
    """
    if offered and _ACCEPTED.fullmatch(offered):
        return offered
    return uuid7(unix_ns)
