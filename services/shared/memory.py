"""What the C library does with memory that is free again."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 1 << 20


def return_large_blocks() -> None:
    """
    From now on, blocks of a megabyte and more go back to the system when they are free. Left alone, glibc learns from
    the first one to keep those that follow, for each thread: mallopt(3), M_MMAP_THRESHOLD. Nothing happens where the C
    library has no such setting.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except AttributeError:
        return
