"""Counts by name, for everything that must not be lost silently."""

from __future__ import annotations

import threading
from collections import Counter


class Tally:
    """
    Counts by name. Safe to add to from several threads; a name that was never added to counts 0.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self._counts[name] += amount

    def __getitem__(self, name: str) -> int:
        with self._lock:
            return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        """A copy, sorted by name, without zeros."""
        with self._lock:
            return {name: count for name, count in sorted(self._counts.items()) if count}


def unheard(_sentence: str) -> None:
    """The listener that does not listen: the default of every `report` argument."""
