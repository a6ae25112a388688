"""
Stores that live and die with the process: for tests and for anything that needs a stack without a disk.
"""

from __future__ import annotations

from clew.store import Retention, Stores
from clew.store.memory.logs import MemoryLogStore
from clew.store.memory.samples import MemorySampleStore
from clew.store.memory.spans import MemorySpanStore

__all__ = ["MemoryLogStore", "MemorySampleStore", "MemorySpanStore", "memory_stores"]


def memory_stores(*, retention: Retention | None = None) -> Stores:
    """
    Three empty stores. They grow until somebody calls `expire`.
    """
    kept = retention or Retention()
    return Stores(logs=MemoryLogStore(kept), samples=MemorySampleStore(kept), spans=MemorySpanStore(kept))
