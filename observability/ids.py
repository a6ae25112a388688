"""
Identifiers: request ids (RFC 9562 UUIDv7) and what we accept of a caller's.
"""

from __future__ import annotations

import re
from random import getrandbits

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def uuid7(unix_ns: int) -> str:
    """
    A UUIDv7 of the moment *unix_ns* (nanoseconds): sorts by millisecond, 74 random bits (RFC 9562, section 5.7).
    """
    chance = getrandbits(74)  # an id is no secret; the system's generator costs a system call, 90 us in some sandboxes
    value = (unix_ns // 1_000_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (chance >> 62) << 64
    value |= 0b10 << 62 | chance & (1 << 62) - 1
    text = format(value, "032x")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def request_id(offered: str | None, unix_ns: int) -> str:
    """
    The caller's id if it is harmless (1 to 64 of ``A-Z a-z 0-9 . _ -``), else a fresh UUIDv7.
    """
    if offered and _ACCEPTED.fullmatch(offered):
        return offered
    return uuid7(unix_ns)
