"""Log questions answered by a `LogStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clew.store import LogFilter, LogLine, LogStore


class StoredLogs:
    """`LogReader` on a store."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def search(self, where: LogFilter) -> Sequence[LogLine]:
        return self._store.select(where)

    def count(self, where: LogFilter) -> int:
        return self._store.count(where)

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]:
        return self._store.histogram(where, from_ns=from_ns, to_ns=to_ns, steps=steps)

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        return self._store.count_by_instance()
