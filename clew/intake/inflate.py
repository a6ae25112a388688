"""Gzip bodies, unpacked into a bounded amount of memory."""

from __future__ import annotations

import zlib

_GZIP = 16 + zlib.MAX_WBITS


class CorruptGzip(ValueError):
    """The bytes are not a complete gzip file."""


class TooLarge(ValueError):
    """The unpacked body would be larger than allowed."""


def gunzip(packed: bytes, *, limit: int) -> bytes:
    """
    *packed* (RFC 1952, one member) unpacked: at most *limit* bytes, and never more memory than that, however small the
    packed body is. :raises CorruptGzip: :raises TooLarge:
    """
    member = zlib.decompressobj(_GZIP)
    try:
        unpacked = member.decompress(packed, limit + 1)
    except zlib.error as error:
        raise CorruptGzip(f"The body is not gzip: {error}.") from error
    if len(unpacked) > limit:
        raise TooLarge(f"The unpacked body is larger than {limit} bytes.")
    if not member.eof:
        raise CorruptGzip("The gzip body ends in the middle.")
    if member.unused_data:
        raise CorruptGzip("Something follows the gzip body.")
    return unpacked
