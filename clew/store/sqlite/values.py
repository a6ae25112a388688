"""Values on their way into a column."""

from __future__ import annotations

_INT64_MAX = 2**63 - 1


def int64(value: int) -> int:
    """
    *value*, or the nearest that a column can hold (for nanoseconds: the years 1677 to 2262).
    """
    return max(-_INT64_MAX - 1, min(_INT64_MAX, value))


def utf8(text: str) -> str:
    """
    *text* with lone surrogates, which UTF-8 cannot spell, replaced by question marks.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
