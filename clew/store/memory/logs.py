"""Log lines in a dictionary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from clew.store import LogFilter, LogLine, Retention
from clew.store.matching import as_text, line_matches


class MemoryLogStore:
    """`LogStore` by linear search: right for thousands of lines, not for millions."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._lock = threading.Lock()
        self._lines: dict[tuple[str, str], LogLine] = {}
        self._ledger: Counter[tuple[str, str]] = Counter()

    def append(self, lines: Iterable[LogLine]) -> int:
        batch = list(lines)
        with self._lock:
            before = len(self._lines)
            for line in batch:
                key = line.index, line.id
                if key not in self._lines:
                    self._ledger[_instance(line)] += 1
                self._lines[key] = line
            return len(self._lines) - before

    def select(self, where: LogFilter) -> Sequence[LogLine]:
        found = [line for line in self._matching(where) if where.before is None or line.cursor < where.before]
        found.sort(key=lambda line: line.cursor, reverse=True)
        return found[: where.limit]

    def count(self, where: LogFilter) -> int:
        return len(self._matching(where))

    def histogram(self, where: LogFilter, *, from_ns: int, to_ns: int, steps: int) -> Mapping[str, Sequence[int]]:
        slices: dict[str, list[int]] = {}
        for line in self._matching(where):
            if from_ns <= line.timestamp_ns < to_ns:
                level = as_text(line.get("log.level")) or ""
                counts = slices.setdefault(level, [0] * steps)
                counts[(line.timestamp_ns - from_ns) * steps // (to_ns - from_ns)] += 1
        return slices

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return dict(self._ledger)

    def expire(self, *, now_s: float) -> int:
        oldest_kept = int((now_s - self._retention.max_age_s) * 1e9)
        with self._lock:
            old = [key for key, line in self._lines.items() if line.timestamp_ns < oldest_kept]
            for key in old:
                del self._lines[key]
            return len(old)

    def close(self) -> None:
        """Nothing to give back."""

    def _matching(self, where: LogFilter) -> list[LogLine]:
        with self._lock:
            lines = list(self._lines.values())
        return [line for line in lines if line_matches(line, where)]


def _instance(line: LogLine) -> tuple[str, str]:
    return as_text(line.get("service.name")) or "", as_text(line.get("service.node.name")) or ""
